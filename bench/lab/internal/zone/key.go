package zone

import (
	"crypto"
	"fmt"

	"github.com/miekg/dns"
)

// A Key is a DNSKEY record with its private half.
type Key struct {
	Record *dns.DNSKEY
	signer crypto.Signer
}

const (
	// ZoneKey is the flag of every key, KeySigning those of one that signs keys as well.
	ZoneKey    = dns.ZONE
	KeySigning = dns.ZONE | dns.SEP
)

// NewKey makes a key with SHA-256 and P-256, RSA of 2,048 bits, or Ed25519.
func NewKey(owner string, algorithm uint8, flags uint16) (*Key, error) {
	record := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: owner, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: ttl},
		Flags: flags, Protocol: 3, Algorithm: algorithm,
	}
	bits := 256
	if algorithm == dns.RSASHA256 {
		bits = 2048
	}
	for {
		private, err := record.Generate(bits)
		if err != nil {
			return nil, fmt.Errorf("key of %s: %w", owner, err)
		}
		// The library does not sign with a key whose tag is 0.
		if record.KeyTag() != 0 {
			return &Key{Record: record, signer: private.(crypto.Signer)}, nil
		}
	}
}

// For returns the key under another owner name: making RSA keys takes so long that many
// zones share a few.
func (k *Key) For(owner string) *Key {
	record := dns.Copy(k.Record).(*dns.DNSKEY)
	record.Hdr.Name = owner
	return &Key{Record: record, signer: k.signer}
}
