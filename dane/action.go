package dane

import "fmt"

// An Action is what a sender must do with a host (RFC 7672 §2.2).
type Action uint8

const (
	// Skip: do not connect to the host. Host.Err says why. The zero Action.
	Skip Action = iota
	// MayEncrypt: DANE does not apply. TLS is opportunistic, as without DANE.
	MayEncrypt
	// MustEncrypt: the host has TLSA records, but none is usable. TLS is required,
	// and nobody is authenticated (RFC 7672 §2.2).
	MustEncrypt
	// MustAuthenticate: TLS is required, and the host's TLSA records must match.
	MustAuthenticate
)

// String returns "skip", "may-encrypt", "must-encrypt" or "must-authenticate".
func (a Action) String() string {
	switch a {
	case Skip:
		return "skip"
	case MayEncrypt:
		return "may-encrypt"
	case MustEncrypt:
		return "must-encrypt"
	case MustAuthenticate:
		return "must-authenticate"
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// MarshalText returns the same text as String.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
