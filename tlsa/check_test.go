package tlsa_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// pemDigest returns the record that hashes text for tools that want DER.
func pemDigest(kind string, der []byte, change func([]byte) []byte) tlsa.Record {
	sum := sha256.Sum256(change(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
	return tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: sum[:]}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld()
	leaf := w.server.Leaf
	current := w.server.Record(tlsa.SPKI, tlsa.SHA256)
	strong := w.server.Record(tlsa.SPKI, tlsa.SHA512)
	spare := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon})
	next := spare.Record(tlsa.SPKI, tlsa.SHA256)
	issuer := w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)
	root := w.root.Record(tlsa.SPKI, tlsa.SHA256)
	empty := sha256.Sum256(nil)
	same := func(b []byte) []byte { return b }
	type found = []tlsa.Finding
	lone := tlsa.Finding{Problem: tlsa.ProblemRollover, Record: 0, Certificate: -1}
	nothing := tlsa.Finding{Problem: tlsa.ProblemNoMatch, Record: -1, Certificate: -1}
	about := func(p tlsa.Problem, record int) tlsa.Finding {
		return tlsa.Finding{Problem: p, Record: record, Certificate: -1}
	}
	for _, c := range []struct {
		name, rfc string
		records   []tlsa.Record
		chain     []*x509.Certificate // nil means all of the server's
		scheme    tlsa.Scheme
		findings  found
	}{
		// The schemes.
		{"3 1 1 of the current and of the next key", "RFC 7671 §8.1", records(current, next), nil, tlsa.CurrentAndNext, nil},
		{"and in the other order", "RFC 7671 §8.1", records(next, current), nil, tlsa.CurrentAndNext, nil},
		{"3 1 1 of the key, and 2 1 1 of the issuer", "RFC 7671 §8.1", records(current, issuer), nil, tlsa.KeyAndIssuer, nil},
		{"2 1 1 alone", "RFC 7671 §8.1", records(issuer), nil, tlsa.IssuerOnly, nil},
		{"a lone 3 1 1", "RFC 7671 §8.1", records(current), nil, tlsa.NoScheme, found{lone}},
		{"a lone 3 1 1 twice", "RFC 7671 §8.1", records(current, current), nil, tlsa.NoScheme,
			found{about(tlsa.ProblemDuplicate, 1), lone}},
		{"a second one that is too short is no next key", "RFC 7671 §8.1", records(current, tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: next.Data[:31]}), nil, tlsa.NoScheme,
			found{about(tlsa.ProblemUnusable, 1), lone}},
		{"nor is the digest of nothing", "RFC 7671 §8.1", records(current, tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: empty[:]}), nil, tlsa.NoScheme,
			found{about(tlsa.ProblemEmpty, 1), lone}},
		{"nor is the certificate's digest, by mistake", "RFC 7671 §8.1", records(current, as(w.server.Record(tlsa.Cert, tlsa.SHA256), 3, 1, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemSelector, Record: 1, Certificate: 0}, lone}},
		{"nor is another record of the same key", "RFC 7671 §8.1", records(current, w.server.Record(tlsa.Cert, tlsa.SHA256)), nil, tlsa.NoScheme, found{lone}},
		{"nor is one that a stronger digest of the current key suppresses", "RFC 7671 §9", records(strong, current, next), nil, tlsa.NoScheme, found{lone}},
		{"current and next with both digests", "RFC 7671 §8.1", records(current, strong, next, spare.Record(tlsa.SPKI, tlsa.SHA512)), nil, tlsa.CurrentAndNext, nil},

		// The usual mistakes.
		{"3 1 1 with the digest of the certificate", "RFC 6698 §2.1.2", records(as(w.server.Record(tlsa.Cert, tlsa.SHA256), 3, 1, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemSelector, Record: 0, Certificate: 0}, nothing}},
		{"3 0 1 with the digest of the key", "RFC 6698 §2.1.2", records(as(current, 3, 0, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemSelector, Record: 0, Certificate: 0}, nothing}},
		{"usage 2 with the server's key", "RFC 6698 §2.1.1", records(as(current, 2, 1, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemUsage, Record: 0, Certificate: 0}, nothing}},
		{"usage 3 with the root's key", "RFC 6698 §2.1.1", records(as(root, 3, 1, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemUsage, Record: 0, Certificate: 2}, nothing}},
		{"a SHA-512 digest for SHA-256", "RFC 6698 §2.1.3", records(as(strong, 3, 1, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemMatching, Record: 0, Certificate: 0}}},
		{"the whole key for its digest", "RFC 6698 §2.1.3", records(as(w.server.Record(tlsa.SPKI, tlsa.Full), 3, 1, 1)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemMatching, Record: 0, Certificate: 0}}},
		{"the digest of the certificate's PEM text", "RFC 6698 §2.1.3", records(pemDigest("CERTIFICATE", leaf.Raw, same)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemPEM, Record: 0, Certificate: 0}, nothing}},
		{"the digest of the key's PEM text, without the last end of line", "RFC 6698 §2.1.3",
			records(pemDigest("PUBLIC KEY", leaf.RawSubjectPublicKeyInfo, bytes.TrimSpace)), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemPEM, Record: 0, Certificate: 0}, nothing}},
		{"the digest of PEM text from Windows", "RFC 6698 §2.1.3",
			records(pemDigest("CERTIFICATE", leaf.Raw, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })), nil, tlsa.NoScheme,
			found{{Problem: tlsa.ProblemPEM, Record: 0, Certificate: 0}, nothing}},
		{"PKIX usages for SMTP", "RFC 7672 §3.1.3", records(as(current, 1, 1, 1), current, next), nil, tlsa.CurrentAndNext,
			found{about(tlsa.ProblemPKIX, 0)}},

		// What senders need.
		{"another combination that matches nothing", "RFC 7671 §8.4", records(current, next, spare.Record(tlsa.Cert, tlsa.SHA256)), nil, tlsa.CurrentAndNext,
			found{about(tlsa.ProblemCombination, 2)}},
		{"SHA-256 that does not match beside SHA-512 that does", "RFC 7671 §8.4", records(strong, damaged(current)), nil, tlsa.NoScheme,
			found{about(tlsa.ProblemCombination, 1), lone}},
		{"SHA-512 without SHA-256", "RFC 7672 §3.1", records(strong, spare.Record(tlsa.SPKI, tlsa.SHA512)), nil, tlsa.CurrentAndNext,
			found{about(tlsa.ProblemNoSHA256, 0)}},
		{"the whole certificate in DNS", "RFC 7671 §10.1", records(issuer, w.intermediate.Record(tlsa.Cert, tlsa.Full)), nil, tlsa.IssuerOnly,
			found{about(tlsa.ProblemFull, 1)}},
		{"the anchor is in DNS in full, but not sent", "RFC 7671 §5.2.2", records(w.root.Record(tlsa.Cert, tlsa.Full)),
			certificates(leaf, w.intermediate.Certificate), tlsa.IssuerOnly,
			found{about(tlsa.ProblemFull, 0), about(tlsa.ProblemAnchorAbsent, 0)}},
		{"the anchor is not sent", "RFC 7672 §3.1.2", records(root), certificates(leaf, w.intermediate.Certificate), tlsa.NoScheme,
			found{nothing, about(tlsa.ProblemAnchorAbsent, 0)}},
		{"the anchor is not sent, and the server's key matches", "RFC 7672 §3.1.2", records(current, root), certificates(leaf, w.intermediate.Certificate), tlsa.NoScheme,
			found{about(tlsa.ProblemCombination, 1), about(tlsa.ProblemAnchorUnknown, 1), lone}},
		{"a retired issuer beside a good key, and the server sends everything", "RFC 7671 §8.4", records(current, w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), nil, tlsa.NoScheme,
			found{about(tlsa.ProblemCombination, 1), about(tlsa.ProblemAnchorUnknown, 1), lone}},
		{"a retired issuer beside two good ones and a good key", "RFC 7671 §8.1", records(current, issuer, root, w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), nil, tlsa.KeyAndIssuer, nil},
		{"the next anchor is not sent, and need not be", "RFC 7671 §8.1", records(issuer, w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), certificates(leaf, w.intermediate.Certificate), tlsa.IssuerOnly, nil},
		{"nothing matches", "RFC 7672 §2.2", records(next), nil, tlsa.NoScheme, found{nothing}},

		{"no records", "RFC 7672 §2.2", nil, nil, tlsa.NoScheme, nil},
		{"no certificates", "RFC 7672 §8.2", records(current, root), []*x509.Certificate{}, tlsa.NoScheme, found{nothing}},
		{"a certificate of nothing", "RFC 7672 §8.2", records(current, root), certificates(nil, new(x509.Certificate)), tlsa.NoScheme, found{nothing}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chain := c.chain
			if chain == nil {
				chain = w.server.Chain()
			}
			v := tlsa.Verifier{Records: c.records, Names: []string{mx}, Time: atNoon}
			got := v.Check(chain)
			if diff := cmp.Diff(c.findings, got.Findings); diff != "" || got.Scheme != c.scheme || len(got.Verdicts) != len(c.records) {
				t.Errorf("%s: scheme %v, want %v; findings:\n%s", c.rfc, got.Scheme, c.scheme, diff)
			}
		})
	}
}

// TestCheckJudgesEachRecordAlone: a SHA-256 digest beside SHA-512 is suppressed for
// Judge, but senders that do not know SHA-512 need it.
func TestCheckJudgesEachRecordAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := tlsa.Verifier{Time: atNoon, Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA512), w.server.Record(tlsa.SPKI, tlsa.SHA256))}
	chain := w.server.Chain()
	if err := v.Judge(chain)[1].Err; reasonOf(t, err) != tlsa.ReasonWeakerDigest {
		t.Errorf("Judge: %v", err)
	}
	if got := v.Check(chain).Verdicts[1]; got.Err != nil || got.Match.Index != 1 {
		t.Errorf("Check: %+v", got)
	}
}

// TestCheckOfSeveralChains has servers with more than one certificate. From one of
// their chains alone, the record of the other is the next key.
func TestCheckOfSeveralChains(t *testing.T) {
	t.Parallel()
	w := newWorld()
	issue := func() *tlsatest.Certificate { return w.intermediate.Issue(tlsatest.Leaf{Names: []string{mx}}) }
	rsa, ecdsa, next, other := issue(), issue(), issue(), w.stranger.Issue(tlsatest.Leaf{Names: []string{mx}})
	key := func(c *tlsatest.Certificate) tlsa.Record { return c.Record(tlsa.SPKI, tlsa.SHA256) }
	issuer := w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)
	retired := tlsatest.NewCA(tlsatest.Authority{Name: "Retired", Time: noon}).Record(tlsa.SPKI, tlsa.SHA256)
	about := func(p tlsa.Problem, record, chain int) tlsa.Finding {
		return tlsa.Finding{Problem: p, Record: record, Certificate: -1, Chain: chain}
	}
	type found = []tlsa.Finding
	for _, c := range []struct {
		name, rfc string
		chains    [][]*x509.Certificate
		records   []tlsa.Record
		scheme    tlsa.Scheme
		unmatched []int
		findings  found
	}{
		{"two keys and one chain: the other may be the next", "RFC 7671 §8.1", chains(rsa), records(key(rsa), key(ecdsa)), tlsa.CurrentAndNext, []int{1}, nil},
		{"two keys and both chains: no next one", "RFC 7671 §8.1", chains(rsa, ecdsa), records(key(rsa), key(ecdsa)), tlsa.NoScheme, nil,
			found{about(tlsa.ProblemRollover, 0, 0), about(tlsa.ProblemRollover, 1, 1)}},
		{"two keys and the next of one", "RFC 7671 §8.1", chains(rsa, ecdsa), records(key(next), key(rsa), key(ecdsa)), tlsa.NoScheme, []int{0},
			found{about(tlsa.ProblemRollover, 2, 1)}},
		{"two keys and the next of both", "RFC 7671 §8.1", chains(rsa, ecdsa), records(key(next), key(rsa), key(ecdsa), key(other)), tlsa.CurrentAndNext, []int{0, 3}, nil},
		{"one chain twice has one key", "RFC 7671 §8.1", chains(rsa, rsa), records(key(rsa), key(next)), tlsa.CurrentAndNext, []int{1}, nil},
		{"the second key is forgotten", "RFC 7672 §2.2", chains(rsa, ecdsa), records(key(rsa), key(next)), tlsa.NoScheme, []int{1},
			found{about(tlsa.ProblemNoMatch, -1, 1)}},
		{"one issuer for both", "RFC 7671 §8.1", chains(rsa, ecdsa), records(issuer), tlsa.IssuerOnly, nil, nil},
		{"one issuer for both, and one key", "RFC 7671 §8.4", chains(rsa, ecdsa), records(key(rsa), issuer), tlsa.KeyAndIssuer, nil,
			found{about(tlsa.ProblemCombination, 0, 1)}},
		{"one issuer for both, and both keys", "RFC 7671 §8.1", chains(rsa, ecdsa), records(key(rsa), issuer, key(ecdsa)), tlsa.KeyAndIssuer, nil, nil},
		{"the issuer of one, and the key and the next of the other", "RFC 7671 §8.4", chains(rsa, other), records(key(rsa), issuer, key(other), key(next)), tlsa.CurrentAndNext, []int{3},
			found{about(tlsa.ProblemCombination, 1, 1)}},
		{"a retired issuer beside both keys", "RFC 7671 §8.4", chains(rsa, ecdsa), records(key(rsa), key(ecdsa), retired), tlsa.NoScheme, []int{2},
			found{about(tlsa.ProblemCombination, 2, 0), about(tlsa.ProblemAnchorUnknown, 2, 0),
				about(tlsa.ProblemCombination, 2, 1), about(tlsa.ProblemAnchorUnknown, 2, 1),
				about(tlsa.ProblemRollover, 0, 0), about(tlsa.ProblemRollover, 1, 1)}},
		{"the second chain's certificate by mistake for an issuer", "RFC 6698 §2.1.1", chains(rsa, ecdsa), records(issuer, as(key(ecdsa), 2, 1, 1)), tlsa.IssuerOnly, nil,
			found{{Problem: tlsa.ProblemUsage, Record: 1, Certificate: 0, Chain: 1}}},
		{"no chain at all", "RFC 7672 §8.2", nil, records(key(rsa)), tlsa.NoScheme, nil, found{about(tlsa.ProblemNoMatch, -1, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := tlsa.Verifier{Records: c.records, Names: []string{mx}, Time: atNoon}
			got := v.Check(c.chains...)
			if diff := cmp.Diff(c.findings, got.Findings); diff != "" || got.Scheme != c.scheme {
				t.Errorf("%s: scheme %v, want %v; findings:\n%s", c.rfc, got.Scheme, c.scheme, diff)
			}
			if diff := cmp.Diff(c.unmatched, got.Unmatched); diff != "" {
				t.Errorf("%s: records of no chain:\n%s", c.rfc, diff)
			}
		})
	}
}

func TestProblemsAndSchemesHaveText(t *testing.T) {
	for p := tlsa.ProblemUnusable; p <= tlsa.ProblemRollover; p++ {
		if strings.Contains(p.String(), "unknown") {
			t.Errorf("problem %d: %v", p, p)
		}
	}
	for s := tlsa.NoScheme; s <= tlsa.IssuerOnly; s++ {
		if strings.Contains(s.String(), "unknown") {
			t.Errorf("scheme %d: %v", s, s)
		}
	}
	if tlsa.Problem(0).String() != "unknown problem" || tlsa.Problem(99).String() != "unknown problem" || tlsa.Scheme(99).String() != "unknown scheme" {
		t.Error("numbers that mean nothing have a text")
	}
}
