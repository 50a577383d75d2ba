//go:build interop

package interop

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A fault is something wrong, or only unusual, with a signed zone or its delegation.
// It reports false where it does not apply, and has changed nothing then.
type fault struct {
	name   string
	before func(*differentialCase) bool // the zone is signed
	after  func(*differentialCase) bool // it and the zone above are signed
}

// Both numbers are unassigned.
const (
	unknownAlgorithm = 200
	unknownDigest    = 100
)

var zoneFaults = []fault{
	{name: "all TTLs are 0", before: func(c *differentialCase) bool {
		for _, set := range c.zone.sets {
			for _, rr := range set.records {
				rr.Header().Ttl = 0
			}
		}
		return true
	}},
	{name: "the KSK is revoked", before: changeKey(0, func(k *dns.DNSKEY) { k.Flags |= dns.REVOKE })},
	{name: "the KSK has no SEP flag", before: changeKey(0, func(k *dns.DNSKEY) { k.Flags &^= dns.SEP })},
	{name: "the KSK is no zone key", before: changeKey(0, func(k *dns.DNSKEY) { k.Flags &^= dns.ZONE })},
	{name: "the KSK has protocol 2", before: changeKey(0, func(k *dns.DNSKEY) { k.Protocol = 2 })},
	{name: "the ZSK is revoked", before: changeKey(1, func(k *dns.DNSKEY) { k.Flags |= dns.REVOKE })},
	{name: "the ZSK has the SEP flag", before: changeKey(1, func(k *dns.DNSKEY) { k.Flags |= dns.SEP })},
	{name: "the ZSK is no zone key", before: changeKey(1, func(k *dns.DNSKEY) { k.Flags &^= dns.ZONE })},
	{name: "the ZSK has protocol 2", before: changeKey(1, func(k *dns.DNSKEY) { k.Protocol = 2 })},
	{name: "another good key", before: addKey(func(z *signedZone) *dns.DNSKEY { return otherKey(z).dnskey(z.name, dns.ZONE) })},
	{name: "another key of an unknown algorithm", before: addKey(func(z *signedZone) *dns.DNSKEY {
		key := otherKey(z).dnskey(z.name, dns.ZONE|dns.SEP)
		key.Algorithm = unknownAlgorithm
		return key
	})},
	{name: "another RSA key of 512 bits", before: addKey(weakKey)},
	{name: "another RSA key of 512 bits, with a DS record and no good signature", before: addKey(weakKey),
		after: func(c *differentialCase) bool {
			keys, set := c.keys(), c.ds()
			if set == nil || len(keys.sigs) == 0 {
				return false
			}
			weak := keys.records[len(keys.records)-1].(*dns.DNSKEY)
			sig := dns.Copy(keys.sigs[0]).(*dns.RRSIG)
			sig.Algorithm, sig.KeyTag = weak.Algorithm, weak.KeyTag()
			keys.sigs = append(keys.sigs, sig)
			ds := weak.ToDS(dns.SHA256)
			ds.Hdr.Ttl = set.records[0].Header().Ttl
			set.records = append(set.records, ds)
			return c.parent.resign(set, c.parent.signer(set)) == nil
		}},
	{name: "no DNSKEY records", after: func(c *differentialCase) bool {
		delete(c.zone.sets, ownerType{c.name, dns.TypeDNSKEY})
		return true
	}},
	{name: "no signatures at all", after: func(c *differentialCase) bool {
		for _, set := range c.zone.sets {
			set.sigs = nil
		}
		return true
	}},
	{name: "the ZSK signs the keys", after: func(c *differentialCase) bool {
		return c.zone.resign(c.keys(), c.zone.signer(c.zone.set("@", dns.TypeSOA))) == nil
	}},
	{name: "the KSK signs the SOA record", after: func(c *differentialCase) bool {
		return c.zone.resign(c.zone.set("@", dns.TypeSOA), c.zone.signer(c.keys())) == nil
	}},
}

// changeKey changes the KSK, which comes first, or the ZSK; they may be the same.
func changeKey(n int, change func(*dns.DNSKEY)) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		keys := c.keys().records
		key := keys[0].(*dns.DNSKEY)
		if c.zone.ksk != c.zone.zsk {
			key = keys[n].(*dns.DNSKEY)
		}
		change(key)
		return true
	}
}

func addKey(key func(*signedZone) *dns.DNSKEY) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		record := key(c.zone)
		for _, rr := range c.keys().records {
			if rr.(*dns.DNSKEY).PublicKey == record.PublicKey {
				return false
			}
		}
		record.Hdr.Ttl = c.keys().records[0].Header().Ttl
		c.zone.addRecord(record)
		return true
	}
}

// weakKey is an RSA key whose modulus is cut off one that is larger.
func weakKey(z *signedZone) *dns.DNSKEY {
	key := z.keys[dns.RSASHA256][2].dnskey(z.name, dns.ZONE|dns.SEP)
	public, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil {
		panic(err) // it was made by Generate
	}
	modulus := public[len(public)-64:]
	modulus[0] |= 0x80
	key.PublicKey = base64.StdEncoding.EncodeToString(append([]byte{3, 1, 0, 1}, modulus...))
	return key
}

var dsFaults = []fault{
	{name: "no DS records", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS { return nil })},
	{name: "the DS record has an unknown algorithm", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		ds.Algorithm = unknownAlgorithm
		return []*dns.DS{ds}
	})},
	{name: "the DS record has an unknown digest", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		ds.DigestType = unknownDigest
		return []*dns.DS{ds}
	})},
	{name: "another DS record of an unknown algorithm", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		other := *ds
		other.Algorithm = unknownAlgorithm
		return []*dns.DS{&other, ds}
	})},
	{name: "another DS record of an unknown digest", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		other := *ds
		other.DigestType = unknownDigest
		return []*dns.DS{&other, ds}
	})},
	{name: "DS records of an unknown algorithm and an unknown digest", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		other := *ds
		other.DigestType, ds.Algorithm = unknownDigest, unknownAlgorithm
		return []*dns.DS{&other, ds}
	})},
	{name: "the digest of the DS record is wrong", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		ds.Digest = flip(ds.Digest)
		return []*dns.DS{ds}
	})},
	{name: "the key tag of the DS record is wrong", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		ds.KeyTag++
		return []*dns.DS{ds}
	})},
	{name: "the algorithm of the DS record is another one", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		if ds.Algorithm == dns.ECDSAP256SHA256 {
			ds.Algorithm = dns.RSASHA256
		} else {
			ds.Algorithm = dns.ECDSAP256SHA256
		}
		return []*dns.DS{ds}
	})},
	{name: "only one of three DS records matches", before: changeDS(func(_ *signedZone, ds *dns.DS) []*dns.DS {
		wrongTag, wrongDigest := *ds, *ds
		wrongTag.KeyTag += 7
		wrongDigest.Digest = flip(ds.Digest)
		return []*dns.DS{&wrongDigest, ds, &wrongTag}
	})},
	{name: "the DS record has a SHA-1 digest", before: changeDS(func(z *signedZone, _ *dns.DS) []*dns.DS {
		return []*dns.DS{z.ds(0, dns.SHA1)}
	})},
	{name: "the DS record has a SHA-384 digest", before: changeDS(func(z *signedZone, _ *dns.DS) []*dns.DS {
		return []*dns.DS{z.ds(0, dns.SHA384)}
	})},
	{name: "the DS record with SHA-1 matches, that with SHA-256 does not", before: changeDS(func(z *signedZone, ds *dns.DS) []*dns.DS {
		ds.Digest = flip(ds.Digest)
		return []*dns.DS{z.ds(0, dns.SHA1), ds}
	})},
	{name: "the DS record with SHA-256 matches, that with SHA-1 does not", before: changeDS(func(z *signedZone, ds *dns.DS) []*dns.DS {
		weaker := z.ds(0, dns.SHA1)
		weaker.Digest = flip(weaker.Digest)
		return []*dns.DS{weaker, ds}
	})},
	{name: "the DS record is that of the ZSK", before: changeDS(func(z *signedZone, ds *dns.DS) []*dns.DS {
		if z.ksk == z.zsk {
			return []*dns.DS{ds}
		}
		return []*dns.DS{z.ds(1, dns.SHA256)}
	})},
}

// changeDS makes other DS records of the one that is right. It is the last step before
// the signing of the zone above.
func changeDS(change func(*signedZone, *dns.DS) []*dns.DS) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		if c.changeDS != nil {
			return false
		}
		c.changeDS = change
		return true
	}
}

// ds is the DS record of the zone's nth key.
func (z *signedZone) ds(n int, digest uint8) *dns.DS {
	return z.set("@", dns.TypeDNSKEY).records[n].(*dns.DNSKEY).ToDS(digest)
}

// flip changes the first digit of a digest.
func flip(digest string) string {
	if strings.HasPrefix(digest, "0") {
		return "1" + digest[1:]
	}
	return "0" + digest[1:]
}

var denialFaults = []fault{
	{name: "a denial is missing", after: func(c *differentialCase) bool { return remove(c.zone, c.denial()) }},
	{name: "a denial lacks a type", after: changeDenial(func(c *differentialCase, types *[]uint16, _ *string) {
		if len(*types) > 0 {
			at := c.rand.IntN(len(*types))
			c.detail = ": " + dns.TypeToString[(*types)[at]]
			*types = slices.Delete(*types, at, at+1)
		}
	})},
	{name: "a denial has another type", after: changeDenial(func(c *differentialCase, types *[]uint16, _ *string) {
		another := oneOf(c.rand, []uint16{
			dns.TypeA, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeAAAA, dns.TypeDNAME, dns.TypeDS, dns.TypeTLSA})
		c.detail = ": " + dns.TypeToString[another]
		*types = sorted(*types, another)
	})},
	{name: "a denial goes too far", after: changeDenial(func(c *differentialCase, _ *[]uint16, next *string) {
		if set := c.zone.sets[ownerType{*next, dns.TypeNSEC}]; set != nil {
			*next = set.records[0].(*dns.NSEC).NextDomain
		} else if set := c.zone.sets[ownerType{strings.ToLower(*next) + "." + c.name, dns.TypeNSEC3}]; set != nil {
			*next = set.records[0].(*dns.NSEC3).NextDomain
		}
	})},
	{name: "a denial covers something else", after: changeDenial(func(c *differentialCase, _ *[]uint16, next *string) {
		if *next = "0." + c.name; c.zone.nsec3 != nil {
			*next = strings.Repeat("0", 32)
		}
	})},
	{name: "a denial leads out of the zone", after: changeDenial(func(c *differentialCase, _ *[]uint16, next *string) {
		if c.zone.nsec3 == nil {
			*next = c.sibling.name
		}
	})},
	{name: "an NSEC3 record opts out", after: changeNSEC3(func(r *dns.NSEC3) { r.Flags |= 1 })},
	{name: "an NSEC3 record has an unknown flag", after: changeNSEC3(func(r *dns.NSEC3) { r.Flags |= 2 })},
	{name: "an NSEC3 record has another salt", after: changeNSEC3(func(r *dns.NSEC3) { r.Salt, r.SaltLength = "abcd", 2 })},
	{name: "an NSEC3 record has another number of iterations", after: changeNSEC3(func(r *dns.NSEC3) { r.Iterations++ })},
	{name: "NSEC3 with 140 iterations", before: iterations(140)},
	{name: "NSEC3 with 151 iterations", before: iterations(151)},
	{name: "NSEC3 with 500 iterations", before: iterations(500)},
	{name: "the denial of DS has the type DS", after: changeDenialOfDS(func(types []uint16) []uint16 { return sorted(types, dns.TypeDS) })},
	{name: "the denial of DS has the type SOA", after: changeDenialOfDS(func(types []uint16) []uint16 { return sorted(types, dns.TypeSOA) })},
	{name: "the denial of DS lacks the type NS", after: changeDenialOfDS(func(types []uint16) []uint16 {
		return slices.DeleteFunc(types, func(t uint16) bool { return t == dns.TypeNS })
	})},
	{name: "the denial of DS is missing", after: func(c *differentialCase) bool { return remove(c.parent, c.denialOfDS()) }},
}

func remove(z *signedZone, set *signedSet) bool {
	if set == nil {
		return false
	}
	h := set.records[0].Header()
	delete(z.sets, ownerType{h.Name, h.Rrtype})
	return true
}

// changeDenial changes a record of the chain and signs it again.
func changeDenial(change func(c *differentialCase, types *[]uint16, next *string)) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		set := c.denial()
		if set == nil {
			return false
		}
		switch record := set.records[0].(type) {
		case *dns.NSEC:
			change(c, &record.TypeBitMap, &record.NextDomain)
		case *dns.NSEC3:
			change(c, &record.TypeBitMap, &record.NextDomain)
		}
		return c.zone.resign(set, c.zone.signer(set)) == nil
	}
}

func changeNSEC3(change func(*dns.NSEC3)) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		set := c.denial()
		if set == nil || c.zone.nsec3 == nil {
			return false
		}
		change(set.records[0].(*dns.NSEC3))
		return c.zone.resign(set, c.zone.signer(set)) == nil
	}
}

func changeDenialOfDS(change func([]uint16) []uint16) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		set := c.denialOfDS()
		if set == nil {
			return false
		}
		switch record := set.records[0].(type) {
		case *dns.NSEC:
			record.TypeBitMap = change(record.TypeBitMap)
		case *dns.NSEC3:
			record.TypeBitMap = change(record.TypeBitMap)
		}
		return c.parent.resign(set, c.parent.signer(set)) == nil
	}
}

func iterations(n uint16) func(*differentialCase) bool {
	return func(c *differentialCase) bool {
		if c.zone.nsec3 == nil {
			return false
		}
		c.zone.nsec3.Iterations = n
		return true
	}
}
