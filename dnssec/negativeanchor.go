package dnssec

import (
	"time"
)

// A NegativeAnchor is a decision not to validate a zone and what is below it, for a
// time: its names are Insecure (RFC 7646). It is for zones whose owner is known to
// have made a mistake, and it switches DANE off for their mail. A trust anchor at or
// below the zone counts more than it.
type NegativeAnchor struct {
	Zone    string    // not the root, for which it has no effect
	Reason  string    // shows in Answer.Reason
	Expires time.Time // when it has no effect any more; so does the zero Time
}
