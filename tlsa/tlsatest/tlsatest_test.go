package tlsatest_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// verify is what crypto/x509 says of a certificate, with the root trusted.
func verify(c *tlsatest.Certificate, root *tlsatest.CA, name string) error {
	intermediates := x509.NewCertPool()
	for _, issuer := range c.Issuer.Chain() {
		intermediates.AddCert(issuer)
	}
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: root.Pool(), Intermediates: intermediates, DNSName: name, CurrentTime: noon})
	return err
}

func TestGoodCertificatesAreGood(t *testing.T) {
	t.Parallel()
	root := tlsatest.NewCA(tlsatest.Authority{Time: noon})
	intermediate := root.NewCA(tlsatest.Authority{})
	server := intermediate.Issue(tlsatest.Leaf{Names: []string{"mx.example.org", "*.example.net"}, CommonName: "somebody"})
	for _, name := range []string{"mx.example.org", "a.example.net"} {
		if err := verify(server, root, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names := []string{root.Certificate.Subject.CommonName, intermediate.Certificate.Subject.CommonName, server.Leaf.Subject.CommonName}; fmt.Sprint(names) != "[Test CA Test CA below Test CA somebody]" {
		t.Errorf("%q", names)
	}
	if chain := server.Chain(); len(chain) != 3 || chain[0] != server.Leaf || chain[2] != root.Certificate {
		t.Errorf("chain of %d", len(chain))
	}
	if got := server.TLS(); len(got.Certificate) != 3 || got.PrivateKey != server.Key {
		t.Errorf("%d certificates", len(got.Certificate))
	}
	if got := server.TLSWith(); len(got.Certificate) != 1 {
		t.Errorf("%d certificates", len(got.Certificate))
	}
	if a, b := server.Leaf.SerialNumber, root.Certificate.SerialNumber; a.Cmp(b) == 0 || a.Sign() <= 0 {
		t.Errorf("serial numbers %d and %d", a, b)
	}
}

func TestEachFaultIsOne(t *testing.T) {
	t.Parallel()
	root := tlsatest.NewCA(tlsatest.Authority{Time: noon})
	leaf := func(c *tlsatest.CA, faults tlsatest.Fault) *tlsatest.Certificate {
		return c.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: faults})
	}
	ca := func(a tlsatest.Authority) *tlsatest.Certificate { return leaf(root.NewCA(a), 0) }
	invalid := func(reason x509.InvalidReason) func(error) bool {
		return func(err error) bool {
			e, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && e.Reason == reason
		}
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	unknown := func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }
	wrongName := func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok }
	for _, c := range []struct {
		name   string
		server *tlsatest.Certificate
		want   func(error) bool
	}{
		{"no fault", leaf(root, 0), is(nil)},
		{"Expired", leaf(root, tlsatest.Expired), invalid(x509.Expired)},
		{"NotYetValid", leaf(root, tlsatest.NotYetValid), invalid(x509.Expired)},
		{"WrongName", leaf(root, tlsatest.WrongName), wrongName},
		{"CommonNameOnly", leaf(root, tlsatest.CommonNameOnly), wrongName},
		{"ClientOnly", leaf(root, tlsatest.ClientOnly), invalid(x509.IncompatibleUsage)},
		{"WrongSignature", leaf(root, tlsatest.WrongSignature), unknown},
		{"UnknownExtension", leaf(root, tlsatest.UnknownExtension), is(x509.UnhandledCriticalExtension{})},
		{"two at once", leaf(root, tlsatest.WrongName|tlsatest.Expired), invalid(x509.Expired)},

		{"Expired authority", ca(tlsatest.Authority{Faults: tlsatest.Expired}), invalid(x509.Expired)},
		{"NotYetValid authority", ca(tlsatest.Authority{Faults: tlsatest.NotYetValid}), invalid(x509.Expired)},
		{"NotCA", ca(tlsatest.Authority{Faults: tlsatest.NotCA}), unknown},
		{"ClientOnly authority", ca(tlsatest.Authority{Faults: tlsatest.ClientOnly}), invalid(x509.IncompatibleUsage)},
		{"WrongSignature of an authority", ca(tlsatest.Authority{Faults: tlsatest.WrongSignature}), unknown},
		{"UnknownExtension of an authority", ca(tlsatest.Authority{Faults: tlsatest.UnknownExtension}), is(x509.UnhandledCriticalExtension{})},
		{"NoIntermediates, and none", ca(tlsatest.Authority{Faults: tlsatest.NoIntermediates}), is(nil)},
		{"NoIntermediates, and one", leaf(root.NewCA(tlsatest.Authority{Faults: tlsatest.NoIntermediates}).NewCA(tlsatest.Authority{}), 0), invalid(x509.TooManyIntermediates)},
		{"permitted", ca(tlsatest.Authority{PermittedDNS: []string{"example.org"}}), is(nil)},
		{"permitted is another", ca(tlsatest.Authority{PermittedDNS: []string{"example.net"}}), invalid(x509.CANotAuthorizedForThisName)},
		{"excluded", ca(tlsatest.Authority{ExcludedDNS: []string{"example.org"}}), invalid(x509.CANotAuthorizedForThisName)},
	} {
		if err := verify(c.server, root, "mx.example.org"); !c.want(err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCommonNameOnly(t *testing.T) {
	t.Parallel()
	c := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.CommonNameOnly}).Leaf
	if c.Subject.CommonName != "mx.example.org" || len(c.DNSNames) != 0 {
		t.Errorf("%v, %v", c.Subject, c.DNSNames)
	}
}

// TestNegativeSerial: the certificate cannot be read, and nothing else is wrong.
func TestNegativeSerial(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{Time: noon})
	c := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.NegativeSerial})
	for range 500 { // serial numbers are random, and not all were negative in the shortest form
		other := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.NegativeSerial})
		if _, err := x509.ParseCertificate(other.Leaf.Raw); err == nil || !strings.Contains(err.Error(), "negative serial number") {
			t.Fatalf("Go says of %x: %v", other.Leaf.Raw, err)
		}
	}
	if key, ok := c.Leaf.PublicKey.(*ecdsa.PublicKey); !ok || !key.Equal(c.Key.Public()) {
		t.Error("the public key is not that of the certificate")
	}
	if c.Record(tlsa.Cert, tlsa.SHA256).Usable(tlsa.SMTP) != nil || c.Record(tlsa.SPKI, tlsa.Full).Usable(tlsa.SMTP) != nil {
		t.Error("no records can be made of it")
	}
}

func TestCrossSignedAuthorities(t *testing.T) {
	t.Parallel()
	old, fresh := tlsatest.NewCA(tlsatest.Authority{Name: "Old", Time: noon}), tlsatest.NewCA(tlsatest.Authority{Name: "Fresh", Time: noon})
	intermediate := old.NewCA(tlsatest.Authority{})
	server := intermediate.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	server.Issuer = fresh.NewCA(tlsatest.Authority{CrossSignedOf: intermediate})
	if err := verify(server, fresh, "mx.example.org"); err != nil {
		t.Error(err)
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := tlsatest.NewCA(tlsatest.Authority{}).Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}}).Leaf
		if now := time.Now(); !c.NotBefore.Equal(now.AddDate(0, 0, -1)) || !c.NotAfter.Equal(now.AddDate(0, 0, 90)) {
			t.Errorf("from %v to %v", c.NotBefore, c.NotAfter)
		}
	})
	root := tlsatest.NewCA(tlsatest.Authority{Time: noon})
	if c := root.NewCA(tlsatest.Authority{}); !c.Time.Equal(noon) || c.Certificate.NotAfter.Year() != 2036 {
		t.Errorf("%v, %v", c.Time, c.Certificate.NotAfter)
	}
}

func TestMisusePanics(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{})
	for name, misuse := range map[string]func(){
		"a leaf without a name":                func() { ca.Issue(tlsatest.Leaf{}) },
		"CommonNameOnly without a name":        func() { ca.Issue(tlsatest.Leaf{CommonName: "x", Faults: tlsatest.CommonNameOnly}) },
		"a leaf with a fault for authorities":  func() { ca.Issue(tlsatest.Leaf{Names: []string{"x"}, Faults: tlsatest.NotCA}) },
		"an authority with a fault for leaves": func() { tlsatest.NewCA(tlsatest.Authority{Faults: tlsatest.WrongName}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			misuse()
		}()
	}
}

func ExampleNewCA() {
	ca := tlsatest.NewCA(tlsatest.Authority{})
	good := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	bad := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.WrongName})

	v := tlsa.Verifier{
		Records: []tlsa.Record{ca.Record(tlsa.SPKI, tlsa.SHA256)},
		Names:   []string{"mx.example.org"},
	}
	_, err := v.Verify(good.Chain())
	fmt.Println(err)
	_, err = v.Verify(bad.Chain())
	e, _ := errors.AsType[*tlsa.Error](err)
	fmt.Println(e.Reason)
	// Output:
	// <nil>
	// certificate is for other names
}

// A certificate for DANE-EE needs no CA, and need not be valid.
func ExampleSelfSigned() {
	server := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.Expired})

	v := tlsa.Verifier{Records: []tlsa.Record{server.Record(tlsa.SPKI, tlsa.SHA256)}}
	_, err := v.Verify(server.Chain())
	fmt.Println(err)
	// Output:
	// <nil>
}
