package dnssec

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// An AnchorSource says which trust anchors are valid at an instant. [anchor.Set]
// is one. It is asked at each Lookup, and should return the same Set while nothing changes;
// one that it has returned must not be changed.
type AnchorSource interface {
	Anchors(now time.Time) (anchor.Set, error)
}

// A NegativeAnchor is a decision not to validate a zone and what is below it, for a
// time: its names are Insecure (RFC 7646). It is for zones whose owner is known to
// have made a mistake, and it switches DANE off for their mail. A trust anchor at or
// below the zone counts more than it.
type NegativeAnchor struct {
	Zone    string    // not the root, for which it has no effect
	Reason  string    // shows in Answer.Reason
	Expires time.Time // when it has no effect any more; so does the zero Time
}

// An anchorParser gives anchors the form that validation takes. The zero value is ready to use. It
// is safe for concurrent use.
type anchorParser struct {
	mu   sync.Mutex // to change last
	last atomic.Pointer[anchorSet]
}

// An anchorSet is the anchors that a source gave, in both forms. It is never changed.
type anchorSet struct {
	given  anchor.Set
	parsed *validate.Anchors
}

// parse returns the anchors for validation, which it makes once. Their generation is another than
// before when the anchors are, since then verdicts need not hold.
func (p *anchorParser) parse(set anchor.Set) *validate.Anchors {
	if now := p.last.Load(); now.is(set) {
		return now.parsed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	generation := 0
	if before := p.last.Load(); before != nil {
		generation = before.parsed.Generation
		if !before.given.Equal(set) {
			generation++
		}
	}
	all := make([]validate.Anchor, 0, len(set))
	for _, a := range set {
		if zone, err := canonical.ParseName(a.Zone); err == nil && (a.DS != nil || a.Key != nil) {
			all = append(all, validate.Anchor{Zone: zone, DS: a.DS, Key: a.Key})
		}
	}
	parsed := validate.NewAnchors(generation, all...)
	p.last.Store(&anchorSet{set, parsed})
	return parsed
}

// is reports whether the set is the very one that was parsed, which nobody may change.
func (s *anchorSet) is(set anchor.Set) bool {
	return s != nil && len(s.given) == len(set) && (len(set) == 0 || &s.given[0] == &set[0])
}

// parseNegativeAnchors returns the negative anchors for validation. What is not the name of a
// zone has no effect.
func parseNegativeAnchors(all []NegativeAnchor) []validate.NegativeAnchor {
	var parsed []validate.NegativeAnchor
	for _, n := range all {
		if zone, err := canonical.ParseName(n.Zone); err == nil {
			parsed = append(parsed, validate.NegativeAnchor{Zone: zone, Reason: n.Reason, Expires: n.Expires})
		}
	}
	return parsed
}
