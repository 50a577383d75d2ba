package denial

import (
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// closestEncloser returns the closest ancestor of name that exists, and the
// record that covers the name one label longer (RFC 5155 §8.3). The error is
// ErrUnproven where they are not proven.
func (c *nsec3Chain) closestEncloser(name canonical.Name) (canonical.Name, *nsec3Record, error) {
	for encloser := name; encloser != c.zone; {
		nextCloser := encloser
		encloser = encloser.Parent()
		match, err := c.matching(encloser)
		if err != nil {
			return "", nil, err
		}
		if match == nil {
			continue
		}
		if match.types.hidesBelow() {
			return "", nil, ErrUnproven // RFC 5155 §8.3
		}
		cover, err := c.covering(nextCloser)
		if err != nil {
			return "", nil, err
		}
		if cover == nil {
			return "", nil, ErrUnproven
		}
		return encloser, cover, nil
	}
	return "", nil, ErrUnproven
}

// nameError proves that neither name nor the wildcard that would match it exists (RFC 5155 §8.4).
func (c *nsec3Chain) nameError(name canonical.Name) (Proof, error) {
	encloser, nextCloser, err := c.closestEncloser(name)
	if err != nil {
		return Proof{}, err
	}
	match, err := c.matching(name)
	if err != nil {
		return Proof{}, err
	}
	if match != nil {
		return Proof{}, ErrUnproven
	}
	proof := Proof{OptOut: nextCloser.optOut} // RFC 5155 §9.2
	wildcard, ok := encloser.Wildcard()
	if !ok {
		return proof, nil // no such name can exist
	}
	cover, err := c.covering(wildcard)
	if err != nil {
		return Proof{}, err
	}
	if cover != nil {
		return proof, nil
	}
	if nextCloser.optOut {
		// The next closer name may be an empty non-terminal without a record of its own (RFC
		// 5155 §7.1), which keeps the wildcard beside it from matching. BIND shows that the
		// wildcard is there.
		if match, err = c.matching(wildcard); match != nil || err != nil {
			return proof, err
		}
	}
	return Proof{}, ErrUnproven
}

// noData proves that name, or the wildcard that matches it, lacks the type (RFC 5155 §8.5 to
// §8.7).
func (c *nsec3Chain) noData(name canonical.Name, qtype uint16) (Proof, error) {
	match, err := c.matching(name)
	if err != nil {
		return Proof{}, err
	}
	if match != nil {
		if !match.types.lacks(name, qtype) {
			return Proof{}, ErrUnproven
		}
		return match.types.proof(qtype), nil
	}
	encloser, nextCloser, err := c.closestEncloser(name)
	if err != nil {
		return Proof{}, err
	}
	if wildcard, ok := encloser.Wildcard(); ok {
		match, err := c.matching(wildcard)
		if err != nil {
			return Proof{}, err
		}
		// A wildcard is no delegation (RFC 4592 §4.2).
		if match != nil && !match.types.delegation() && match.types.lacks(wildcard, qtype) {
			return Proof{OptOut: nextCloser.optOut}, nil
		}
	}
	if nextCloser.optOut {
		// An unsigned delegation (RFC 5155 §8.6), or the empty non-terminal above
		// one, for which there need not be a record (RFC 5155 §7.1). They keep a wildcard
		// beside them from matching, whose record may be the one that covers them.
		return Proof{OptOut: true, Delegation: qtype == dns.TypeDS}, nil
	}
	return Proof{}, ErrUnproven
}

// noCloser proves that nothing exists that is closer to name than its ancestor with so many
// labels (RFC 5155 §8.8).
func (c *nsec3Chain) noCloser(name canonical.Name, labels int) (Proof, error) {
	cover, err := c.covering(name.Ancestor(labels + 1))
	if err != nil {
		return Proof{}, err
	}
	if cover == nil {
		return Proof{}, ErrUnproven
	}
	return Proof{OptOut: cover.optOut}, nil
}
