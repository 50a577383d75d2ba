package tlsa

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Verify reports how the chain that a server has presented, its own certificate
// first, satisfies the records. One record that matches is enough, whatever their
// order (RFC 7672 §3.2). The other certificates may be in any order, with any
// extras; those after the first 32 are ignored.
//
// The error is an [*Error], and the Match then means nothing.
func (v *Verifier) Verify(chain []*x509.Certificate) (Match, error) {
	s := v.selection()
	if !slices.Contains(s.usable[:], true) {
		return Match{}, newError(ReasonNoUsableRecord, v.firstDefect())
	}
	if !isPresented(chain) {
		return Match{}, newError(ReasonNoCertificate, nil)
	}
	// RFC 7672 §3.1.1: the certificate or its key, and nothing else; no name, no
	// date, no issuer.
	if i := v.entity(chain[0], &s); i >= 0 {
		return Match{Record: v.Records[i], Index: i}, nil
	}
	match, err := v.evaluate(chain, &s, true).verify()
	if err != nil {
		return Match{}, err
	}
	return match, nil
}

// firstDefect is for the error of a Verifier without a usable record.
func (v *Verifier) firstDefect() error {
	if len(v.Records) == 0 {
		return errors.New("no records")
	}
	return fmt.Errorf("%s: %s", v.Records[0].short(), v.Records[0].defect(v.Application))
}

// verify returns the best match of all records but those of usage DANEEE.
func (e *evaluation) verify() (Match, *Error) {
	failure := newError(ReasonMismatch, nil)
	if e.usable[DANETA] {
		match, err := e.bestAnchored()
		if err == nil {
			return match, nil
		}
		failure = furthest(failure, err)
	}
	if e.usable[PKIXTA] || e.usable[PKIXEE] {
		match, err := e.verifyPKIX(e.first(e.chain[0], PKIXEE), -1)
		if err == nil {
			return match, nil
		}
		failure = furthest(failure, err)
	}
	return Match{}, failure
}
