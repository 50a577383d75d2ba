package dnssec

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A Status is the security status of an answer (RFC 4035 §4.3). The zero
// Status is Indeterminate, which is a failure. The statuses are ordered: that
// of a chain of steps is the minimum of the steps.
type Status uint8

const (
	// Indeterminate: no verdict was reached, for example because no capable
	// server answered. A failure.
	Indeterminate Status = iota
	// Bogus: the zone is signed, and the data does not prove itself. A failure.
	Bogus
	// Insecure: it is proven that no chain of trust leads to the data.
	Insecure
	// Secure: a chain of signatures leads from a trust anchor to the data.
	Secure
)

// String returns "indeterminate", "bogus", "insecure" or "secure".
func (s Status) String() string {
	switch s {
	case Indeterminate:
		return "indeterminate"
	case Bogus:
		return "bogus"
	case Insecure:
		return "insecure"
	case Secure:
		return "secure"
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// MarshalText returns the same text as String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText inverts MarshalText.
func (s *Status) UnmarshalText(text []byte) error {
	for _, known := range []Status{Indeterminate, Bogus, Insecure, Secure} {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("dnssec: unknown status %q", text)
}

// A Reason says why a status is not Secure, and where the chain ended.
type Reason struct {
	Code   EDE    // extended error code (RFC 8914)
	Zone   string // the zone concerned, if known
	Name   string // owner of the RRset concerned
	Type   uint16 // its type
	KeyTag uint16 // of the key or signature concerned; 0 if there is no such thing
	Text   string // for a human, without the fields above
}

// String returns the reason as one line of printable ASCII.
func (r Reason) String() string {
	if r == (Reason{}) {
		return ""
	}
	var b strings.Builder
	if r.Name != "" {
		fmt.Fprintf(&b, "%s %s: ", r.Name, dns.Type(r.Type))
	}
	b.WriteString(r.Text)
	if r.KeyTag != 0 {
		fmt.Fprintf(&b, " (key tag %d)", r.KeyTag)
	}
	if r.Code != EDEOther {
		fmt.Fprintf(&b, " [EDE %d: %s]", uint16(r.Code), r.Code)
	}
	return printable.Line(b.String())
}

// An EDE is an extended DNS error code (RFC 8914 §4).
type EDE uint16

// The codes that this package gives as reasons.
const (
	EDEOther                 EDE = 0  // RFC 8914 §4.1; the text says what
	EDEUnsupportedAlgorithm  EDE = 1  // RFC 8914 §4.2
	EDEUnsupportedDigest     EDE = 2  // RFC 8914 §4.3
	EDEIndeterminate         EDE = 5  // RFC 8914 §4.6
	EDEBogus                 EDE = 6  // RFC 8914 §4.7
	EDESignatureExpired      EDE = 7  // RFC 8914 §4.8
	EDESignatureNotYetValid  EDE = 8  // RFC 8914 §4.9
	EDEDNSKEYMissing         EDE = 9  // RFC 8914 §4.10
	EDERRSIGsMissing         EDE = 10 // RFC 8914 §4.11
	EDENoZoneKeyBitSet       EDE = 11 // RFC 8914 §4.12
	EDENSECMissing           EDE = 12 // RFC 8914 §4.13
	EDENoReachableAuthority  EDE = 22 // RFC 8914 §4.23
	EDENetworkError          EDE = 23 // RFC 8914 §4.24
	EDENSEC3IterationsTooBig EDE = 27 // RFC 9276 §3.2
)

// String returns the code's name in the IANA registry.
func (c EDE) String() string { return validate.Code(c).String() }
