package rollover

import (
	"fmt"
	"strings"
	"time"
)

// A Verdict is an answer to the question of whether a certificate may be installed.
type Verdict uint8

const (
	// Unknown: something could not be found out.
	Unknown Verdict = iota
	// NotSafe: some senders would defer mail, or might.
	NotSafe
	// Safe: all senders accept the certificate, whichever server or cache they ask.
	Safe
)

var verdicts = [...]string{"unknown", "not safe", "safe"}

// String returns "safe", "not safe" or "unknown".
func (v Verdict) String() string {
	if int(v) < len(verdicts) {
		return verdicts[v]
	}
	return verdicts[Unknown]
}

// A Readiness is the answer, and why.
type Readiness struct {
	Verdict Verdict
	Why     string    // in a sentence, one line of printable ASCII
	SafeAt  time.Time // if all servers have the records; otherwise zero
	Final   bool      // waiting does not help: the zone is not signed
}

// Ready says whether the chain may be installed, by what was seen up to now and by the last
// look, which has been given to [State.Observe]. It asks nobody.
func (s *State) Ready(j *Judgement, now time.Time, margin time.Duration) Readiness {
	r := Readiness{SafeAt: s.SafeAt(j.Survey, margin)}
	switch {
	case len(j.Refused) > 0:
		r.Verdict, r.Why = NotSafe, "senders do not accept the new certificate, by "+several(j.Refused)
	case j.Insecure:
		r.Verdict, r.Final = NotSafe, true
		r.Why = "the zone is not signed, or not by a chain from the root, so that nobody will use the records: sign it, and have its DS record put into the zone above"
	case len(j.Unknown) > 0:
		r.Why = "not all name servers could be asked: " + several(j.Unknown)
	case s.Complete.IsZero():
		r.Why = "this look was not observed"
	case now.Before(r.SafeAt):
		r.Verdict = NotSafe
		r.Why = fmt.Sprintf("all name servers have a record of the new certificate, seen first at %s, but caches may have older ones until %s (TTL %s)",
			stamp(s.Complete), stamp(r.SafeAt), s.CachedFor(j.Survey))
	default:
		r.Verdict = Safe
		r.Why = fmt.Sprintf("senders accept the new certificate: all name servers have had a record of it since %s, and no cache has older ones", stamp(s.Complete))
	}
	return r
}

// stamp is an instant for a human and for scripts.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// several joins what there is to say about several servers.
func several(texts []string) string {
	const most = 4 // more would not be read; all are in the Judgement
	if more := len(texts) - most; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(texts[:most], "; "), more)
	}
	return strings.Join(texts, "; ")
}
