package tlsa_test

import (
	"crypto/x509"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestPKIXUsages(t *testing.T) {
	t.Parallel()
	w := newWorld()
	leaf, intermediate, root := w.server.Leaf, w.intermediate.Certificate, w.root.Certificate
	other := w.intermediate.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.WrongName})
	expired := w.intermediate.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.Expired})
	of := func(usage tlsa.Usage, cert *x509.Certificate) tlsa.Record {
		return record(usage, tlsa.SPKI, tlsa.SHA256, cert)
	}
	cases := []verifyCase{
		{
			name: "PKIX-EE and a valid path", rfc: "RFC 6698 §2.1.1",
			chain: certificates(leaf, intermediate), records: records(of(tlsa.PKIXEE, leaf)),
		},
		{
			name: "PKIX-EE, and the path is incomplete", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonNoPath,
			chain: certificates(leaf), records: records(of(tlsa.PKIXEE, leaf)),
		},
		{
			name: "PKIX-EE, and a record brings the missing intermediate", rfc: "RFC 6698 §2.1.1", record: 1,
			chain: certificates(leaf), records: records(record(tlsa.PKIXTA, tlsa.Cert, tlsa.Full, intermediate), of(tlsa.PKIXEE, leaf)),
		},
		{
			name: "PKIX-EE of another certificate", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonMismatch,
			chain: certificates(leaf, intermediate), records: records(of(tlsa.PKIXEE, other.Leaf)),
		},
		{
			name: "PKIX-EE for another name", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonName,
			chain: certificates(other.Leaf, intermediate), records: records(of(tlsa.PKIXEE, other.Leaf)),
		},
		{
			name: "PKIX-EE that has expired", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonExpired,
			chain: certificates(expired.Leaf, intermediate), records: records(of(tlsa.PKIXEE, expired.Leaf)),
		},
		{
			name: "PKIX-TA is an intermediate", rfc: "RFC 6698 §2.1.1", depth: 1,
			chain: certificates(leaf, intermediate, root), records: records(of(tlsa.PKIXTA, intermediate)),
		},
		{
			name: "PKIX-TA is a root that is not presented", rfc: "RFC 6698 §2.1.1", depth: 2,
			chain: certificates(leaf, intermediate), records: records(of(tlsa.PKIXTA, root)),
		},
		{
			name: "PKIX-TA is not in the path", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonMismatch,
			chain: certificates(leaf, intermediate, w.stranger.Certificate), records: records(of(tlsa.PKIXTA, w.stranger.Certificate)),
		},
		{
			name: "PKIX-TA does not match the server's certificate", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonMismatch,
			chain: certificates(leaf, intermediate), records: records(of(tlsa.PKIXTA, leaf)),
		},
		{
			name: "DANE-TA needs no public CA here either", rfc: "RFC 6698 §2.1.1", depth: 1, roots: w.stranger.Pool(),
			chain: certificates(leaf, intermediate), records: records(of(tlsa.DANETA, intermediate)),
		},
		{
			name: "DANE-EE beats a failing PKIX-EE", rfc: "RFC 7671 §5", record: 1, roots: w.stranger.Pool(),
			chain: certificates(leaf), records: records(of(tlsa.PKIXEE, leaf), of(tlsa.DANEEE, leaf)),
		},
		{
			name: "a certificate that nobody has parsed", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonParse,
			chain: certificates(&x509.Certificate{Raw: leaf.Raw}), records: records(record(tlsa.PKIXEE, tlsa.Cert, tlsa.SHA256, leaf)),
		},
	}
	for i := range cases {
		cases[i].application = tlsa.PKIX
		if cases[i].roots == nil {
			cases[i].roots = w.root.Pool()
		}
	}
	run(t, cases)
}

// TestSystemRootsByDefault: a CA made a moment ago is none of the system's.
func TestSystemRootsByDefault(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := tlsa.Verifier{
		Records: records(record(tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256, w.server.Leaf)),
		Names:   []string{mx}, Time: atNoon, Application: tlsa.PKIX,
	}
	if _, err := v.Verify(w.server.Chain()); reasonOf(t, err) != tlsa.ReasonNoPath {
		t.Errorf("Verify: %v", err)
	}
}
