//go:build interop

package interop

import (
	"cmp"
	"crypto"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A signingKey is a key of the differential's zones. Zones share them, since keys for
// each would take longer to make than all the rest.
type signingKey struct {
	record  dns.DNSKEY
	private crypto.Signer
}

// dnskey is the key in a zone, with these flags.
func (k *signingKey) dnskey(zone string, flags uint16) *dns.DNSKEY {
	record := k.record
	record.Hdr = dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}
	record.Flags, record.Protocol = flags, 3
	return &record
}

// A keyring holds some keys of each algorithm.
type keyring map[uint8][]*signingKey

func (r keyring) private(key *dns.DNSKEY) crypto.Signer {
	for _, known := range r[key.Algorithm] {
		if known.record.PublicKey == key.PublicKey {
			return known.private
		}
	}
	return nil // which no signature can be made with
}

// newKeyring makes the keys. RSA keys serve for all of RSA's algorithms, and are
// short, because there are thousands of signatures to make. They do not follow from
// the seed, since no verdict depends on which they are.
func newKeyring() (keyring, error) {
	const each = 3
	keys := make(keyring)
	for algorithm, bits := range map[uint8]int{dns.RSASHA256: 1024, dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256} {
		for range each {
			key := &signingKey{record: dns.DNSKEY{Algorithm: algorithm}}
			private, err := key.record.Generate(bits)
			if err != nil {
				return nil, err
			}
			key.private = private.(crypto.Signer)
			keys[algorithm] = append(keys[algorithm], key)
		}
	}
	for _, algorithm := range []uint8{dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA512} {
		for _, key := range keys[dns.RSASHA256] {
			same := *key
			same.record.Algorithm = algorithm
			keys[algorithm] = append(keys[algorithm], &same)
		}
	}
	return keys, nil
}

// An ownerType says where a signedSet stands.
type ownerType struct {
	owner string
	rtype uint16
}

// A signedSet is an RRset and its signatures.
type signedSet struct {
	records []dns.RR
	sigs    []*dns.RRSIG
}

// A signedZone is a zone whose every record can be damaged before it is written.
type signedZone struct {
	name     string
	ksk, zsk *signingKey // the same one signs all; nil: the zone is not signed
	nsec3    *dns.NSEC3PARAM
	optOut   bool
	sets     map[ownerType]*signedSet
	cuts     map[string]bool // delegations and DNAMEs, below which is nothing of ours

	keys        keyring
	from, until time.Time // validity of the signatures
}

func newZone(name string, keys keyring, now time.Time) *signedZone {
	z := &signedZone{
		name: name, sets: make(map[ownerType]*signedSet), cuts: make(map[string]bool), keys: keys,
		from: now.Add(-48 * time.Hour), until: now.Add(20 * 24 * time.Hour),
	}
	z.add("@ SOA ns hostmaster 1 7200 3600 86400 300", "@ NS ns", "ns A 127.0.0.1")
	return z
}

func (z *signedZone) setNSEC3(iterations uint16, salt string) {
	z.nsec3 = &dns.NSEC3PARAM{
		Hdr:  dns.RR_Header{Name: z.name, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
		Hash: dns.SHA1, Iterations: iterations, Salt: salt, SaltLength: uint8(len(salt) / 2),
	}
}

// add adds records, which are written as in a master file.
func (z *signedZone) add(lines ...string) {
	text := "$ORIGIN " + z.name + "\n$TTL 300\n" + strings.Join(lines, "\n") + "\n"
	parser := dns.NewZoneParser(strings.NewReader(text), z.name, "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		z.addRecord(rr)
	}
	if err := parser.Err(); err != nil {
		panic(err) // the text is our own
	}
}

func (z *signedZone) addRecord(rr dns.RR) {
	h := rr.Header()
	at := ownerType{h.Name, h.Rrtype}
	if z.sets[at] == nil {
		z.sets[at] = new(signedSet)
	}
	z.sets[at].records = append(z.sets[at].records, rr)
	if h.Rrtype == dns.TypeNS && h.Name != z.name || h.Rrtype == dns.TypeDNAME {
		z.cuts[h.Name] = true
	}
}

// set returns the RRset of a name in the zone, "@" being its apex; nil if none.
func (z *signedZone) set(name string, rtype uint16) *signedSet {
	return z.sets[ownerType{z.under(name), rtype}]
}

func (z *signedZone) under(name string) string {
	if name == "@" {
		return z.name
	}
	return name + "." + strings.TrimPrefix(z.name, ".")
}

// below reports whether a name lies below a cut, and so is not the zone's.
func (z *signedZone) below(name string) bool {
	for i, end := dns.NextLabel(name, 0); !end; i, end = dns.NextLabel(name, i) {
		if z.cuts[name[i:]] {
			return true
		}
	}
	return false
}

// signed reports whether a set gets a signature (RFC 4035 §2.2).
func (z *signedZone) signed(at ownerType) bool {
	return !z.below(at.owner) && (at.rtype != dns.TypeNS || at.owner == z.name)
}

// sign makes the chain of denial and then all signatures.
func (z *signedZone) sign() error {
	if z.nsec3 != nil {
		z.addNSEC3()
	} else {
		z.addNSEC()
	}
	for at, set := range z.sets {
		if !z.signed(at) {
			continue
		}
		if err := z.resign(set, z.signer(set)); err != nil {
			return err
		}
	}
	return nil
}

// resign signs a set by a key alone. change, if there is one, sees the signature
// before it is made.
func (z *signedZone) resign(set *signedSet, key *dns.DNSKEY, change ...func(*dns.RRSIG)) error {
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Ttl: set.records[0].Header().Ttl},
		Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: z.name,
		Inception: uint32(z.from.Unix()), Expiration: uint32(z.until.Unix()),
	}
	for _, f := range change {
		f(sig)
	}
	if err := sig.Sign(z.keys.private(key), set.records); err != nil {
		return fmt.Errorf("%s: %w", set.records[0].Header(), err)
	}
	set.sigs = []*dns.RRSIG{sig}
	return nil
}

// signer is the key that signs a set, with the flags that it has in the zone, on
// which the key tag depends.
func (z *signedZone) signer(set *signedSet) *dns.DNSKEY {
	key := z.zsk
	if set.records[0].Header().Rrtype == dns.TypeDNSKEY {
		key = z.ksk
	}
	if keys := z.set("@", dns.TypeDNSKEY); keys != nil {
		for _, rr := range keys.records {
			if held := rr.(*dns.DNSKEY); held.PublicKey == key.record.PublicKey && held.Algorithm == key.record.Algorithm {
				return held
			}
		}
	}
	return key.dnskey(z.name, dns.ZONE) // the zone has lost its keys
}

// names are the owners in the zone with their types, in canonical order (RFC 4034
// §6.1), which is that of the labels from the right.
func (z *signedZone) names() (owners []string, types map[string][]uint16) {
	types = make(map[string][]uint16)
	for at := range z.sets {
		if !z.below(at.owner) {
			types[at.owner] = append(types[at.owner], at.rtype)
		}
	}
	reversed := func(name string) string {
		labels := dns.SplitDomainName(name)
		slices.Reverse(labels)
		return strings.Join(labels, "\x00")
	}
	return slices.SortedFunc(maps.Keys(types), func(a, b string) int { return cmp.Compare(reversed(a), reversed(b)) }), types
}

func (z *signedZone) addNSEC() {
	owners, types := z.names()
	for i, owner := range owners {
		z.addRecord(&dns.NSEC{
			Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300},
			NextDomain: owners[(i+1)%len(owners)],
			TypeBitMap: sorted(types[owner], dns.TypeNSEC, dns.TypeRRSIG),
		})
	}
}

func (z *signedZone) addNSEC3() {
	z.addRecord(z.nsec3)
	_, types := z.names()
	byHash := make(map[string][]uint16)
	for owner, has := range types {
		switch insecure := owner != z.name && slices.Contains(has, dns.TypeNS) && !slices.Contains(has, dns.TypeDS); {
		case insecure && z.optOut:
			continue // RFC 5155 §7.1
		case !insecure:
			has = append(has, dns.TypeRRSIG)
		}
		byHash[z.hash(owner)] = sorted(has)
		// The empty non-terminals above it have records, too.
		for above := parentOf(owner); len(above) > len(z.name); above = parentOf(above) {
			if types[above] == nil {
				byHash[z.hash(above)] = nil
			}
		}
	}
	hashes := slices.Sorted(maps.Keys(byHash))
	for i, hash := range hashes {
		record := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: strings.ToLower(hash) + "." + z.name, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 300},
			Hash: z.nsec3.Hash, Iterations: z.nsec3.Iterations, SaltLength: z.nsec3.SaltLength, Salt: z.nsec3.Salt,
			HashLength: 20, NextDomain: hashes[(i+1)%len(hashes)], TypeBitMap: byHash[hash],
		}
		if z.optOut {
			record.Flags = 1
		}
		z.addRecord(record)
	}
}

func (z *signedZone) hash(name string) string {
	return dns.HashName(name, dns.SHA1, z.nsec3.Iterations, z.nsec3.Salt)
}

// parentOf returns the name without its first label.
func parentOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return cmp.Or(parent, ".")
}

func sorted(types []uint16, more ...uint16) []uint16 {
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(types), more...))))
}

// String is the master file.
func (z *signedZone) String() string {
	var b strings.Builder
	write := func(set *signedSet) {
		for _, rr := range set.records {
			fmt.Fprintln(&b, rr)
		}
		for _, sig := range set.sigs {
			fmt.Fprintln(&b, sig)
		}
	}
	soa := ownerType{z.name, dns.TypeSOA}
	write(z.sets[soa])
	for _, at := range z.sorted() {
		if at != soa {
			write(z.sets[at])
		}
	}
	return b.String()
}

// sorted are the places of the sets, in an order that is the same for the same seed.
func (z *signedZone) sorted() []ownerType {
	return slices.SortedFunc(maps.Keys(z.sets), func(a, b ownerType) int {
		return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.rtype, b.rtype))
	})
}
