package dane

import (
	"fmt"
	"slices"
)

// A DANELevel says whether a destination is delivered to by DANE.
type DANELevel uint8

const (
	// DANEOpportunistic: DANE applies to hosts with secure TLSA records, and the lack
	// of them is no failure (RFC 7672 §2.2). The zero DANELevel. It is not TLS that
	// is "preferred": where DANE applies and fails, nothing is delivered.
	DANEOpportunistic DANELevel = iota
	// DANEMandatory: authentication by DANE, or no delivery (RFC 7672 §6).
	DANEMandatory
	// DANENone: DANE is not used (RFC 7672 §9.1).
	DANENone
)

// A TLSLevel says what TLS a destination gets where DANE does not apply.
type TLSLevel uint8

const (
	// TLSPreferred: TLS if it is offered, without authentication; else clear text.
	// The zero TLSLevel.
	TLSPreferred TLSLevel = iota
	// TLSNone: clear text. DANE must be off, too.
	TLSNone
	// TLSRequired: TLS without authentication, else the next host.
	TLSRequired
	// TLSPreferredVerify: verified TLS is tried; where that fails, TLS without
	// authentication; clear text only if STARTTLS is not offered.
	TLSPreferredVerify
	// TLSRequiredVerify: TLS with a certificate of a public authority (Verifier.RootCAs)
	// for the MX host, else the next host.
	TLSRequiredVerify
	// TLSRequiredVerifyHosted: the same, for the domain of the recipient.
	TLSRequiredVerifyHosted
)

var (
	daneLevels = []string{"opportunistic", "mandatory", "none"}
	tlsLevels  = []string{"preferred", "none", "required", "preferred-verify", "required-verify", "required-verify-hosted-domain"}
)

// String returns "opportunistic", "mandatory" or "none".
func (l DANELevel) String() string { return levelName(daneLevels, "dane", l) }

// MarshalText returns the same text as String.
func (l DANELevel) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText inverts MarshalText.
func (l *DANELevel) UnmarshalText(text []byte) error { return parseLevel(daneLevels, "DANE", text, l) }

// String returns "preferred", "none", "required", "preferred-verify",
// "required-verify" or "required-verify-hosted-domain".
func (l TLSLevel) String() string { return levelName(tlsLevels, "tls", l) }

// MarshalText returns the same text as String.
func (l TLSLevel) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText inverts MarshalText.
func (l *TLSLevel) UnmarshalText(text []byte) error { return parseLevel(tlsLevels, "TLS", text, l) }

func levelName[T ~uint8](names []string, kind string, value T) string {
	if int(value) < len(names) {
		return names[value]
	}
	return fmt.Sprintf("%s(%d)", kind, uint8(value))
}

func parseLevel[T ~uint8](names []string, kind string, text []byte, value *T) error {
	i := slices.Index(names, string(text))
	if i < 0 {
		return fmt.Errorf("dane: %s %q: want one of %q", kind, text, names)
	}
	*value = T(i)
	return nil
}
