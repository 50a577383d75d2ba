//go:build interop

package interop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A differentialCase is a zone with random content, random faults, and the questions
// about it. All that is random in it follows from the seed and its number.
type differentialCase struct {
	number int
	name   string // of the zone
	shape  string // in words
	rand   *rand.Rand

	parent, zone *signedZone
	children     []*signedZone     // below it
	sibling      *differentialCase // another one, to which aliases lead

	changeDS  func(*signedZone, *dns.DS) []*dns.DS
	faults    []string // that apply
	detail    string   // what the fault being applied did, for its name
	after     []fault  // chosen, for after the signing
	questions []question
}

func oneOf[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance is true once in n times.
func (c *differentialCase) chance(n int) bool { return c.rand.IntN(n) == 0 }

var differentialAlgorithms = []uint8{
	dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512,
	dns.ECDSAP256SHA256, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519,
}

// newCase chooses how the zone is signed.
func newCase(number int, seed uint64, parent *signedZone, now time.Time) *differentialCase {
	c := &differentialCase{
		number: number, name: fmt.Sprintf("c%d.%s", number, parent.name), shape: "not signed",
		rand: rand.New(rand.NewPCG(seed, uint64(number))), parent: parent,
	}
	c.zone = newZone(c.name, parent.keys, now)
	if c.chance(20) {
		return c
	}
	algorithm := oneOf(c.rand, differentialAlgorithms)
	c.zone.setKeys(algorithm, c.chance(3))
	c.shape = dns.AlgorithmToString[algorithm] + " NSEC"
	// Algorithm 5 says that there is no NSEC3 (RFC 5155 §2).
	if algorithm != dns.RSASHA1 && c.chance(2) {
		c.zone.setNSEC3(oneOf(c.rand, []uint16{0, 0, 5}), oneOf(c.rand, []string{"", "aabb"}))
		c.zone.optOut = c.chance(3)
		c.shape += "3"
		if c.zone.optOut {
			c.shape += " with opt-out"
		}
	}
	return c
}

// setKeys gives the zone a KSK and a ZSK, or one key for all.
func (z *signedZone) setKeys(algorithm uint8, one bool) {
	z.ksk, z.zsk = z.keys[algorithm][0], z.keys[algorithm][1]
	z.addRecord(z.ksk.dnskey(z.name, dns.ZONE|dns.SEP))
	if one {
		z.zsk = z.ksk
	} else {
		z.addRecord(z.zsk.dnskey(z.name, dns.ZONE))
	}
}

// shapes are what a zone may have, and the questions that it is there for. NAME is the
// zone, SIBLING another case's.
var shapes = []struct {
	records   []string
	questions []question
}{
	{[]string{"www A 192.0.2.1"}, []question{{"www.NAME", "A"}, {"www.NAME", "AAAA"}, {"x.www.NAME", "A"}}},
	{nil, []question{{"nosuch.NAME", "A"}, {"NAME", "SOA"}, {"NAME", "DNSKEY"}, {"NAME", "DS"}, {"zz.nosuch.NAME", "TLSA"}}},
	{[]string{"@ MX 10 www"}, []question{{"NAME", "MX"}, {"NAME", "TXT"}}},
	{[]string{"*.wild A 192.0.2.2"}, []question{{"x.wild.NAME", "A"}, {"x.wild.NAME", "TXT"}, {"y.x.wild.NAME", "A"}, {"*.wild.NAME", "A"}}},
	{[]string{"a.b.ent TXT here"}, []question{{"ent.NAME", "A"}, {"b.ent.NAME", "TXT"}, {"c.b.ent.NAME", "A"}}},
	{[]string{"alias CNAME www"}, []question{{"alias.NAME", "A"}, {"alias.NAME", "AAAA"}, {"alias.NAME", "CNAME"}}},
	{[]string{"away CNAME www.SIBLING"}, []question{{"away.NAME", "A"}, {"away.NAME", "TXT"}}},
	{[]string{"astray CNAME nosuch.SIBLING"}, []question{{"astray.NAME", "A"}}},
	{[]string{"*.aliases CNAME www.SIBLING"}, []question{{"x.aliases.NAME", "A"}}},
	{[]string{"tree DNAME SIBLING"}, []question{{"www.tree.NAME", "A"}, {"nosuch.tree.NAME", "A"}, {"tree.NAME", "DNAME"}, {"tree.NAME", "A"}}},
	{[]string{"_25._tcp.mail TLSA 3 1 1 " + noDigest, "mail A 192.0.2.3"},
		[]question{{"_25._tcp.mail.NAME", "TLSA"}, {"_tcp.mail.NAME", "A"}, {"mail.NAME", "A"}, {"mail.NAME", "TLSA"}}},
	{[]string{"insecure NS ns"}, []question{{"www.insecure.NAME", "A"}, {"insecure.NAME", "DS"}, {"nosuch.insecure.NAME", "A"}}},
	{[]string{"secure NS ns"}, []question{{"www.secure.NAME", "A"}, {"secure.NAME", "DS"}, {"nosuch.secure.NAME", "A"}}},
	{[]string{"strange NS ns"}, []question{{"www.strange.NAME", "A"}, {"strange.NAME", "DS"}, {"nosuch.strange.NAME", "A"}}},
}

const questionsEach = 8

// fill adds the records, the zones below and the first faults, and signs.
func (c *differentialCase) fill(now time.Time) error {
	for i, s := range shapes {
		if i > 1 && c.chance(3) {
			continue // the first two are always there
		}
		for _, line := range s.records {
			c.zone.add(strings.ReplaceAll(line, "SIBLING", c.sibling.name))
		}
		for _, q := range s.questions {
			c.questions = append(c.questions, question{strings.ReplaceAll(q.name, "NAME", c.name), q.qtype})
		}
	}
	c.rand.Shuffle(len(c.questions), func(i, j int) { c.questions[i], c.questions[j] = c.questions[j], c.questions[i] })
	c.questions = c.questions[:min(len(c.questions), questionsEach)]

	for _, below := range []string{"insecure", "secure", "strange"} {
		if c.zone.set(below, dns.TypeNS) != nil {
			if err := c.addChild(below, now); err != nil {
				return err
			}
		}
	}
	if c.zone.ksk == nil {
		return nil
	}
	c.chooseFaults()
	return c.zone.sign()
}

// addChild makes the zone at a cut. It has no DS record, a right one, or one of an
// unknown algorithm.
func (c *differentialCase) addChild(name string, now time.Time) error {
	z := newZone(c.zone.under(name), c.zone.keys, now)
	z.add("www A 192.0.2.4")
	c.children = append(c.children, z)
	if name == "insecure" {
		return nil
	}
	z.setKeys(dns.ED25519, true)
	ds := z.ds(0, dns.SHA256)
	if name == "strange" {
		ds.Algorithm = unknownAlgorithm
	}
	if c.zone.ksk != nil {
		c.zone.addRecord(ds)
	}
	return z.sign()
}

// chooseFaults applies those for before the signing at once.
func (c *differentialCase) chooseFaults() {
	kinds := [][]fault{zoneFaults, dsFaults, denialFaults, damagedSignatures, damagedSignatures}
	for range oneOf(c.rand, []int{0, 1, 1, 1, 2, 2, 3}) {
		f := oneOf(c.rand, oneOf(c.rand, kinds))
		switch applies := f.before == nil || f.before(c); {
		case !applies:
		case f.after != nil:
			c.after = append(c.after, f)
		default:
			c.faults = append(c.faults, f.name)
		}
	}
}

// delegate adds the delegation to the zone above.
func (c *differentialCase) delegate() {
	c.parent.add(c.name + " NS ns")
	if c.zone.ksk == nil {
		return
	}
	ds := c.zone.ds(0, dns.SHA256)
	records := []*dns.DS{ds}
	if c.changeDS != nil {
		records = c.changeDS(c.zone, ds)
	}
	for _, record := range records {
		record.Hdr.Ttl = 300
		c.parent.addRecord(record)
	}
}

// damage applies the faults that come after the signing of this zone and the one
// above.
func (c *differentialCase) damage() {
	for _, f := range c.after {
		c.detail = ""
		if c.keys() != nil && f.after(c) {
			c.faults = append(c.faults, f.name+c.detail)
		}
	}
}

// keys are the zone's keys, nil if it has lost them.
func (c *differentialCase) keys() *signedSet { return c.zone.set("@", dns.TypeDNSKEY) }

// ds are the DS records of the zone, nil if there are none.
func (c *differentialCase) ds() *signedSet { return c.parent.sets[ownerType{c.name, dns.TypeDS}] }

// denialOfDS is the record for the zone's name in the zone above, nil if there is
// none or a DS record is there.
func (c *differentialCase) denialOfDS() *signedSet {
	switch {
	case c.ds() != nil:
		return nil
	case c.parent.nsec3 != nil:
		return c.parent.set(strings.ToLower(c.parent.hash(c.name)), dns.TypeNSEC3)
	}
	return c.parent.sets[ownerType{c.name, dns.TypeNSEC}]
}

// answers are the sets that a positive answer holds.
func (c *differentialCase) answers() []ownerType {
	return slices.DeleteFunc(c.zone.sorted(), func(at ownerType) bool {
		return slices.Contains([]uint16{dns.TypeSOA, dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM}, at.rtype) || !c.zone.signed(at)
	})
}

// denial is a random record of those that prove what there is not; nil if there is none
// left.
func (c *differentialCase) denial() *signedSet {
	chain := slices.DeleteFunc(c.zone.sorted(), func(at ownerType) bool {
		return at.rtype != dns.TypeNSEC && at.rtype != dns.TypeNSEC3
	})
	if len(chain) == 0 {
		return nil
	}
	return c.zone.sets[oneOf(c.rand, chain)]
}

// otherKey is a key of the zone's algorithm that it does not have.
func otherKey(z *signedZone) *signingKey { return z.keys[z.ksk.record.Algorithm][2] }
