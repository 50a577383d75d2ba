package tlsa

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

const (
	// maxTogether bounds the trust anchors that are tried together, for which crypto/x509
	// checks 100 signatures. A chain has three certificates, and of the issuers that
	// domains publish in advance it has one.
	maxTogether = 32
	// maxPaths bounds the anchors that are tried one by one, if together does not
	// help: those that signatures lead to, nearest first. A chain has two or three;
	// more are only in chains that are made to cost work.
	maxPaths = 8
)

var (
	errSignatures = errors.New("too many signatures would have to be checked")
	errPaths      = fmt.Errorf("%d other trust anchors were tried", maxPaths)
)

// anchored returns what the chain makes of one DANETA record that counts.
func (e *evaluation) anchored(i int) (Match, *Error) {
	return e.bestOf(i, func(a *anchor) bool { return slices.Contains(a.records, i) })
}

// bestAnchored returns the best match of all DANETA records.
func (e *evaluation) bestAnchored() (Match, *Error) {
	return e.bestOf(-1, func(*anchor) bool { return true })
}

// bestOf returns the match of the shortest path to one of the anchors (RFC 7672
// §3.1.2), for one record or, with -1, for the first of each.
func (e *evaluation) bestOf(only int, wanted func(*anchor) bool) (Match, *Error) {
	if len(e.chain[0].RawTBSCertificate) == 0 {
		return Match{}, newError(ReasonParse, errNotParsed)
	}
	if e.collect() {
		e.tryTogether()
	}
	best := e.nearest(wanted)
	failure := e.unreadable(only)
	var limit *Error
	if best == nil {
		e.search.reach(e.chain)
		for place := range e.search.anchors {
			if a := &e.search.anchors[place]; wanted(a) {
				if e.try(place); a.err == nil {
					break
				}
				failure = furthest(failure, a.err)
				if a.err.Reason == ReasonLimit {
					limit = a.err
				}
			}
		}
		best = e.nearest(wanted)
	}
	if limit != nil && only >= 0 {
		failure = limit // whatever was wrong with others of the record's anchors
	}
	switch {
	case best == nil && only >= 0 && failure.Record != nil:
		named := *failure // others have the same
		return Match{}, named.about(e.Records[only], failure.Depth)
	case best == nil:
		return Match{}, failure
	}
	match := best.match
	if match.Index = best.records[0]; only >= 0 {
		match.Index = only
	}
	match.Record = e.Records[match.Index]
	return match, nil
}

// unreadable returns the failure to begin with: that of a record, or with -1 of any,
// from which no anchor can be made.
func (e *evaluation) unreadable(only int) *Error {
	failure := newError(ReasonMismatch, nil)
	for i := range e.Records {
		if err := e.search.unread[i]; err != nil && (only < 0 || only == i) {
			failure = furthest(failure, err)
		}
	}
	return failure
}

// nearest returns the anchor with the shortest path that has been found; nil if none
// has.
func (e *evaluation) nearest(wanted func(*anchor) bool) *anchor {
	var best *anchor
	for place := range e.search.anchors {
		a := &e.search.anchors[place]
		if a.tried && a.err == nil && wanted(a) && (best == nil || a.path < best.path) {
			best = a
		}
	}
	return best
}

// used returns the trust anchor by which a record is satisfied; nil if it is not.
func (e *evaluation) used(i int) *anchor {
	return e.nearest(func(a *anchor) bool { return slices.Contains(a.records, i) })
}

// tryTogether looks for paths to all anchors at once. In most cases that is all the
// work; what it does not find is tried again, one by one.
func (e *evaluation) tryTogether() {
	s := &e.search
	if len(s.anchors) == 0 || len(s.anchors) > maxTogether {
		return
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool() // never nil: that means the system's
	for i := range s.anchors {
		roots.AddCert(s.anchors[i].cert)
	}
	for _, cert := range e.chain[1:] {
		// A path through an anchor is also one that ends there.
		if cert != nil && len(cert.Raw) > 0 && !s.isAnchor(cert) {
			others.AddCert(cert)
		}
	}
	paths, err := e.paths(roots, others)
	if err != nil {
		return
	}
	shortestFirst(paths)
	for i := range paths {
		top := paths[i][len(paths[i])-1]
		if a := &s.anchors[s.places[string(top.Raw)]]; !a.tried {
			e.settle(a, paths[i:i+1])
			a.tried = a.err == nil
		}
	}
}

func (e *evaluation) paths(roots, others *x509.CertPool) ([][]*x509.Certificate, error) {
	return e.chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: e.now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// settle takes the best of the paths to an anchor.
func (e *evaluation) settle(a *anchor, paths [][]*x509.Certificate) {
	below := 1 // a key alone has no place in the path
	if a.bare {
		below = 2
	}
	a.match, a.err = e.pick(paths, func(path []*x509.Certificate) (record, depth int) {
		return a.records[0], len(path) - below
	})
	a.path = a.match.Depth + below
}

// try looks for a path from the server's certificate to an anchor, once.
func (e *evaluation) try(place int) {
	a := &e.search.anchors[place]
	if a.tried {
		return
	}
	a.tried = true
	record := &e.Records[a.records[0]]
	switch {
	case a.depth < 0 && e.search.exhausted:
		a.err = newError(ReasonLimit, errSignatures).about(*record, -1)
		return
	case a.depth < 0:
		a.err = newError(ReasonNoPath, e.search.whyNoPath(a)).about(*record, -1)
		return
	case place >= maxPaths:
		a.err = newError(ReasonLimit, errPaths).about(*record, -1)
		return
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.cert)
	for _, cert := range e.search.intermediates(e.chain, a) {
		others.AddCert(cert)
	}
	paths, err := e.paths(roots, others)
	if err != nil {
		a.err = e.explain(err, a).about(*record, -1)
		return
	}
	e.settle(a, paths)
}
