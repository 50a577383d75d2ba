package sign

import (
	"crypto"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// rsaBits is the size of RSA keys; RFC 8624 leaves it open, and 2048 is what
// zones use.
const rsaBits = 2048

// keyTTL is the TTL of DNSKEY records, in seconds.
const keyTTL = 3600

// The flags of a DNSKEY (RFC 4034 §2.1.1).
const (
	ZSK uint16 = 256 // a zone key
	KSK uint16 = 257 // a zone key that is a secure entry point
)

// A Key signs for a zone. It is safe for concurrent use, and must not be changed.
type Key struct {
	Public  *dns.DNSKEY
	Private crypto.Signer
}

// NewKey makes a key of an algorithm (5, 7, 8, 10, 13, 14 or 15) with flags ZSK
// or KSK. RSA keys take a good part of a second.
func NewKey(zone string, algorithm uint8, flags uint16) (*Key, error) {
	bits := 256
	switch algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		bits = rsaBits
	case dns.ECDSAP384SHA384:
		bits = 384
	}
	for {
		public := &dns.DNSKEY{
			Hdr:       dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: keyTTL},
			Flags:     flags,
			Protocol:  3, // RFC 4034 §2.1.2
			Algorithm: algorithm,
		}
		private, err := public.Generate(bits)
		if err != nil {
			return nil, fmt.Errorf("sign: key of algorithm %d: %w", algorithm, err)
		}
		if public.KeyTag() != 0 { // miekg/dns takes a tag of 0 for a missing one
			return &Key{Public: public, Private: private.(crypto.Signer)}, nil
		}
	}
}

// Sign returns the signature of an RRset in the key's zone.
func (k *Key) Sign(set []dns.RR, inception, expiration time.Time) (*dns.RRSIG, error) {
	sig := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: set[0].Header().Ttl},
		Algorithm:  k.Public.Algorithm,
		KeyTag:     k.Public.KeyTag(),
		SignerName: k.Public.Hdr.Name,
		Inception:  uint32(inception.Unix()),
		Expiration: uint32(expiration.Unix()),
	}
	if err := sig.Sign(k.Private, set); err != nil {
		h := set[0].Header()
		return nil, fmt.Errorf("sign: %s %s: %w", h.Name, dns.Type(h.Rrtype), err)
	}
	return sig, nil
}
