package tlsa_test

import (
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

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
