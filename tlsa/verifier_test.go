package tlsa_test

import (
	"crypto/x509"
	"slices"
	"strings"
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

func TestDANEEE(t *testing.T) {
	t.Parallel()
	w := newWorld()
	everything := w.intermediate.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.Expired |
		tlsatest.WrongName | tlsatest.ClientOnly | tlsatest.WrongSignature | tlsatest.UnknownExtension})
	early := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon, Faults: tlsatest.NotYetValid})
	other := w.intermediate.Issue(tlsatest.Leaf{Names: []string{"other.example.net"}})
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial})
	cases := []verifyCase{
		{
			name: "names are ignored", rfc: "RFC 7672 §3.1.1",
			chain: other.Chain(), records: records(other.Record(tlsa.SPKI, tlsa.SHA256)),
		},
		{
			name: "names are ignored with none to compare with", rfc: "RFC 7672 §3.1.1",
			chain: other.Chain(), names: []string{}, records: records(other.Record(tlsa.SPKI, tlsa.SHA256)),
		},
		{
			name: "names are ignored beside usage 2", rfc: "RFC 7672 §3.2.1",
			chain:   other.Chain(),
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256), other.Record(tlsa.SPKI, tlsa.SHA256)), record: 1,
		},
		{
			name: "expiry, names, key usage, signature and critical extensions are ignored", rfc: "RFC 7671 §5.1",
			chain: certificates(everything.Leaf), records: records(everything.Record(tlsa.Cert, tlsa.SHA256)),
		},
		{
			name: "the beginning of the validity is ignored, and that it is self-signed", rfc: "RFC 7672 §3.1.1",
			chain: early.Chain(), records: records(early.Record(tlsa.SPKI, tlsa.SHA512)),
		},
		{
			name: "a CA certificate in the chain does not match", rfc: "RFC 6698 §2.1.1", chain: w.server.Chain(),
			records: records(record(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, w.intermediate.Certificate)), want: tlsa.ReasonMismatch,
		},
		{
			name: "a certificate that Go cannot read matches by its octets", rfc: "RFC 6698 §2.1.3",
			chain: certificates(negative.Leaf), records: records(negative.Record(tlsa.Cert, tlsa.Full)),
		},
		{
			name: "a certificate that Go cannot read fails for usage 2", rfc: "RFC 7672 §3.1.2",
			chain: certificates(negative.Leaf), records: records(w.root.Record(tlsa.Cert, tlsa.Full)), want: tlsa.ReasonParse,
		},
		{
			name: "DANE-EE fails, DANE-TA matches", rfc: "RFC 7672 §3.2", chain: w.server.Chain(),
			records: records(damaged(w.server.Record(tlsa.SPKI, tlsa.SHA256)), w.root.Record(tlsa.SPKI, tlsa.SHA256)),
			record:  1, depth: 2,
		},
		{
			name: "DANE-TA fails, DANE-EE matches", rfc: "RFC 7672 §3.2", chain: w.server.Chain(),
			records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256), w.server.Record(tlsa.SPKI, tlsa.SHA256)),
			record:  1,
		},
		{
			name: "unusable records are ignored beside a usable one", rfc: "RFC 7672 §3.1.3", chain: w.server.Chain(),
			records: records(tlsa.Record{}, record(tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256, w.server.Leaf),
				w.server.Record(tlsa.SPKI, tlsa.SHA256)),
			record: 2,
		},
		{
			name: "the same record twice", rfc: "RFC 7672 §3.2", chain: w.server.Chain(),
			records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256), w.server.Record(tlsa.SPKI, tlsa.SHA256)),
		},
	}
	for _, selector := range []tlsa.Selector{tlsa.Cert, tlsa.SPKI} {
		for _, matching := range []tlsa.Matching{tlsa.Full, tlsa.SHA256, tlsa.SHA512} {
			r := w.server.Record(selector, matching)
			kind := strings.Join([]string{selector.String(), matching.String()}, " ")
			cases = append(cases,
				verifyCase{name: kind + " matches", rfc: "RFC 6698 §2.1.3", chain: w.server.Chain(), records: records(r)},
				verifyCase{
					name: kind + " of other octets does not", rfc: "RFC 6698 §2.1.3",
					chain: w.server.Chain(), records: records(damaged(r)), want: tlsa.ReasonMismatch,
				})
		}
	}
	run(t, cases)
}

func TestDigestAgility(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain := w.server.Chain()
	sha256 := w.server.Record(tlsa.SPKI, tlsa.SHA256)
	sha512 := w.server.Record(tlsa.SPKI, tlsa.SHA512)
	run(t, []verifyCase{
		{
			name: "SHA-512 mismatch, SHA-256 match", rfc: "RFC 7671 §9",
			chain: chain, records: records(sha256, damaged(sha512)), want: tlsa.ReasonMismatch,
		},
		{
			name: "SHA-512 match, SHA-256 mismatch", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(sha256), sha512), record: 1,
		},
		{
			name: "two SHA-512, of which one matches", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(sha512), sha512), record: 1,
		},
		{
			name: "full data is not suppressed", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(sha512), w.server.Record(tlsa.SPKI, tlsa.Full)), record: 1,
		},
		{
			name: "full data does not suppress", rfc: "RFC 7671 §9",
			chain: chain, records: records(record(tlsa.DANEEE, tlsa.SPKI, tlsa.Full, w.root.Certificate), sha256), record: 1,
		},
		{
			name: "a short SHA-512 digest is dropped first", rfc: "RFC 7671 §9",
			chain: chain, records: records(tlsa.Record{3, 1, 2, sha512.Data[:63]}, sha256), record: 1,
		},
		{
			name: "a SHA-512 digest of nothing is as strong as another", rfc: "RFC 7671 §9", chain: chain,
			records: records(tlsa.Record{3, 1, 2, mustParse(emptySHA512).Data}, sha256), want: tlsa.ReasonMismatch,
		},
		{
			name: "another selector is not suppressed", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(w.server.Record(tlsa.Cert, tlsa.SHA512)), sha256), record: 1,
		},
		{
			name: "another usage is not suppressed", rfc: "RFC 7671 §9",
			chain: chain, records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA512), sha256), record: 1,
		},
		{
			name: "the same holds for trust anchors", rfc: "RFC 7671 §9", chain: chain, want: tlsa.ReasonMismatch,
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256), w.stranger.Record(tlsa.SPKI, tlsa.SHA512)),
		},
		{
			name: "the order can prefer SHA-256", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.SHA256, tlsa.SHA512},
			chain: chain, records: records(damaged(sha512), sha256), record: 1,
		},
		{
			name: "full data in the order changes nothing", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.Full, tlsa.SHA256},
			chain: chain, records: records(sha256, record(tlsa.DANEEE, tlsa.SPKI, tlsa.Full, w.root.Certificate)),
		},
		{
			name: "what the order names comes first", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.SHA256},
			chain: chain, records: records(sha512, damaged(sha256)), want: tlsa.ReasonMismatch,
		},
		{
			name: "what the order does not name still counts", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.SHA256},
			chain: chain, records: records(sha512),
		},
	})
}

const emptySHA256 = "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const emptySHA512 = "3 1 2 cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

func mustParse(text string) tlsa.Record {
	r, err := tlsa.Parse(text)
	if err != nil {
		panic(err)
	}
	return r
}

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

func reversed(r []tlsa.Record) []tlsa.Record {
	r = slices.Clone(r)
	slices.Reverse(r)
	return r
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
