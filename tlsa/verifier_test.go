package tlsa_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestVerifierFailsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain := w.server.Chain()
	run(t, []verifyCase{
		{
			name: "the zero Verifier", rfc: "RFC 7672 §2.2",
			chain: chain, names: []string{}, want: tlsa.ReasonNoUsableRecord,
		},
		{
			name: "PKIX usages alone, although they match", rfc: "RFC 7672 §3.1.3",
			chain: chain, roots: w.root.Pool(), want: tlsa.ReasonNoUsableRecord,
			records: records(
				record(tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256, w.server.Leaf),
				record(tlsa.PKIXTA, tlsa.SPKI, tlsa.SHA256, w.root.Certificate)),
		},
		{
			name: "unknown parameters alone", rfc: "RFC 6698 §4.1",
			chain: chain, want: tlsa.ReasonNoUsableRecord,
			records: records(tlsa.Record{Usage: 9, Data: make([]byte, 32)}, tlsa.Record{3, 1, 17, make([]byte, 32)}),
		},
		{
			name: "a server without a certificate", rfc: "RFC 7672 §8.2",
			records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonNoCertificate,
		},
		{
			name: "a chain that begins with nil", rfc: "RFC 7672 §8.2", chain: certificates(nil, w.root.Certificate),
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonNoCertificate,
		},
		{
			name: "a certificate that nobody parsed", rfc: "RFC 7672 §8.2", chain: certificates(&x509.Certificate{}),
			records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonNoCertificate,
		},
		{
			name: "usage 2 and no names", rfc: "RFC 7672 §3.1.2", chain: chain, names: []string{},
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonName,
		},
		{
			name: "another certificate's digest", rfc: "RFC 7672 §2.2", chain: chain,
			records: records(damaged(w.server.Record(tlsa.SPKI, tlsa.SHA256))), want: tlsa.ReasonMismatch,
		},
		{
			name: "the SHA-256 digest of nothing alone", rfc: "RFC 6698 §4.1", chain: chain,
			records: records(mustParse(emptySHA256)), want: tlsa.ReasonMismatch,
		},
		{
			name: "the SHA-512 digest of nothing alone", rfc: "RFC 6698 §4.1", chain: chain,
			records: records(mustParse(emptySHA512)), want: tlsa.ReasonMismatch,
		},
		{
			name: "the digest of nothing for a certificate of which nothing is known", rfc: "RFC 6698 §4.1",
			chain: certificates(&x509.Certificate{Raw: []byte{0}}), records: records(mustParse(emptySHA256)), want: tlsa.ReasonMismatch,
		},
		{
			name: "the digest of nothing for an issuer", rfc: "RFC 6698 §4.1", chain: certificates(w.server.Leaf, new(x509.Certificate), nil),
			records: records(as(mustParse(emptySHA256), 2, 1, 1), as(mustParse(emptySHA256), 2, 0, 1)), want: tlsa.ReasonMismatch,
		},
		{
			name: "the key's digest under the selector of certificates", rfc: "RFC 6698 §2.1.2", chain: chain,
			records: records(tlsa.Record{3, 0, 1, w.server.Record(tlsa.SPKI, tlsa.SHA256).Data}), want: tlsa.ReasonMismatch,
		},
	})
	if _, err := new(tlsa.Verifier).Verify(chain); reasonOf(t, err) != tlsa.ReasonNoUsableRecord {
		t.Errorf("the zero Verifier: %v", err)
	}
}

const emptySHA256 = "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const emptySHA512 = "3 1 2 cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

// TestOrderOfRecordsDoesNotMatter has RFC 7672 §3.2.
func TestOrderOfRecordsDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newWorld()
	all := records(damaged(w.server.Record(tlsa.SPKI, tlsa.SHA256)), w.stranger.Record(tlsa.Cert, tlsa.SHA256),
		w.root.Record(tlsa.SPKI, tlsa.SHA256), tlsa.Record{})
	for range all {
		all = slices.Concat(all[1:], all[:1])
		for _, order := range [][]tlsa.Record{all, reversed(all)} {
			v := tlsa.Verifier{Records: order, Names: []string{mx}, Time: atNoon}
			if m, err := v.Verify(w.server.Chain()); err != nil || !m.Record.Equal(w.root.Record(tlsa.SPKI, tlsa.SHA256)) {
				t.Errorf("%v: %v, %v", order, m, err)
			}
		}
	}
}

func TestClockOfTheVerifier(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{}) // now
	chain := ca.Issue(tlsatest.Leaf{Names: []string{mx}}).Chain()
	v := tlsa.Verifier{Records: records(ca.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
	for name, clock := range map[string]func() time.Time{
		"nil":            nil,
		"a zero instant": func() time.Time { return time.Time{} },
	} {
		v.Time = clock
		if _, err := v.Verify(chain); err != nil {
			t.Errorf("%s is not now: %v", name, err)
		}
	}
	expired := tlsa.Verifier{Records: v.Records, Names: v.Names, Time: func() time.Time { return time.Time{} }}
	_, err := expired.Verify(ca.NewCA(tlsatest.Authority{Faults: tlsatest.Expired}).Issue(tlsatest.Leaf{Names: []string{mx}}).Chain())
	if reasonOf(t, err) != tlsa.ReasonExpired {
		t.Errorf("a zero instant is not now in the reason: %v", err)
	}
	v.Time = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	if _, err := v.Verify(chain); reasonOf(t, err) != tlsa.ReasonExpired {
		t.Errorf("in a year: %v", err)
	}
}
