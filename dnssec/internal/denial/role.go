package denial

import (
	"encoding/base32"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A Role is what a record does in a proof.
type Role uint8

// The roles.
const (
	NoType          Role = iota + 1 // it is at the name, and does not list the type
	NoRecords                       // it covers the name, and names below that exist
	NoName                          // it covers the name
	ClosestEncloser                 // it is at the closest ancestor of the name that exists
	NextCloser                      // it covers the name one label longer than that
	WildcardNoType                  // it is at the wildcard, and does not list the type
	NoWildcard                      // it covers the wildcard
)

// A Part is what one record does in a proof. It may do several things.
type Part struct {
	Record int // its index
	Role   Role
	Name   canonical.Name // that it is at, or covers
	Hash   string         // of the name; empty for NSEC
	OptOut bool
}

// Parts says what each of the records does that have proven what they prove of a question, for
// people to read: it decides nothing. Where they have proven that an answer may come from a
// wildcard, labels are those of the wildcard's parent, otherwise it is negative.
func Parts(zone canonical.Name, records []dns.RR, name canonical.Name, qtype uint16, labels int) []Part {
	var parts []Part
	for i, rr := range records {
		// Each has its own index, which a chain of all would have lost.
		for _, s := range newNSECChain(zone, []dns.RR{rr}).records {
			parts = append(parts, s.parts(i, name, labels)...)
		}
	}
	if encloser, found := enclosing(zone, records, name); found && labels < 0 {
		if wildcard, ok := encloser.Wildcard(); ok {
			for i, rr := range records {
				for _, s := range newNSECChain(zone, []dns.RR{rr}).records {
					parts = append(parts, s.wildcardParts(i, wildcard)...)
				}
			}
		}
	}
	return append(parts, nsec3Parts(zone, records, name, labels)...)
}

func (s nsecRecord) parts(i int, name canonical.Name, labels int) []Part {
	switch {
	case labels >= 0 && s.covers(name):
		return []Part{{Record: i, Role: NextCloser, Name: name.Ancestor(labels + 1)}}
	case labels >= 0:
	case s.owner == name:
		return []Part{{Record: i, Role: NoType, Name: name}}
	case s.emptyNonTerminal(name):
		return []Part{{Record: i, Role: NoRecords, Name: name}}
	case s.covers(name):
		return []Part{{Record: i, Role: NoName, Name: name}}
	}
	return nil
}

// enclosing returns the closest encloser by the NSEC record that covers the name.
func enclosing(zone canonical.Name, records []dns.RR, name canonical.Name) (canonical.Name, bool) {
	for _, s := range newNSECChain(zone, records).records {
		if s.covers(name) && !s.emptyNonTerminal(name) {
			return s.closestEncloser(name), true
		}
	}
	return "", false
}

func (s nsecRecord) wildcardParts(i int, wildcard canonical.Name) []Part {
	switch {
	case s.owner == wildcard, s.emptyNonTerminal(wildcard):
		return []Part{{Record: i, Role: WildcardNoType, Name: wildcard}}
	case s.covers(wildcard):
		return []Part{{Record: i, Role: NoWildcard, Name: wildcard}}
	}
	return nil
}

// nsec3Parts goes the way of closestEncloser. It computes no more hashes than the proof has
// cost; records whose iterations are too many prove nothing, and have no part.
func nsec3Parts(zone canonical.Name, records []dns.RR, name canonical.Name, labels int) []Part {
	free := func(int, int) error { return nil }
	all := newNSEC3Chain(zone, records, Cost{Iterations: MaxIterations, Spend: free})
	if len(all.records) == 0 || all.exceeded || all.mixed != nil || !name.Below(zone) {
		return nil
	}
	view := nsec3View{chain: all, index: make(map[dns.RR]int, len(records))}
	for i, rr := range records {
		view.index[rr] = i
	}
	if labels >= 0 {
		view.covering(NextCloser, name.Ancestor(labels+1))
		return view.parts
	}
	if view.matching(NoType, name) {
		return view.parts
	}
	for nextCloser := name; nextCloser != zone; nextCloser = nextCloser.Parent() {
		encloser := nextCloser.Parent()
		if !view.matching(ClosestEncloser, encloser) {
			continue
		}
		view.covering(NextCloser, nextCloser)
		if wildcard, ok := encloser.Wildcard(); ok && !view.matching(WildcardNoType, wildcard) {
			view.covering(NoWildcard, wildcard)
		}
		break
	}
	return view.parts
}

// An nsec3View collects parts.
type nsec3View struct {
	chain nsec3Chain
	index map[dns.RR]int
	parts []Part
}

func (v *nsec3View) matching(role Role, name canonical.Name) bool {
	match, err := v.chain.matching(name)
	if match == nil || err != nil {
		return false
	}
	v.add(role, name, match)
	return true
}

func (v *nsec3View) covering(role Role, name canonical.Name) {
	if cover, err := v.chain.covering(name); cover != nil && err == nil {
		v.add(role, name, cover)
	}
}

func (v *nsec3View) add(role Role, name canonical.Name, r *nsec3Record) {
	hash, _ := v.chain.hash(name) // it has been computed
	text := strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(hash))
	v.parts = append(v.parts, Part{Record: v.index[r.record], Role: role, Name: name, Hash: text, OptOut: r.optOut})
}
