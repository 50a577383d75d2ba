package monitor

import "time"

// Trust is how the trust anchors are: what all verdicts begin with.
type Trust struct {
	// Warnings are what will go wrong, each a sentence. Without any the state is OK.
	Warnings []string
	// Zones are those whose trust anchors are tracked.
	Zones []TrustedZone
}

// A TrustedZone is a zone with trust anchors that are tracked.
type TrustedZone struct {
	Name          string
	LastValidated time.Time // of its keys; zero if never
}

// A TrustCheck says how the trust anchors are. Nil is for a monitor that has no such task.
type TrustCheck func(now time.Time) Trust

func (c TrustCheck) now() Trust {
	if c == nil {
		return Trust{}
	}
	return c(time.Now())
}

func (t *Trust) warn(text string) { t.Warnings = append(t.Warnings, text) }
