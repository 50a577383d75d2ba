package rollover

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// A State is what has been seen of the way of new records into all servers and caches: of
// one chain, at one owner. Keep it as JSON, so that the time between two runs of a program
// counts, too.
//
// Its zero value has seen nothing, and is of no chain; make one by [NewState].
type State struct {
	Version     int       `json:"version"`
	Owner       string    `json:"owner"`
	Certificate string    `json:"certificate"` // SHA-256 of the chain that is waited for
	Complete    time.Time `json:"complete"`    // when all servers first had records that accept it; zero if they have not yet
	OldTTL      int64     `json:"old_ttl"`     // the longest TTL, in seconds, of a set that does not accept it
	OldSeen     bool      `json:"old_seen"`    // such a set was seen
}

// NewState begins with nothing seen. owner is as Survey.Owner has it.
func NewState(owner string, chain []*x509.Certificate) *State {
	digest := sha256.New()
	for _, cert := range chain {
		digest.Write(cert.Raw)
	}
	return &State{Version: 1, Owner: owner, Certificate: hex.EncodeToString(digest.Sum(nil))}
}

// maxState bounds the JSON of a State.
const maxState = 1 << 16

// ErrState says that something is no State that was kept.
var ErrState = errors.New("rollover: not a state that was kept")

// Resume goes on from what was kept as JSON. What is of another chain or owner is over, and
// changes nothing. The error is [ErrState].
func (s *State) Resume(kept []byte, now time.Time) error {
	var k State
	if len(kept) > maxState || json.Unmarshal(kept, &k) != nil || k.Version != 1 || k.OldTTL < 0 || k.OldTTL > 1<<31 {
		return ErrState
	}
	if k.Owner != s.Owner || k.Certificate != s.Certificate {
		return nil
	}
	if k.Complete.After(now) {
		k.Complete = time.Time{} // a clock was wrong
	}
	*s = k
	return nil
}

// Assert says that all servers have had the records since an instant, of which there is no
// other evidence. It counts only if all servers have them at the last look.
func (s *State) Assert(since time.Time) {
	if !s.Complete.IsZero() && since.Before(s.Complete) {
		s.Complete = since
	}
}

// Observe adds what the servers say now. A server that cannot be asked for a moment does not
// undo what was seen before; one that has the old records again does.
func (s *State) Observe(j *Judgement, now time.Time) {
	for _, v := range j.Views {
		if v.Err == nil && !v.Accepted {
			s.OldSeen, s.OldTTL = true, max(s.OldTTL, int64(v.TTL/time.Second))
		}
	}
	switch {
	case len(j.Refused) > 0 || j.Insecure:
		s.Complete = time.Time{}
	case j.OK() && s.Complete.IsZero():
		s.Complete = now
	}
}

// CachedFor is how long caches may keep the set that was there before. If nobody has seen
// that, it is taken to have the TTL of the present one, or not to have been there.
func (s *State) CachedFor(survey *Survey) time.Duration {
	if s.OldSeen {
		return time.Duration(s.OldTTL) * time.Second
	}
	return max(survey.TTL(), survey.NegativeTTL())
}

// rounding is how much longer than a TTL a record may be used. Caches count in whole seconds,
// each that asks another adds up to one, and so does Postfix, which keeps what it has looked
// up. With two caches, Postfix has deferred mail more than a second after the TTL.
const rounding = 5 * time.Second

// SafeAt is when no cache has the old records any more, with five seconds for those that
// count in whole ones; zero if not all servers have the new records. margin is added, for
// servers that nobody sees.
func (s *State) SafeAt(survey *Survey, margin time.Duration) time.Time {
	if s.Complete.IsZero() {
		return time.Time{}
	}
	return s.Complete.Add(s.CachedFor(survey) + rounding + margin)
}
