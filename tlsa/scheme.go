package tlsa

import "slices"

// A Scheme is a way for a record set to remain right while keys change (RFC 7671
// §8). The zero Scheme is [NoScheme].
type Scheme uint8

const (
	// NoScheme: delivery fails as soon as the server has another key, until the
	// records are changed and the old ones have left all caches.
	NoScheme Scheme = iota
	// CurrentAndNext: a record of the server's key, and with the same parameters one
	// of another, which is to be the next. It must have been in DNS for two TTLs
	// before that key is installed (RFC 7671 §8.1).
	CurrentAndNext
	// KeyAndIssuer: a record of the server's key and one of its trust anchor. Of the
	// two only one may change at a time (RFC 7671 §8.1).
	KeyAndIssuer
	// IssuerOnly: a record of the trust anchor. The server may change its key as it
	// likes, as long as it stays with the anchor.
	IssuerOnly
)

var schemes = [...]string{
	NoScheme:       "none",
	CurrentAndNext: "current and next key",
	KeyAndIssuer:   "key and issuer",
	IssuerOnly:     "issuer only",
}

// String returns the scheme in a few words.
func (s Scheme) String() string {
	if int(s) < len(schemes) {
		return schemes[s]
	}
	return "unknown scheme"
}

// parameters are what records of one combination have in common.
type parameters struct {
	Usage
	Selector
	Matching
}

func (r *Record) parameters() parameters { return parameters{r.Usage, r.Selector, r.Matching} }

// changes finds out how the set survives the next change of each certificate's key.
// A record of no chain can be the next key of one of them only.
func (c *checker) changes() {
	s := c.selection()
	spare := slices.Clone(c.Unmatched)
	done := map[string]Scheme{} // by the server's key: several chains can have one
	scheme := IssuerOnly
	for place := range c.chains {
		chain := &c.chains[place]
		var key string
		if len(chain.chain) > 0 {
			key = string(selected(chain.chain[0], SPKI))
		}
		found, known := done[key]
		if !known {
			found = c.scheme(chain, &s, &spare)
			done[key] = found
			if found == NoScheme && len(chain.matching) > 0 && !c.limited {
				c.find(Finding{Problem: ProblemRollover, Record: chain.matching[0], Certificate: -1, Chain: place})
			}
		}
		scheme = min(scheme, found)
	}
	c.Scheme = scheme
}

// scheme returns that of one chain. It takes the next key, if that is what the scheme
// needs, from those that are spare.
func (c *checker) scheme(chain *checked, s *selection, spare *[]int) Scheme {
	var entity, issuer bool
	next := -1
	for _, i := range chain.matching {
		switch c.Records[i].Usage {
		case PKIXTA, DANETA:
			issuer = true
		case PKIXEE, DANEEE:
			entity = true
			// A next key does not count if a stronger digest, of the current key, suppresses it.
			if next < 0 && !s.suppresses(&c.Records[i]) {
				next = slices.IndexFunc(*spare, func(n int) bool { return c.parameters(n) == c.parameters(i) })
			}
		}
	}
	switch {
	case entity && issuer:
		return KeyAndIssuer
	case issuer:
		return IssuerOnly
	case next >= 0:
		*spare = slices.Delete(*spare, next, next+1)
		return CurrentAndNext
	}
	return NoScheme
}
