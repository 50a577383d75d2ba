package tlsa_test

import (
	"fmt"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestDatesOfTheAnchor has the cells in which OpenSSL 3.0, and so Postfix, accept an
// anchor outside of its validity, and those in which they do not. In the interop tests
// TestOpenSSLAndDatesOfTheAnchor asks OpenSSL about the same ones.
func TestDatesOfTheAnchor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	leaf := tlsatest.Leaf{Names: []string{mx}}
	for fault, when := range map[tlsatest.Fault]string{tlsatest.Expired: "expired", tlsatest.NotYetValid: "not valid yet"} {
		refused := tlsa.ReasonExpired
		if fault == tlsatest.NotYetValid {
			refused = tlsa.ReasonNotYetValid
		}
		plain := w.root.NewCA(tlsatest.Authority{Name: "Plain", Faults: fault})
		cross := w.stranger.NewCA(tlsatest.Authority{CrossSignedOf: w.intermediate, Faults: fault})
		root := tlsatest.NewCA(tlsatest.Authority{Name: "Self-signed", Time: noon, Faults: fault})
		for _, c := range []struct {
			name   string
			anchor *tlsatest.CA
			want   tlsa.Reason
			alone  tlsa.Reason // for a certificate in a record, of an anchor that is not presented
		}{
			{"plain intermediate", plain, 0, 0},
			{"cross-signed", cross, 0, 0},
			{"self-signed", root, refused, refused},
		} {
			server := c.anchor.Issue(leaf)
			for _, selector := range []tlsa.Selector{tlsa.Cert, tlsa.SPKI} {
				for _, matching := range []tlsa.Matching{tlsa.Full, tlsa.SHA256, tlsa.SHA512} {
					r := c.anchor.Record(selector, matching)
					test := verifyCase{
						name: fmt.Sprintf("%s, %s, %d %d %d", c.name, when, r.Usage, r.Selector, r.Matching), rfc: "RFC 5280 §6.1.1",
						chain: certificates(server.Leaf, c.anchor.Certificate), records: records(r), want: c.want, depth: 1,
					}
					run(t, []verifyCase{test})
					test.name, test.chain = test.name+", with its issuers", append(certificates(server.Leaf), c.anchor.Chain()...)
					run(t, []verifyCase{test})
					test.name, test.application, test.want = test.name+", outside of SMTP", tlsa.PKIX, refused
					run(t, []verifyCase{test})
				}
			}
			run(t, []verifyCase{{
				name: fmt.Sprintf("%s, %s, 2 0 0 and not presented", c.name, when), rfc: "RFC 7671 §5.2.2",
				chain: certificates(server.Leaf), records: records(c.anchor.Record(tlsa.Cert, tlsa.Full)), want: c.alone, depth: 1,
			}, {
				name: fmt.Sprintf("%s, %s, 2 1 0 and not presented: a key has no dates", c.name, when), rfc: "RFC 7671 §5.2.3",
				chain: certificates(server.Leaf), records: records(c.anchor.Record(tlsa.SPKI, tlsa.Full)),
			}})
		}
	}
}

// TestOutdatedAnchorIsStillConstrained: only its dates do not count, and only its own.
func TestOutdatedAnchorIsStillConstrained(t *testing.T) {
	t.Parallel()
	w := newWorld()
	outdated := func(a tlsatest.Authority) *tlsatest.CA {
		a.Faults |= tlsatest.Expired
		return w.root.NewCA(a)
	}
	leaf := tlsatest.Leaf{Names: []string{mx}}
	anchor := outdated(tlsatest.Authority{})
	noIntermediates := outdated(tlsatest.Authority{Faults: tlsatest.NoIntermediates})
	run(t, []verifyCase{
		{name: "it is no CA", rfc: "RFC 5280 §4.2.1.9", want: tlsa.ReasonConstraint,
			chain: outdated(tlsatest.Authority{Faults: tlsatest.NotCA}).Issue(leaf).Chain()},
		{name: "it may have no CA below it, and has none", rfc: "RFC 5280 §4.2.1.9", depth: 1, chain: noIntermediates.Issue(leaf).Chain()},
		{name: "it may have no CA below it, and has one", rfc: "RFC 5280 §4.2.1.9", want: tlsa.ReasonConstraint, depth: 2,
			chain: noIntermediates.NewCA(tlsatest.Authority{}).Issue(leaf).Chain()},
		{name: "it may issue for another domain", rfc: "RFC 5280 §4.2.1.10", want: tlsa.ReasonConstraint,
			chain: outdated(tlsatest.Authority{PermittedDNS: []string{"example.net"}}).Issue(leaf).Chain()},
		{name: "it may not issue for the domain", rfc: "RFC 5280 §4.2.1.10", want: tlsa.ReasonConstraint,
			chain: outdated(tlsatest.Authority{ExcludedDNS: []string{"example.org"}}).Issue(leaf).Chain()},
		{name: "it may not issue for the common name", rfc: "RFC 5280 §4.2.1.10", want: tlsa.ReasonConstraint,
			chain: outdated(tlsatest.Authority{ExcludedDNS: []string{"example.org"}}).Issue(tlsatest.Leaf{CommonName: mx}).Chain()},
		{name: "it may issue for clients", rfc: "RFC 5280 §4.2.1.12", want: tlsa.ReasonConstraint,
			chain: outdated(tlsatest.Authority{Faults: tlsatest.ClientOnly}).Issue(leaf).Chain()},
		{name: "it has a critical extension that nobody knows", rfc: "RFC 5280 §4.2", want: tlsa.ReasonConstraint,
			chain: outdated(tlsatest.Authority{Faults: tlsatest.UnknownExtension}).Issue(leaf).Chain()},
		{name: "the server's certificate has expired", rfc: "RFC 5280 §6.1.3", want: tlsa.ReasonExpired,
			chain: anchor.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.Expired}).Chain()},
		{name: "an intermediate below it has expired", rfc: "RFC 5280 §6.1.3", want: tlsa.ReasonExpired, depth: 2,
			chain: anchor.NewCA(tlsatest.Authority{Faults: tlsatest.Expired}).Issue(leaf).Chain()},
		{name: "the name is another", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonName,
			chain: anchor.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.WrongName}).Chain()},
	}, func(c *verifyCase) {
		// The anchor is the last certificate but for the root.
		c.records = records(record(tlsa.DANETA, tlsa.SPKI, tlsa.SHA256, c.chain[len(c.chain)-2]))
	})
	t.Run("an outdated anchor is none for the anchor above it", func(t *testing.T) {
		verifyCase{
			rfc: "RFC 5280 §6.1.3", want: tlsa.ReasonExpired, chain: anchor.Issue(leaf).Chain(),
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)),
		}.check(t)
	})
}

// TestCheckFindsOutdatedAnchors: they work for now.
func TestCheckFindsOutdatedAnchors(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for fault, want := range map[tlsatest.Fault]tlsa.Problem{
		tlsatest.Expired: tlsa.ProblemAnchorExpired, tlsatest.NotYetValid: tlsa.ProblemAnchorNotYetValid,
	} {
		anchor := w.root.NewCA(tlsatest.Authority{Faults: fault})
		chain := anchor.Issue(tlsatest.Leaf{Names: []string{mx}}).Chain()
		for _, c := range []struct {
			record      tlsa.Record
			certificate int
			presented   int
			more        []tlsa.Problem
		}{
			{anchor.Record(tlsa.SPKI, tlsa.SHA256), 1, 2, nil},
			{anchor.Record(tlsa.Cert, tlsa.Full), 1, 3, []tlsa.Problem{tlsa.ProblemFull}},
			{anchor.Record(tlsa.Cert, tlsa.Full), -1, 1, []tlsa.Problem{tlsa.ProblemFull, tlsa.ProblemAnchorAbsent}},
		} {
			v := tlsa.Verifier{Records: records(c.record), Names: []string{mx}, Time: atNoon}
			sent := chain[:c.presented]
			report := v.Check(sent)
			var dated, others []tlsa.Problem
			for _, f := range report.Findings {
				if f.Problem != want {
					others = append(others, f.Problem)
				} else if dated = append(dated, f.Problem); f.Record != 0 || f.Certificate != c.certificate {
					t.Errorf("%v", f)
				}
			}
			if len(dated) != 1 || fmt.Sprint(others) != fmt.Sprint(c.more) || report.Scheme != tlsa.IssuerOnly {
				t.Errorf("%v, %d presented: %v, scheme %v", c.record.Matching, len(sent), report.Findings, report.Scheme)
			}
		}
	}
}
