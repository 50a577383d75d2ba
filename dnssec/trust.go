package dnssec

import (
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A trusted set is the anchors that lookups start from, with their zones parsed. It is
// never changed.
type trusted struct {
	set        anchor.Set
	zones      []canonical.Name // of each anchor; "" where it has none that can be
	generation int              // of the verdicts that rest on it
}

// is reports whether the set is the very one that was prepared, which nobody may change.
func (t *trusted) is(set anchor.Set) bool {
	return t != nil && len(t.set) == len(set) && (len(set) == 0 || &t.set[0] == &set[0])
}

// enclosing returns the closest zone with an anchor that a name is at or below, and
// false where there is none.
func (t *trusted) enclosing(name canonical.Name) (closest canonical.Name, found bool) {
	for _, zone := range t.zones {
		if len(zone) > len(closest) && name.Below(zone) {
			closest, found = zone, true
		}
	}
	return closest, found
}

// at returns the anchors of a zone.
func (t *trusted) at(zone canonical.Name) anchor.Set {
	var found anchor.Set
	for i, owner := range t.zones {
		if owner == zone {
			found = append(found, t.set[i])
		}
	}
	return found
}
