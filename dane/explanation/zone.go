package explanation

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A Zone is a signed zone whose keys are proven.
type Zone struct {
	Name string `json:"name"`
	// Anchor: a trust anchor vouches for the keys. Otherwise the DS records do, which the zone
	// above has signed.
	Anchor bool `json:"anchor,omitempty"`
	DS     []DS `json:"ds,omitempty"`
	DSSet  *Set `json:"ds_set,omitempty"`
	// Keys of the zone, and their RRset, which one of them has signed. Nil if the chain ends
	// before them.
	Keys   []Key `json:"keys,omitempty"`
	KeySet *Set  `json:"key_set,omitempty"`
	// Answers that the zone has signed, in the order of the questions.
	Answers []Signed `json:"answers,omitempty"`
	// Ends of chains that go no further than to this zone.
	Ends []End `json:"ends,omitempty"`
	// Zones below whose keys are proven.
	Zones []*Zone `json:"zones,omitempty"`
}

// A DS is a DS record: the digest of a key that signs the keys of the zone (RFC 4034 §5).
type DS struct {
	KeyTag     uint16 `json:"key_tag"`
	Algorithm  uint8  `json:"algorithm"`
	DigestType uint8  `json:"digest_type"`
	Digest     string `json:"digest"`
	// Match: the zone has a key of which it is the digest.
	Match bool `json:"match"`
}

// A Key is a DNSKEY record (RFC 4034 §2).
type Key struct {
	KeyTag    uint16 `json:"key_tag"`
	Algorithm uint8  `json:"algorithm"`
	Flags     uint16 `json:"flags"`
	SEP       bool   `json:"sep"` // it is meant to sign the keys (RFC 4034 §2.1.1)
	Revoked   bool   `json:"revoked,omitempty"`
	Vouched   bool   `json:"vouched"`    // a DS record is of it, or, where a trust anchor vouches, it has signed the keys
	Signs     bool   `json:"signs"`      // it has signed the keys, by the signature that was verified
	SignsData bool   `json:"signs_data"` // and so it has something else
}

// A Set is an RRset that is signed, and the signature that was verified.
type Set struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Records   []string  `json:"records,omitempty"` // in presentation form, without owner and TTL
	Signature Signature `json:"signature"`
	Server    string    `json:"server,omitempty"` // who gave it; as dnssec.Link has it
	// Wildcard that the records were made of; empty for others (RFC 4035 §5.3.4).
	Wildcard string `json:"wildcard,omitempty"`
	// Denials are what an NSEC or NSEC3 record says to the question.
	Denials []Denial `json:"denials,omitempty"`
}

// A Denial is what an NSEC or NSEC3 record says of a name; see dnssec.Denial.
type Denial struct {
	Role   dnssec.DenialRole `json:"role"`
	Name   string            `json:"name"`
	Hash   string            `json:"hash,omitempty"`
	Covers bool              `json:"covers"`
	OptOut bool              `json:"opt_out,omitempty"`
	RFC    string            `json:"rfc"`
}

// A Signature is an RRSIG record (RFC 4034 §3).
type Signature struct {
	Zone       string    `json:"zone"` // whose key made it
	KeyTag     uint16    `json:"key_tag"`
	Algorithm  uint8     `json:"algorithm"`
	Inception  time.Time `json:"inception"`
	Expiration time.Time `json:"expiration"`
	Covers     string    `json:"covers,omitempty"` // the type of what it signs, where that is not beside it
}

// A Signed is what a zone has signed for one question: the records, an alias, or the proof that
// there are none.
type Signed struct {
	Name   string `json:"name"` // the question
	Type   string `json:"type"`
	Denied bool   `json:"denied"` // it is the proof that there is no such record
	Sets   []Set  `json:"sets"`
}

// An End is where a chain ends before the answer.
type End struct {
	Name   string        `json:"name"` // the question
	Type   string        `json:"type"`
	Status dnssec.Status `json:"status"`
	Reason Reason        `json:"reason"`
	Server string        `json:"server,omitempty"`
	// Refused is the signature that does not hold, where the reason is about one.
	Refused *Signature `json:"refused,omitempty"`
	// Asked are the servers that gave no usable answer, each with what was wrong; eight at
	// most, and none where there was a reply that could be judged.
	Asked []string `json:"asked,omitempty"`
}

// time at which a signature says that it begins or ends (RFC 4034 §3.1.5), as is nearest to
// an instant.
func signatureTime(seconds uint32, near time.Time) time.Time {
	return near.Add(time.Duration(int32(seconds-uint32(near.Unix()))) * time.Second).Truncate(time.Second).UTC()
}

// refusedOf is the signature that a link shows as the one that does not hold.
func refusedOf(sig *dns.RRSIG, now time.Time) *Signature {
	if sig == nil {
		return nil
	}
	return &Signature{
		Zone: dns.CanonicalName(sig.SignerName), KeyTag: sig.KeyTag, Algorithm: sig.Algorithm, Covers: dns.Type(sig.TypeCovered).String(),
		Inception: signatureTime(sig.Inception, now), Expiration: signatureTime(sig.Expiration, now),
	}
}
