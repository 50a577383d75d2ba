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

	OldAliases  string    `json:"old_aliases,omitempty"`   // the targets that led to it, each with a blank behind it
	OldAliasTTL int64     `json:"old_alias_ttl,omitempty"` // the longest TTL, in seconds, of such an alias
	Repointed   bool      `json:"repointed,omitempty"`     // a set was seen that other aliases lead to, or none
	LongestTTL  int64     `json:"longest_ttl,omitempty"`   // the longest TTL, in seconds, of all that was seen
	LastOK      time.Time `json:"last_ok,omitzero"`        // the last look at which all servers had records that accept it
	LastRefused time.Time `json:"last_refused,omitzero"`   // the last look at which one had not
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

// Resume goes on from what was kept as JSON, and adds it to what was seen since: another program
// may keep its own in the same place. What is of another chain or owner is over, and changes
// nothing. The error is [ErrState].
func (s *State) Resume(kept []byte, now time.Time) error {
	var k State
	if len(kept) > maxState || json.Unmarshal(kept, &k) != nil || k.Version != 1 || !isTTL(k.OldTTL) || !isTTL(k.OldAliasTTL) || !isTTL(k.LongestTTL) {
		return ErrState
	}
	if k.Owner != s.Owner || k.Certificate != s.Certificate {
		return nil
	}
	if k.Complete.After(now) || k.LastOK.After(now) || k.LastRefused.After(now) {
		k.Complete, k.LastOK, k.LastRefused = time.Time{}, time.Time{}, time.Time{} // a clock was wrong
	}
	k.join(s)
	*s = k
	return nil
}

func isTTL(seconds int64) bool { return seconds >= 0 && seconds <= 1<<31 }

// join adds what another State of the same has seen, which another program may keep in the
// same file.
func (s *State) join(o *State) {
	if o.OldSeen && s.OldSeen && o.OldAliases != s.OldAliases {
		s.Repointed = true
	}
	if !s.OldSeen {
		s.OldSeen, s.OldAliases = o.OldSeen, o.OldAliases
	}
	s.OldTTL, s.OldAliasTTL = max(s.OldTTL, o.OldTTL), max(s.OldAliasTTL, o.OldAliasTTL)
	s.LongestTTL, s.Repointed = max(s.LongestTTL, o.LongestTTL), s.Repointed || o.Repointed
	s.LastOK, s.LastRefused = later(s.LastOK, o.LastOK), later(s.LastRefused, o.LastRefused)
	first := time.Time{}
	for _, at := range []time.Time{s.Complete, o.Complete} {
		if !at.IsZero() && !at.Before(s.LastRefused) { // what was seen before that is over
			first = earlier(first, at)
		}
	}
	s.Complete = first
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Assert says that all servers have had the records since an instant, of which there is no
// other evidence. It counts only if all servers have them at the last look, and none was
// seen without them since that instant.
func (s *State) Assert(since time.Time) {
	if !s.Complete.IsZero() && since.Before(s.Complete) && !since.Before(s.LastRefused) {
		s.Complete = since
	}
}

// Observe adds what the servers say now. A server that cannot be asked for a moment does not
// undo what was seen before; one that has the old records again does.
func (s *State) Observe(j *Judgement, now time.Time) {
	for _, v := range j.Views {
		if v.Err == nil && !v.Accepted {
			if !s.OldSeen {
				s.OldAliases = v.path()
			}
			s.OldSeen, s.OldTTL = true, max(s.OldTTL, int64(v.TTL/time.Second))
			s.OldAliasTTL = max(s.OldAliasTTL, int64(v.AliasTTL/time.Second))
		}
	}
	for _, v := range j.Views {
		if v.Err == nil {
			s.Repointed = s.Repointed || s.OldSeen && v.path() != s.OldAliases
		}
	}
	s.LongestTTL = max(s.LongestTTL, int64(max(j.Survey.TTL(), j.Survey.NegativeTTL(), j.Survey.AliasTTL())/time.Second))
	switch {
	case len(j.Refused) > 0 || j.Insecure:
		s.Complete, s.LastRefused = time.Time{}, now
	case j.OK():
		// Nobody knows what was there while nobody looked.
		if s.Complete.IsZero() || s.LastOK.Add(s.CachedFor(j.Survey)+memory).Before(now) {
			s.Complete = now
		}
		s.LastOK = now
	}
}

// memory is how much longer than a cache a State can go without a look until what it has
// seen counts no more: the records may have gone since, and come back.
const memory = 25 * time.Hour

// path is the targets of the aliases, in a form that can be compared.
func (v *View) path() string {
	text := ""
	for _, target := range v.Aliases {
		text += target + " "
	}
	return text
}

// CachedFor is how long caches may keep the set that was there before, or an alias to it that
// leads elsewhere now. If nobody has seen the set, it is taken to have the longest TTL that
// was seen, be it of the records, of an alias, or of their absence.
func (s *State) CachedFor(survey *Survey) time.Duration {
	switch ttl := max(s.OldTTL, s.OldAliasTTL); {
	case s.OldSeen && s.Repointed:
		return time.Duration(ttl) * time.Second
	case s.OldSeen:
		return time.Duration(s.OldTTL) * time.Second
	}
	return max(survey.TTL(), survey.NegativeTTL(), survey.AliasTTL(), time.Duration(s.LongestTTL)*time.Second)
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
