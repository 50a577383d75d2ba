package dnssec

import "fmt"

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
