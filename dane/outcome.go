package dane

// An Outcome is what a sender of mail gets who tries the hosts of a domain in
// order.
type Outcome uint8

const (
	// OutcomeFailure: the message must not be delivered now. The zero Outcome.
	OutcomeFailure Outcome = iota
	// OutcomeNone: it is delivered without authentication by DANE.
	OutcomeNone
	// OutcomeSuccess: it is delivered to a host that DANE has authenticated.
	OutcomeSuccess
)

var outcomes = []string{"failure", "none", "success"}

// String returns "failure", "none" or "success".
func (o Outcome) String() string { return levelName(outcomes, "outcome", o) }

// MarshalText returns the same text as String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText inverts MarshalText.
func (o *Outcome) UnmarshalText(text []byte) error { return parseLevel(outcomes, "outcome", text, o) }
