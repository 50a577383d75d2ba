package dane

// An Action is what a sender must do with a host (RFC 7672 §2.2).
type Action uint8

const (
	// Skip: do not connect to the host. Host.Err says why. The zero Action.
	Skip Action = iota
	// MayEncrypt: DANE does not apply. TLS is opportunistic, as without DANE.
	MayEncrypt
	// MustEncrypt: TLS is required, and nobody is authenticated: the host has TLSA records
	// of which none is usable (RFC 7672 §2.2), or the policy wants no more.
	MustEncrypt
	// MustAuthenticate: TLS is required. The host's usable TLSA records must match, if it has
	// any; and where Host.PKIX is set there must be a certificate of a public authority.
	MustAuthenticate
	// SendClear: TLS is switched off for the destination, or has failed where it was
	// optional. STARTTLS is not sent.
	SendClear
)

var actions = []string{"skip", "may-encrypt", "must-encrypt", "must-authenticate", "send-clear"}

// String returns "skip", "may-encrypt", "must-encrypt", "must-authenticate" or
// "send-clear".
func (a Action) String() string { return levelName(actions, "action", a) }

// MarshalText returns the same text as String.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText inverts MarshalText.
func (a *Action) UnmarshalText(text []byte) error { return parseLevel(actions, "action", text, a) }
