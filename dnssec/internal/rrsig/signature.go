package rrsig

import (
	"encoding/base64"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A Signature is an RRSIG record that was verified, as it is kept: in half of the memory, without
// the text of the signature, and without what the RRset has as well.
type Signature struct {
	SignerName                     string
	octets                         string // the signature itself
	OrigTTL, Expiration, Inception uint32
	KeyTag                         uint16
	Algorithm, Labels              uint8
}

// NewSignature returns what is kept of a record.
func NewSignature(sig *dns.RRSIG) Signature {
	var room [usualSize]byte
	octets, _ := base64.StdEncoding.AppendDecode(room[:0], []byte(sig.Signature)) // which it was verified by
	return Signature{
		SignerName: sig.SignerName, octets: string(octets),
		OrigTTL: sig.OrigTtl, Expiration: sig.Expiration, Inception: sig.Inception,
		KeyTag: sig.KeyTag, Algorithm: sig.Algorithm, Labels: sig.Labels,
	}
}

// fixedSize is how many octets of the RDATA are not names or the signature itself (RFC 4034 §3.1).
const fixedSize = 18

// Record returns the record for an RRset, of which one record has that header. Its TTL is that of
// the RRset, as it must be (RFC 4034 §3).
func (s Signature) Record(of *dns.RR_Header) *dns.RRSIG {
	h := dns.RR_Header{Name: of.Name, Rrtype: dns.TypeRRSIG, Class: of.Class, Ttl: of.Ttl}
	if signer, err := canonical.ParseName(s.SignerName); err == nil {
		h.Rdlength = uint16(fixedSize + len(signer) + len(s.octets))
	}
	return &dns.RRSIG{
		Hdr: h, TypeCovered: of.Rrtype, Algorithm: s.Algorithm, Labels: s.Labels, OrigTtl: s.OrigTTL,
		Expiration: s.Expiration, Inception: s.Inception, KeyTag: s.KeyTag, SignerName: s.SignerName,
		Signature: base64.StdEncoding.EncodeToString([]byte(s.octets)),
	}
}

// Size is how many octets the signature itself has.
func (s Signature) Size() int { return len(s.octets) }
