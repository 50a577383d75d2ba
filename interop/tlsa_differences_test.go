//go:build interop

package interop

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// The differences between OpenSSL 3.0 and tlsa that are known, each with its reason.
// Any other fails the test.

// explainMatch says why OpenSSL may name another record, or another depth.
func (c *tlsaCase) explainMatch(v *tlsa.Verifier, match tlsa.Match, theirs opensslVerdict) string {
	for _, verdict := range v.Judge(c.chain) {
		if verdict.Err == nil && theirs.named(verdict.Record) && verdict.Match.Depth == theirs.depth {
			return "of several records that match, another one"
		}
	}
	r := match.Record
	if r.Selector == tlsa.SPKI && r.Matching == tlsa.Full && theirs.named(r) && theirs.depth == match.Depth-1 && (c.has(tlsa.PKIXTA) || c.has(tlsa.PKIXEE)) {
		return "beside PKIX records OpenSSL takes a presented anchor for an absent one, by its key"
	}
	if r.Usage != tlsa.DANETA || match.Depth != theirs.depth {
		return ""
	}
	absent, err := x509.ParseCertificate(r.Data) // of 2 0 0
	if err == nil && c.recordOf(absent, theirs) {
		return "the anchor that one record brings along matches the digest in another"
	}
	return ""
}

// recordOf reports whether the record that OpenSSL names may be of an anchor.
func (c *tlsaCase) recordOf(anchor *x509.Certificate, theirs opensslVerdict) bool {
	for _, r := range c.records {
		of, err := tlsa.New(r.Usage, r.Selector, r.Matching, anchor)
		if err == nil && of.Equal(r) && r.Usage == tlsa.DANETA && theirs.named(r) {
			return true
		}
	}
	return false
}

// explain says why OpenSSL may come to another verdict.
func (c *tlsaCase) explain(dir string, number int, match tlsa.Match, err error, theirs opensslVerdict) string {
	if err == nil {
		// Ask again with the record alone.
		alone := *c
		alone.records = []tlsa.Record{match.Record}
		again, fault := alone.openssl(dir, number)
		switch {
		case fault != nil || !again.accepted:
		case c.has(tlsa.PKIXTA) || c.has(tlsa.PKIXEE):
			return "in OpenSSL a PKIX record spoils a DANE-TA record that matches (RFC 7672 §3.2)"
		case match.Record.Selector == tlsa.SPKI && match.Record.Matching == tlsa.Full && len(c.anchors()) >= len(c.chain):
			return "in OpenSSL a certificate in a record constrains the bare key in another (RFC 7672 §3.2)"
		}
		return ""
	}
	e, _ := errors.AsType[*tlsa.Error](err)
	switch e.Reason {
	case tlsa.ReasonName:
		if c.partialWildcard {
			return "s_client accepts a wildcard as a part of a label (RFC 7672 §3.2.3)"
		}
	case tlsa.ReasonConstraint:
		if len(c.chain[0].DNSNames) == 0 && strings.HasPrefix(c.chain[0].Subject.CommonName, "*.") {
			return "OpenSSL holds no name constraints against a common name with a wildcard (RFC 5280 §4.2.1.10)"
		}
	case tlsa.ReasonExpired, tlsa.ReasonNotYetValid:
		if !c.has(tlsa.PKIXTA) && !c.has(tlsa.PKIXEE) {
			return "" // for SMTP we do the same
		}
		now := time.Now()
		for _, cert := range c.anchors() {
			outdated := now.Before(cert.NotBefore) || now.After(cert.NotAfter)
			if outdated && !bytes.Equal(cert.RawSubject, cert.RawIssuer) && c.recordOf(cert, theirs) {
				return "OpenSSL ignores the dates of an anchor that is no root, outside of SMTP, too (RFC 5280 §6.1.1)"
			}
		}
	}
	return ""
}

// anchors returns the certificates that may be trust anchors: those presented and
// those in records.
func (c *tlsaCase) anchors() []*x509.Certificate {
	anchors := slices.Clone(c.chain[1:])
	for _, r := range c.records {
		if cert, err := x509.ParseCertificate(r.Data); err == nil {
			anchors = append(anchors, cert)
		}
	}
	return anchors
}

func (c *tlsaCase) has(usage tlsa.Usage) bool {
	return slices.ContainsFunc(c.records, func(r tlsa.Record) bool { return r.Usage == usage })
}

// named reports whether OpenSSL's match is by a record with these parameters.
func (o opensslVerdict) named(r tlsa.Record) bool {
	return o.parameters == fmt.Sprintf("%d %d %d", r.Usage, r.Selector, r.Matching)
}
