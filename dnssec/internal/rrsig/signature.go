package rrsig

import (
	"encoding/base64"

	"github.com/miekg/dns"
)

// A Signature is an RRSIG record that was verified, as it is kept: in half of the memory, without
// the text of the signature, and without its owner, which is that of the RRset.
type Signature struct {
	SignerName string
	octets     string // the signature itself

	OrigTTL, Expiration, Inception uint32
	TTL                            uint32 // of the record
	TypeCovered, KeyTag            uint16
	rdlength                       uint16
	Algorithm, Labels              uint8
}

// NewSignature returns what is kept of a record.
func NewSignature(sig *dns.RRSIG) Signature {
	var room [usualSize]byte
	octets, _ := base64.StdEncoding.AppendDecode(room[:0], []byte(sig.Signature)) // which it was verified by
	return Signature{
		SignerName: sig.SignerName, octets: string(octets),
		OrigTTL: sig.OrigTtl, Expiration: sig.Expiration, Inception: sig.Inception, TTL: sig.Hdr.Ttl,
		TypeCovered: sig.TypeCovered, KeyTag: sig.KeyTag, rdlength: sig.Hdr.Rdlength, Algorithm: sig.Algorithm, Labels: sig.Labels,
	}
}

// Record returns the record, with that owner.
func (s Signature) Record(owner string) *dns.RRSIG {
	return &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: owner, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: s.TTL, Rdlength: s.rdlength},
		TypeCovered: s.TypeCovered, Algorithm: s.Algorithm, Labels: s.Labels, OrigTtl: s.OrigTTL, Expiration: s.Expiration, Inception: s.Inception,
		KeyTag: s.KeyTag, SignerName: s.SignerName, Signature: base64.StdEncoding.EncodeToString([]byte(s.octets)),
	}
}

// Size is how many octets the signature itself has.
func (s Signature) Size() int { return len(s.octets) }
