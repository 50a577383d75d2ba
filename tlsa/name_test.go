package tlsa_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestNames(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{Time: noon})
	for _, c := range []struct {
		name, rfc string
		leaf      tlsatest.Leaf
		names     []string
		want      string // the name that matches; "" means none
	}{
		// Which names are given is for package dane to decide; here they all count.
		{name: "the TLSA base domain", rfc: "RFC 7672 §3.2.2",
			leaf: tlsatest.Leaf{Names: []string{"mx.example.org"}}, names: []string{"mx.example.org"}, want: "mx.example.org"},
		{name: "the next-hop domain", rfc: "RFC 7672 §3.2.2",
			leaf: tlsatest.Leaf{Names: []string{"example.org"}}, names: []string{"mx.example.org", "example.org"}, want: "example.org"},
		{name: "the CNAME-expanded next-hop domain", rfc: "RFC 7672 §3.2.2",
			leaf: tlsatest.Leaf{Names: []string{"example.com"}}, names: []string{"mx10.example.com", "exchange.example.org", "example.com"}, want: "example.com"},
		{name: "with an insecure MX the base domain alone, and not the domain", rfc: "RFC 7672 §3.2.2",
			leaf: tlsatest.Leaf{Names: []string{"example.org"}}, names: []string{"mx.example.org"}},
		{name: "without MX the original name behind an alias", rfc: "RFC 7672 §3.2.2",
			leaf: tlsatest.Leaf{Names: []string{"alias.example.org"}}, names: []string{"host.example.net", "alias.example.org"}, want: "alias.example.org"},
		{name: "the first name that matches", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"b.example", "a.example"}}, names: []string{"a.example", "b.example"}, want: "a.example"},
		{name: "case and the dot at the end do not matter", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"MX.Example.ORG"}}, names: []string{"mx.eXample.org."}, want: "mx.eXample.org"},
		{name: "an underscore in a host name", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"mx_1.example.org"}}, names: []string{"mx_1.example.org"}, want: "mx_1.example.org"},
		{name: "the end of a name is not the name", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"example.org"}}, names: []string{"evilexample.org"}},

		{name: "a wildcard for the first label", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.example.org"}}, names: []string{"mx.example.org"}, want: "mx.example.org"},
		{name: "a wildcard is for one label", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.example.org"}}, names: []string{"mx.a.example.org"}},
		{name: "a wildcard is for at least one label", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.example.org"}}, names: []string{"example.org"}},
		{name: "a wildcard below a top-level domain", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.example"}}, names: []string{"a.example"}},
		{name: "a wildcard below a top-level domain, as the common name", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{CommonName: "*.example"}, names: []string{"a.example"}},
		{name: "a wildcard for a label with an underscore", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.example.org"}}, names: []string{"mx_1.example.org"}},
		{name: "a wildcard before a label with an underscore", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.a_b.example.org"}}, names: []string{"mx.a_b.example.org"}},
		{name: "a wildcard before a label with a hyphen in front", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.-a.example.org"}}, names: []string{"mx.-a.example.org"}},
		{name: "a wildcard before a label with a hyphen at the end", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.a-.example.org"}}, names: []string{"mx.a-.example.org"}},
		{name: "a wildcard before a label with a hyphen in it", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.a-b.example.org"}}, names: []string{"mx.a-b.example.org"}, want: "mx.a-b.example.org"},
		{name: "a wildcard for an A-label", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.example.org"}}, names: []string{"xn--bcher-kva.example.org"}, want: "xn--bcher-kva.example.org"},
		{name: "a wildcard before an A-label, in other case", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.XN--bcher-kva.example"}}, names: []string{"mx.xn--bcher-kva.EXAMPLE"}, want: "mx.xn--bcher-kva.EXAMPLE"},
		{name: "a wildcard that begins with text", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"smtp*.example.org"}}, names: []string{"smtp1.example.org"}},
		{name: "a wildcard that ends with text", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*smtp.example.org"}}, names: []string{"xsmtp.example.org"}},
		{name: "a wildcard that is not the first label", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"mx.*.org"}}, names: []string{"mx.example.org"}},
		{name: "a wildcard below a wildcard", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*.*.org"}}, names: []string{"mx.example.org"}},
		{name: "a wildcard for everything", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"*", "*."}}, names: []string{"localhost", "mx.example.org"}},

		{name: "the common name, without a DNS-ID", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.CommonNameOnly}, names: []string{"mx.example.org"}, want: "mx.example.org"},
		{name: "the common name with a wildcard", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{CommonName: "*.example.org", Faults: 0}, names: []string{"mx.example.org"}, want: "mx.example.org"},
		{name: "the common name beside an e-mail address, which is no DNS-ID", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{CommonName: "mx.example.org", Emails: []string{"postmaster@example.org"}}, names: []string{"mx.example.org"}, want: "mx.example.org"},
		{name: "the common name is ignored beside a DNS-ID", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{CommonName: "mx.example.org", Names: []string{"other.example.org"}}, names: []string{"mx.example.org"}},
		{name: "a common name of another kind", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{CommonName: "Mail server of example.org"}, names: []string{"mx.example.org"}},
		{name: "a Kelvin sign is no k", rfc: "RFC 6125 §6.4.1",
			leaf: tlsatest.Leaf{CommonName: "mail.\u212aelvin.example"}, names: []string{"mail.kelvin.example"}},
		{name: "a NUL ends no name", rfc: "RFC 6125 §6.4",
			leaf: tlsatest.Leaf{CommonName: "mx.example.org\x00.evil.example"}, names: []string{"mx.example.org"}},
		{name: "no name at all but an e-mail address", rfc: "RFC 7672 §3.2.3",
			leaf: tlsatest.Leaf{Emails: []string{"postmaster@mx.example.org"}}, names: []string{"mx.example.org"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			test := verifyCase{
				rfc: c.rfc, chain: ca.Issue(c.leaf).Chain(), names: c.names, match: c.want, depth: 1,
				records: records(ca.Record(tlsa.SPKI, tlsa.SHA256)),
			}
			if c.want == "" {
				test.want = tlsa.ReasonName
			}
			test.check(t)
		})
	}
}

// TestNameConstraintsHoldForTheCommonName: crypto/x509 does not look at it.
func TestNameConstraintsHoldForTheCommonName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		permitted, excluded []string
		id                  string
		want                tlsa.Reason
	}{
		{name: "permitted", permitted: []string{"example.org"}, id: "mx.example.org"},
		{name: "permitted in other case", permitted: []string{"EXAMPLE.org"}, id: "mx.Example.ORG"},
		{name: "permitted is another", permitted: []string{"example.net"}, id: "mx.example.org", want: tlsa.ReasonConstraint},
		{name: "permitted is what the name ends with, but no label", permitted: []string{"ample.org"}, id: "mx.example.org", want: tlsa.ReasonConstraint},
		{name: "excluded", excluded: []string{"example.org"}, id: "mx.example.org", want: tlsa.ReasonConstraint},
		{name: "excluded is the name", excluded: []string{"mx.example.org"}, id: "mx.example.org", want: tlsa.ReasonConstraint},
		{name: "excluded is another", excluded: []string{"example.net"}, id: "mx.example.org"},
		{name: "excluded within what is permitted", permitted: []string{"org"}, excluded: []string{"example.org"}, id: "mx.example.org", want: tlsa.ReasonConstraint},
		{name: "wildcard within what is permitted", permitted: []string{"example.org"}, id: "*.example.org"},
		{name: "permitted is what is below", permitted: []string{".example.org"}, id: "mx.example.org"},
		{name: "permitted is what is below, not the domain", permitted: []string{".mx.example.org"}, id: "mx.example.org", want: tlsa.ReasonConstraint},
		{name: "wildcard for all that is permitted below", permitted: []string{".example.org"}, id: "*.example.org"},
		{name: "wildcard for all that is excluded below", excluded: []string{".example.org"}, id: "*.example.org", want: tlsa.ReasonConstraint},
		{name: "wildcard above what is permitted", permitted: []string{"mx.example.org"}, id: "*.example.org", want: tlsa.ReasonConstraint},
		{name: "wildcard above what is excluded", excluded: []string{"other.example.org"}, id: "*.example.org", want: tlsa.ReasonConstraint},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := tlsatest.NewCA(tlsatest.Authority{Time: noon, PermittedDNS: c.permitted, ExcludedDNS: c.excluded})
			chain := root.NewCA(tlsatest.Authority{}).Issue(tlsatest.Leaf{CommonName: c.id}).Chain()
			verifyCase{
				rfc: "RFC 5280 §4.2.1.10", chain: chain, want: c.want, depth: 2,
				records: records(root.Record(tlsa.SPKI, tlsa.SHA256)),
			}.check(t)
			// An anchor below the constraint is not under it.
			verifyCase{
				rfc: "RFC 7671 §5.2.1", chain: chain, depth: 1,
				records: records(record(tlsa.DANETA, tlsa.SPKI, tlsa.SHA256, chain[1])),
			}.check(t)
		})
	}
}

// badNames are no host names, so that no certificate can be for them.
var badNames = map[string]string{
	"empty":                  "",
	"the root":               ".",
	"two dots at the end":    "mx.example.org..",
	"an empty label":         "mx..example.org",
	"a dot at the beginning": ".example.org",
	"a U-label":              "mx.bücher.example",
	"a wildcard":             "*.example.org",
	"an escaped dot":         `mx\.1.example.org`,
	"a blank":                "mx example.org",
	"a NUL":                  "mx.example.org\x00",
	"a label of 64 octets":   strings.Repeat("a", 64) + ".example.org",
	"a name of 254 octets":   strings.Repeat("abc.", 63) + "ab",
	"an IPv6 address":        "2001:db8::25",
	"a name and a comma":     mx + ",",
}

// TestNamesThatAreNoHostNames: nobody is accepted for them, but they are in nobody's
// way either.
func TestNamesThatAreNoHostNames(t *testing.T) {
	t.Parallel()
	w := newWorld()
	anchor, pkix := w.root.Record(tlsa.SPKI, tlsa.SHA256), record(tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256, w.server.Leaf)
	for why, name := range badNames {
		// The certificate is for the bad name, octet for octet, where crypto/x509 lets it.
		evil := w.root.Issue(tlsatest.Leaf{CommonName: name, Emails: []string{"postmaster@example.org"}})
		run(t, []verifyCase{
			{name: why + ": DANE-EE needs no names", rfc: "RFC 7672 §3.1.1", names: []string{name},
				chain: w.server.Chain(), records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256))},
			{name: why + ": DANE-EE needs no names, beside DANE-TA that does", rfc: "RFC 7672 §3.1.1", names: []string{name},
				chain: w.server.Chain(), records: records(anchor, w.server.Record(tlsa.SPKI, tlsa.SHA256)), record: 1},
			{name: why + ": DANE-TA has nothing to compare with", rfc: "RFC 7672 §3.1.2", names: []string{name},
				chain: w.server.Chain(), records: records(anchor), want: tlsa.ReasonBadName},
			{name: why + ": DANE-TA, and the certificate is for it", rfc: "RFC 7672 §3.1.2", names: []string{name},
				chain: evil.Chain(), records: records(anchor), want: tlsa.ReasonBadName},
			{name: why + ": DANE-TA of another anchor", rfc: "RFC 7672 §3.1.2", names: []string{name},
				chain: w.server.Chain(), records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonMismatch},
			{name: why + ": DANE-TA for the other name", rfc: "RFC 7672 §3.2.2", names: []string{name, mx},
				chain: w.server.Chain(), records: records(anchor), depth: 2},
			{name: why + ": DANE-TA for neither name", rfc: "RFC 7672 §3.2.2", names: []string{name, mx},
				chain: w.intermediate.Issue(tlsatest.Leaf{Names: []string{"other.example"}}).Chain(), records: records(anchor), want: tlsa.ReasonName},
			{name: why + ": PKIX-EE has nothing to compare with", rfc: "RFC 6698 §2.1.1", names: []string{name}, application: tlsa.PKIX, roots: w.root.Pool(),
				chain: w.server.Chain(), records: records(pkix), want: tlsa.ReasonBadName},
		})
	}
	longest := []string{strings.Repeat("abc.", 63) + "a", strings.Repeat("a", 63) + ".example.org."}
	for _, name := range longest {
		verifyCase{
			rfc: "RFC 1035 §2.3.4", names: []string{name}, match: strings.TrimSuffix(name, "."), depth: 1, records: records(anchor),
			chain: w.root.Issue(tlsatest.Leaf{Names: []string{strings.TrimSuffix(name, ".")}}).Chain(),
		}.check(t)
	}
}

func TestErrorAboutNamesIsPrintableAndShort(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{Time: noon})
	names := []string{"evil\nname.example", strings.Repeat("x", 5000)}
	for range 5000 {
		names = append(names, "x.example")
	}
	v := tlsa.Verifier{Records: records(ca.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}, Time: atNoon}
	_, err := v.Verify(ca.Issue(tlsatest.Leaf{Names: names}).Chain())
	if reasonOf(t, err) != tlsa.ReasonName {
		t.Fatal(err)
	}
	text := err.Error()
	if len(text) > 1000 || strings.Contains(text, "\n") || !strings.Contains(text, `"mx.example.org"`) || !strings.Contains(text, "4994 more") {
		t.Errorf("%d octets: %.500q", len(text), text)
	}
}

// TestFormsOfNames has every form in which callers hand over names, under every usage:
// what is sent as SNI, and whether the server is accepted. The server chooses its
// certificate by SNI, as those with many domains do, so that DANE-EE, to which names do not
// matter, fails with them where the wrong name or none is sent.
func TestFormsOfNames(t *testing.T) {
	t.Parallel()
	w := newWorld()
	other := w.intermediate.Issue(tlsatest.Leaf{Names: []string{"hosting.example.net"}})
	for _, c := range []struct {
		form  string
		names []string
		base  string // tls.Config.ServerName to start from
		sni   string
		bad   tlsa.Reason // for the usages to which names matter; 0 if the name is good
	}{
		{form: "as it is", names: []string{mx}, sni: mx},
		{form: "with the final dot of DNS", names: []string{mx + "."}, sni: mx},
		{form: "in upper case", names: []string{"MX.EXAMPLE.ORG"}, sni: "MX.EXAMPLE.ORG"},
		{form: "as it is, whatever the configuration says", names: []string{mx}, base: "example.com", sni: mx},
		{form: "nil", names: nil, bad: tlsa.ReasonName},
		{form: "nil, with a name in the configuration", names: nil, base: mx, sni: mx, bad: tlsa.ReasonName},
		{form: "empty", names: []string{""}, bad: tlsa.ReasonBadName},
		{form: "empty, with a name in the configuration", names: []string{""}, base: mx, sni: mx, bad: tlsa.ReasonBadName},
		{form: "the root, with a name in the configuration", names: []string{"."}, base: mx, sni: mx, bad: tlsa.ReasonBadName},
		{form: "empty, and another after it", names: []string{"", mx}, sni: mx},
		{form: "the root and an empty one, and another after them", names: []string{".", "", mx + "."}, sni: mx},
		{form: "with two dots at its end", names: []string{mx + ".."}, bad: tlsa.ReasonBadName},
		{form: "a blank", names: []string{" "}, bad: tlsa.ReasonBadName},
		{form: "with blanks around it", names: []string{" " + mx + " "}, bad: tlsa.ReasonBadName},
		{form: "a U-label", names: []string{"mx.bücher.example"}, bad: tlsa.ReasonBadName},
		// The first name is the base domain: what comes after it is sent to nobody.
		{form: "a U-label, and another after it", names: []string{"mx.bücher.example", mx}},
		{form: "a U-label, with a name in the configuration", names: []string{"mx.bücher.example"}, base: mx, bad: tlsa.ReasonBadName},
		{form: "an address", names: []string{"192.0.2.25"}, bad: tlsa.ReasonName},
	} {
		for _, r := range []tlsa.Record{
			w.server.Record(tlsa.SPKI, tlsa.SHA256),
			w.root.Record(tlsa.SPKI, tlsa.SHA256),
			record(tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256, w.server.Leaf),
			record(tlsa.PKIXTA, tlsa.SPKI, tlsa.SHA256, w.root.Certificate),
		} {
			t.Run(c.form+": "+r.Usage.String(), func(t *testing.T) {
				t.Parallel()
				asked := ""
				server := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
					asked = hello.ServerName
					certificate := w.server.TLS()
					if asked != c.sni {
						certificate = other.TLS()
					}
					return &certificate, nil
				}}
				v := tlsa.Verifier{Records: records(r), Names: c.names, Time: atNoon, Application: tlsa.PKIX, Roots: w.root.Pool()}
				_, err := handshake(server, v.TLSConfig(&tls.Config{ServerName: c.base}))
				want := c.bad
				if r.Usage == tlsa.DANEEE {
					want = 0
				}
				if reason := reasonOf(t, err); reason != want {
					t.Errorf("handshake: %v, want %v", err, want)
				}
				if asked != c.sni {
					t.Errorf("SNI is %q, want %q", asked, c.sni)
				}
			})
		}
	}
}
