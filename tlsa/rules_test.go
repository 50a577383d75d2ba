package tlsa_test

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestRules has the rules of RFC 7671 and RFC 7672 for authentication one by one,
// in their order there, each with the smallest case that breaks if the rule does. The
// other tests go into their details. What a sender does about a failure, and which
// names it knows, is the business of package dane.
func TestRules(t *testing.T) {
	t.Parallel()
	w := newWorld()
	leaf, intermediate, root := w.server.Leaf, w.intermediate.Certificate, w.root.Certificate
	chain := w.server.Chain()
	issue := func(l tlsatest.Leaf) *tlsatest.Certificate { return w.root.Issue(l) }
	faulty := func(f tlsatest.Fault) *tlsatest.Certificate {
		return issue(tlsatest.Leaf{Names: []string{mx}, Faults: f})
	}
	named := func(names ...string) []*x509.Certificate { return issue(tlsatest.Leaf{Names: names}).Chain() }
	ee := func(c *tlsatest.Certificate) []tlsa.Record { return records(c.Record(tlsa.SPKI, tlsa.SHA256)) }
	ta := records(w.root.Record(tlsa.SPKI, tlsa.SHA256))
	taCert := records(w.root.Record(tlsa.Cert, tlsa.SHA256))
	good256, good512 := w.server.Record(tlsa.SPKI, tlsa.SHA256), w.server.Record(tlsa.SPKI, tlsa.SHA512)
	wrongName, expired, early, client := faulty(tlsatest.WrongName), faulty(tlsatest.Expired), faulty(tlsatest.NotYetValid), faulty(tlsatest.ClientOnly)
	unsigned := faulty(tlsatest.WrongSignature)
	selfSigned := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon})
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial})
	pathLength := tlsatest.NewCA(tlsatest.Authority{Time: noon, Faults: tlsatest.NoIntermediates})
	elsewhere := tlsatest.NewCA(tlsatest.Authority{Time: noon, PermittedDNS: []string{"example.net"}})
	old := tlsatest.NewCA(tlsatest.Authority{Time: noon, Faults: tlsatest.Expired})
	below := func(ca *tlsatest.CA, f tlsatest.Fault) []*x509.Certificate {
		return ca.NewCA(tlsatest.Authority{Faults: f}).Issue(tlsatest.Leaf{Names: []string{mx}}).Chain()
	}
	pkix := as(good256, tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256)
	cn := issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.CommonNameOnly}).Chain()

	run(t, []verifyCase{
		{name: "DANE-EE ignores all names", rfc: "RFC 7672 §3.1.1", chain: wrongName.Chain(), records: ee(wrongName)},
		{name: "DANE-EE ignores notAfter", rfc: "RFC 7672 §3.1.1", chain: expired.Chain(), records: ee(expired)},
		{name: "DANE-EE ignores notBefore", rfc: "RFC 7672 §3.1.1", chain: early.Chain(), records: ee(early)},
		{name: "DANE-EE ignores the extended key usage", rfc: "RFC 7671 §5.1", chain: client.Chain(), records: ee(client)},
		{name: "DANE-EE ignores the chain", rfc: "RFC 7671 §5.1", chain: certificates(unsigned.Leaf, w.stranger.Certificate), records: ee(unsigned)},
		{name: "DANE-EE ignores that a certificate is self-signed", rfc: "RFC 7671 §5.1", chain: selfSigned.Chain(), records: ee(selfSigned)},
		{name: "usages 0 and 1 alone are no usable records", rfc: "RFC 7672 §3.1.3", chain: chain, want: tlsa.ReasonNoUsableRecord,
			records: records(pkix, as(ta[0], tlsa.PKIXTA, tlsa.SPKI, tlsa.SHA256))},
		{name: "usages 0 and 1 beside a usable record are ignored", rfc: "RFC 7672 §3.1.3", chain: chain, records: records(damaged(pkix), good256), record: 1},
		{name: "usages 0 and 1 beside a usable record do not help it", rfc: "RFC 7672 §3.1.3", chain: chain, records: records(pkix, damaged(good256)), want: tlsa.ReasonMismatch},
		{name: "an unknown usage makes the record unusable", rfc: "RFC 6698 §4.1", chain: chain, records: records(as(good256, 255, 1, 1), good256), record: 1},
		{name: "an unknown selector makes the record unusable", rfc: "RFC 6698 §4.1", chain: chain, records: records(as(good256, 3, 255, 1), good256), record: 1},
		{name: "an unknown matching type makes the record unusable", rfc: "RFC 6698 §4.1", chain: chain, records: records(as(good256, 3, 1, 17), good256), record: 1},
		{name: "unknown values alone are no usable records", rfc: "RFC 6698 §4.1", chain: chain, want: tlsa.ReasonNoUsableRecord,
			records: records(as(good256, 255, 1, 1), as(good256, 3, 255, 1), as(good256, 3, 1, 17))},
		{name: "a digest of the wrong length is unusable", rfc: "RFC 6698 §2.1.4", chain: chain, want: tlsa.ReasonNoUsableRecord, records: records(as(good512, 3, 1, 1))},
		{name: "empty data is unusable", rfc: "RFC 7671 §9", chain: chain, want: tlsa.ReasonNoUsableRecord, records: records(tlsa.Record{Usage: 3, Selector: 1})},
		{name: "full data that is no DER value is unusable", rfc: "RFC 6698 §2.1.4", chain: chain, want: tlsa.ReasonNoUsableRecord, records: records(as(good256, 3, 1, 0))},
		{name: "full data with octets behind it is unusable", rfc: "RFC 6698 §2.1.4", chain: chain, want: tlsa.ReasonNoUsableRecord,
			records: records(tlsa.Record{Usage: 3, Data: append(slices.Clone(leaf.Raw), 0)})},
		{name: "full data that Go cannot read is usable: it matches by bytes", rfc: "RFC 7672 §2.2", chain: certificates(negative.Leaf), records: records(negative.Record(tlsa.Cert, tlsa.Full))},
		{name: "full data that Go cannot read is usable: or it fails", rfc: "RFC 7672 §2.2", chain: chain, want: tlsa.ReasonMismatch, records: records(negative.Record(tlsa.Cert, tlsa.Full))},
		{name: "matching is over the raw DER of the certificate", rfc: "RFC 6698 §2.1.3", records: records(tlsa.Record{Usage: 3, Data: leaf.Raw}),
			chain: certificates(&x509.Certificate{Raw: leaf.Raw})},
		{name: "matching is over the raw DER of the key", rfc: "RFC 6698 §2.1.3", records: records(tlsa.Record{Usage: 3, Selector: 1, Data: leaf.RawSubjectPublicKeyInfo}),
			chain: certificates(&x509.Certificate{Raw: []byte{0}, RawSubjectPublicKeyInfo: leaf.RawSubjectPublicKeyInfo})},
		{name: "2 0 1 matches a TA in the presented chain", rfc: "RFC 7672 §3.1.2", chain: chain, records: taCert, depth: 2},
		{name: "2 0 1 does not match at depth 0", rfc: "RFC 7672 §3.1.2", chain: selfSigned.Chain(), want: tlsa.ReasonMismatch,
			records: records(record(tlsa.DANETA, tlsa.Cert, tlsa.SHA256, selfSigned.Leaf))},
		{name: "2 0 1 with the presented order wrong, and extras", rfc: "RFC 7672 §3.1.2", records: taCert, depth: 2,
			chain: certificates(leaf, root, w.stranger.Certificate, intermediate)},
		{name: "2 0 1 with the TA absent fails although it is in the system's pool", rfc: "RFC 7672 §3.1.2", chain: certificates(leaf, intermediate),
			records: taCert, roots: w.root.Pool(), want: tlsa.ReasonMismatch},
		{name: "2 0 0 with the TA absent takes it from DNS", rfc: "RFC 7671 §5.2.2", chain: certificates(leaf, intermediate), records: records(w.root.Record(tlsa.Cert, tlsa.Full)), depth: 2},
		{name: "2 1 0 with the key absent checks the top certificate's signature", rfc: "RFC 7671 §5.2.3", chain: certificates(leaf, intermediate),
			records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 1},
		{name: "2 1 0 with a chain of the leaf alone", rfc: "RFC 7671 §5.2.3", chain: certificates(leaf), records: records(w.intermediate.Record(tlsa.SPKI, tlsa.Full))},
		{name: "the TA's path length applies", rfc: "RFC 7672 §3.1.2", chain: below(pathLength, 0), records: records(pathLength.Record(tlsa.Cert, tlsa.Full)), want: tlsa.ReasonConstraint},
		{name: "the TA's name constraints apply", rfc: "RFC 7672 §3.1.2", chain: below(elsewhere, 0), records: records(elsewhere.Record(tlsa.Cert, tlsa.SHA256)), want: tlsa.ReasonConstraint},
		{name: "the TA's validity applies", rfc: "RFC 7672 §3.1.2", chain: below(old, 0), records: records(old.Record(tlsa.Cert, tlsa.SHA512)), want: tlsa.ReasonExpired},
		{name: "a TA may be an intermediate, without the root", rfc: "RFC 7672 §3.1.2", chain: certificates(leaf, intermediate), records: records(w.intermediate.Record(tlsa.Cert, tlsa.SHA256)), depth: 1},
		{name: "an expired leaf under DANE-TA fails", rfc: "RFC 7672 §3.1.2", chain: expired.Chain(), records: ta, want: tlsa.ReasonExpired},
		{name: "an expired intermediate under DANE-TA fails", rfc: "RFC 7672 §3.1.2", chain: below(w.root, tlsatest.Expired), records: ta, want: tlsa.ReasonExpired},
		{name: "any one matching record authenticates: EE fails, TA matches", rfc: "RFC 7672 §3.2", chain: chain, records: records(damaged(good256), ta[0]), record: 1, depth: 2},
		{name: "any one matching record authenticates, in any order", rfc: "RFC 7672 §3.2", chain: chain, records: records(ta[0], damaged(good256)), depth: 2},
		{name: "no name check for usage 3 although usage 2 is there too", rfc: "RFC 7672 §3.2.1", chain: wrongName.Chain(), records: append(ee(wrongName), ta...)},

		{name: "the TLSA base domain is always a reference name", rfc: "RFC 7672 §3.2.2", chain: named(mx), records: ta, names: []string{mx, "example.org"}, depth: 1},
		{name: "secure MX: the original next-hop domain is accepted", rfc: "RFC 7672 §3.2.2", chain: named("example.org"), records: ta, names: []string{mx, "example.org"}, match: "example.org", depth: 1},
		{name: "secure MX: the CNAME-expanded next-hop is accepted", rfc: "RFC 7672 §3.2.2", chain: named("example.com"), records: ta,
			names: []string{mx, "example.org", "example.com"}, match: "example.com", depth: 1},
		{name: "insecure MX: only the MX hostname is accepted", rfc: "RFC 7672 §3.2.2", chain: named("example.org"), records: ta, names: []string{mx}, want: tlsa.ReasonName},
		{name: "no MX, base is the expanded name: the original name is accepted", rfc: "RFC 7672 §3.2.2", chain: named("alias.example"), records: ta,
			names: []string{mx, "alias.example"}, match: "alias.example", depth: 1},
		{name: "example: exchange.example.org, example.com and the base", rfc: "RFC 7672 §3.2.2", chain: named("exchange.example.org"), records: ta,
			names: []string{"mx10.example.com", "exchange.example.org", "example.com"}, match: "exchange.example.org", depth: 1},
		{name: "with any DNS-ID the CN is ignored", rfc: "RFC 7672 §3.2.3", records: ta, want: tlsa.ReasonName,
			chain: issue(tlsatest.Leaf{Names: []string{"other.example"}, CommonName: mx}).Chain()},
		{name: "without a DNS-ID the CN-ID is used", rfc: "RFC 7672 §3.2.3", chain: cn, records: ta, depth: 1},
		{name: "a wildcard is the whole first label", rfc: "RFC 7672 §3.2.3", chain: named("*.example.org"), records: ta, depth: 1},
		{name: "smtp*.x never matches", rfc: "RFC 7672 §3.2.3", chain: named("smtp*.example.org"), records: ta, names: []string{"smtp1.example.org"}, want: tlsa.ReasonName},
		{name: "*smtp.x never matches", rfc: "RFC 7672 §3.2.3", chain: named("*smtp.example.org"), records: ta, names: []string{"1smtp.example.org"}, want: tlsa.ReasonName},
		{name: "a wildcard is one label only", rfc: "RFC 7672 §3.2.3", chain: named("*.example.org"), records: ta, names: []string{"a.mx.example.org"}, want: tlsa.ReasonName},

		{name: "only the strongest digest counts: SHA-512 mismatch, SHA-256 match", rfc: "RFC 7671 §9", chain: chain, records: records(damaged(good512), good256), want: tlsa.ReasonMismatch},
		{name: "full data is never suppressed", rfc: "RFC 7671 §9", chain: chain, records: records(damaged(good512), w.server.Record(tlsa.SPKI, tlsa.Full)), record: 1},
		{name: "full data suppresses nothing", rfc: "RFC 7671 §9", chain: chain, records: records(as(tlsa.Record{Data: root.RawSubjectPublicKeyInfo}, 3, 1, 0), good256), record: 1},
		{name: "agility runs after unusable records are dropped", rfc: "RFC 7671 §9", chain: chain, records: records(as(good256, 3, 1, 2), good256), record: 1},
		{name: "agility is per usage and selector: 3 0 2 does not suppress 3 1 1", rfc: "RFC 7671 §9", chain: chain,
			records: records(damaged(w.server.Record(tlsa.Cert, tlsa.SHA512)), good256), record: 1},
		{name: "the order of preference is configurable", rfc: "RFC 7671 §9", chain: chain, records: records(damaged(good512), good256), record: 1,
			order: []tlsa.Matching{tlsa.SHA256, tlsa.SHA512}},

		{name: "mandatory DANE with no usable record: a reason of its own, for dane to delay", rfc: "RFC 7672 §6", chain: chain, records: records(pkix), want: tlsa.ReasonNoUsableRecord},
		{name: "a mismatch is an error with a reason, for dane to make temporary", rfc: "RFC 7672 §2.2", chain: chain, records: records(damaged(good256)), want: tlsa.ReasonMismatch},
		{name: "a handshake without a certificate cannot satisfy DANE", rfc: "RFC 7672 §8.2", records: records(good256, ta[0]), want: tlsa.ReasonNoCertificate},
	})
}

// TestRulesOfTheHandshake has those rules that are about TLS.
func TestRulesOfTheHandshake(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := &tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx + ".", "example.org"}, Time: atNoon}
	var hello tls.ClientHelloInfo
	server := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		hello = *h
		certificate := w.server.TLS()
		return &certificate, nil
	}}
	if _, err := handshake(server, v.TLSConfig(nil)); err != nil {
		t.Fatal(err)
	}
	t.Run("SNI is the TLSA base domain, not the next hop, with no dot at the end (RFC 7672 §8.1)", func(t *testing.T) {
		if hello.ServerName != mx {
			t.Errorf("SNI is %q", hello.ServerName)
		}
	})
	t.Run("SNI is an A-label, or nothing (RFC 7672 §8.1)", func(t *testing.T) {
		label := *v
		label.Names = []string{"mx.xn--bcher-kva.example"}
		if got := label.TLSConfig(nil).ServerName; got != label.Names[0] {
			t.Errorf("SNI is %q", got)
		}
		label.Names = []string{"mx.bücher.example"}
		if got := label.TLSConfig(nil).ServerName; got != "" {
			t.Errorf("SNI is %q", got)
		}
	})
	t.Run("a fallback certificate is accepted if it matches (RFC 7672 §8.1)", func(t *testing.T) {
		fallback := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"hosting.example.net"}, Time: noon})
		other := *v
		other.Records = records(fallback.Record(tlsa.SPKI, tlsa.SHA256))
		if _, err := handshake(serverConfig(fallback.TLS()), other.TLSConfig(nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("TLS 1.2 at least is offered (RFC 7671 §3)", func(t *testing.T) {
		if len(hello.SupportedVersions) == 0 || slices.Min(hello.SupportedVersions) < tls.VersionTLS12 {
			t.Errorf("versions %x", hello.SupportedVersions)
		}
	})
	t.Run("raw public keys are not offered, since crypto/tls has none (RFC 7671 §5.1)", func(t *testing.T) {
		const serverCertificateType = 20 // RFC 7250 §3
		if len(hello.Extensions) == 0 || slices.Contains(hello.Extensions, serverCertificateType) {
			t.Errorf("extensions %v", hello.Extensions)
		}
	})
}
