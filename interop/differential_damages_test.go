//go:build interop

package interop

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A damage is something wrong with one signature.
type damage struct {
	name string
	do   func(c *differentialCase, z *signedZone, set *signedSet) bool
}

// damagedSignatures are all damages of all kinds of RRsets.
var damagedSignatures = signatureFaults()

func signatureFaults() []fault {
	var all []fault
	for what, target := range signatureTargets {
		for _, d := range damages {
			all = append(all, fault{
				name: fmt.Sprintf("signature of %s: %s", what, d.name),
				after: func(c *differentialCase) bool {
					z, set := target(c)
					return set != nil && len(set.sigs) > 0 && d.do(c, z, set)
				},
			})
		}
	}
	slices.SortFunc(all, func(a, b fault) int { return strings.Compare(a.name, b.name) })
	return all
}

// signatureTargets find the RRset, and the zone that has signed it.
var signatureTargets = map[string]func(*differentialCase) (*signedZone, *signedSet){
	"an answer": func(c *differentialCase) (*signedZone, *signedSet) {
		return c.zone, c.zone.sets[oneOf(c.rand, c.answers())]
	},
	"the SOA":          func(c *differentialCase) (*signedZone, *signedSet) { return c.zone, c.zone.set("@", dns.TypeSOA) },
	"the keys":         func(c *differentialCase) (*signedZone, *signedSet) { return c.zone, c.zone.set("@", dns.TypeDNSKEY) },
	"a denial":         func(c *differentialCase) (*signedZone, *signedSet) { return c.zone, c.denial() },
	"the DS":           func(c *differentialCase) (*signedZone, *signedSet) { return c.parent, c.ds() },
	"the denial of DS": func(c *differentialCase) (*signedZone, *signedSet) { return c.parent, c.denialOfDS() },
}

const (
	week  = 7 * 86400
	month = 30 * 86400
)

var damages = []damage{
	{"expired", again(func(s *dns.RRSIG) { s.Inception -= 2 * month; s.Expiration -= 2 * month })},
	{"not yet valid", again(func(s *dns.RRSIG) { s.Inception += week })},
	{"expires before its inception", again(func(s *dns.RRSIG) { s.Inception, s.Expiration = s.Expiration, s.Inception })},
	{"original TTL lower than the TTL", again(func(s *dns.RRSIG) { s.OrigTtl = 30 })},
	{"of another zone", func(c *differentialCase, z *signedZone, set *signedSet) bool {
		other := c.sibling.zone
		return other.ksk != nil && z.resign(set, other.zsk.dnskey(other.name, dns.ZONE), func(s *dns.RRSIG) { s.SignerName = other.name }) == nil
	}},
	{"of the zone above", func(c *differentialCase, z *signedZone, set *signedSet) bool {
		above := c.parent.signer(c.parent.set("@", dns.TypeSOA))
		return z == c.zone && z.resign(set, above, func(s *dns.RRSIG) { s.SignerName = c.parent.name }) == nil
	}},
	{"of a key that the zone does not have", func(c *differentialCase, z *signedZone, set *signedSet) bool {
		return z.resign(set, otherKey(z).dnskey(z.name, dns.ZONE)) == nil
	}},
	{"of another key, under the tag of ours", func(c *differentialCase, z *signedZone, set *signedSet) bool {
		tag := set.sigs[0].KeyTag
		return z.resign(set, otherKey(z).dnskey(z.name, dns.ZONE), func(s *dns.RRSIG) { s.KeyTag = tag }) == nil
	}},
	{"made for the wildcard beside the name", func(_ *differentialCase, z *signedZone, set *signedSet) bool {
		owner := set.records[0].Header().Name
		if owner == z.name || strings.HasPrefix(owner, "*.") {
			return false
		}
		wildcard := new(signedSet)
		for _, rr := range set.records {
			rr = dns.Copy(rr)
			rr.Header().Name = "*." + parentOf(owner)
			wildcard.records = append(wildcard.records, rr)
		}
		if z.resign(wildcard, z.signer(set)) != nil {
			return false
		}
		set.sigs = wildcard.sigs
		set.sigs[0].Hdr.Name = owner
		return true
	}},
	{"one label less", func(_ *differentialCase, z *signedZone, set *signedSet) bool {
		sig := set.sigs[0]
		if int(sig.Labels) <= dns.CountLabel(z.name) {
			return false // named does not load it
		}
		sig.Labels--
		return true
	}},
	{"missing", func(_ *differentialCase, _ *signedZone, set *signedSet) bool { set.sigs = nil; return true }},
	{"corrupted", edit(corrupt)},
	{"cut short", edit(func(s *dns.RRSIG) { s.Signature = s.Signature[:len(s.Signature)/8*4] })},
	{"one label more", edit(func(s *dns.RRSIG) { s.Labels++ })},
	{"another original TTL", edit(func(s *dns.RRSIG) { s.OrigTtl += 1000 })},
	{"another key tag", edit(func(s *dns.RRSIG) { s.KeyTag++ })},
	{"of an unknown algorithm", edit(func(s *dns.RRSIG) { s.Algorithm = unknownAlgorithm })},
	{"one more, corrupted", add(corrupt)},
	{"one more, of an unknown algorithm", add(func(s *dns.RRSIG) { s.Algorithm = unknownAlgorithm })},
	{"one more, expired", add(func(s *dns.RRSIG) { s.Inception -= 2 * month; s.Expiration -= 2 * month })},
	{"one more, of a key that is not there", add(func(s *dns.RRSIG) { s.KeyTag += 5 })},
}

// again signs anew, with other values.
func again(change func(*dns.RRSIG)) func(*differentialCase, *signedZone, *signedSet) bool {
	return func(_ *differentialCase, z *signedZone, set *signedSet) bool {
		return z.resign(set, z.signer(set), change) == nil
	}
}

// edit changes a signature that was made.
func edit(change func(*dns.RRSIG)) func(*differentialCase, *signedZone, *signedSet) bool {
	return func(_ *differentialCase, _ *signedZone, set *signedSet) bool {
		change(set.sigs[0])
		return true
	}
}

// add puts a changed copy of the signature before it.
func add(change func(*dns.RRSIG)) func(*differentialCase, *signedZone, *signedSet) bool {
	return func(_ *differentialCase, _ *signedZone, set *signedSet) bool {
		sig := dns.Copy(set.sigs[0]).(*dns.RRSIG)
		change(sig)
		set.sigs = append([]*dns.RRSIG{sig}, set.sigs...)
		return true
	}
}

func corrupt(sig *dns.RRSIG) {
	b, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		panic(err) // it is ours, and at most cut short
	}
	b[len(b)/2] ^= 1
	sig.Signature = base64.StdEncoding.EncodeToString(b)
}
