package diagnosis_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// rsaCertificate returns a certificate with an RSA key, and the record 3 1 1 of it.
func rsaCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.a.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	record, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, leaf)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, record.String()
}

// A server with an RSA and an ECDSA key shows each sender the one that suits it: records of
// one alone are found, whichever this sender prefers.
func TestTwoCertificates(t *testing.T) {
	t.Parallel()
	ecdsa := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	ofECDSA := ecdsa.Record(tlsa.SPKI, tlsa.SHA256).String()
	rsa, ofRSA := rsaCertificate(t)
	next := "3 1 1 " + otherKey
	for _, tt := range []struct {
		name         string
		certificates []tls.Certificate
		records      []string
		minVersion   uint16
		outcome      dane.Outcome
		code         diagnosis.Code // "" if there is no fault
		publish      string
	}{
		{"records of both", []tls.Certificate{ecdsa.TLS(), rsa}, []string{ofECDSA, ofRSA, next}, 0, dane.OutcomeSuccess, "", ""},
		{"a record of the ECDSA key alone", []tls.Certificate{ecdsa.TLS(), rsa}, []string{ofECDSA, next}, 0, dane.OutcomeSuccess, diagnosis.CodeOtherCertificate, ofRSA},
		{"a record of the RSA key alone", []tls.Certificate{ecdsa.TLS(), rsa}, []string{ofRSA, next}, 0, dane.OutcomeFailure, diagnosis.CodeOtherCertificate, ofECDSA},
		{"records of neither", []tls.Certificate{ecdsa.TLS(), rsa}, []string{next}, 0, dane.OutcomeFailure, diagnosis.CodeTLSAMismatch, ofECDSA},
		{"one key alone", []tls.Certificate{rsa}, []string{ofRSA, next}, 0, dane.OutcomeSuccess, "", ""},
		{"TLS 1.3 alone hides the other", []tls.Certificate{ecdsa.TLS(), rsa}, []string{ofECDSA, next}, tls.VersionTLS13, dane.OutcomeSuccess, "", ""},
	} {
		w := oneHost(danetest.Host{TLSA: tt.records, Server: func(s *smtptest.Server) {
			s.Certificates, s.TLS = tt.certificates, &tls.Config{MinVersion: tt.minVersion}
		}}, "")
		checker := w.checker(t)
		checker.AllCertificates = true
		result, err := checker.Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != tt.outcome {
			t.Errorf("%s: a sender gets %s, %v", tt.name, result.Outcome, err)
		}
		report := diagnose(t, result, diagnosis.Options{})
		if tt.code == "" {
			if strings.Contains(codes(report), "broken") {
				t.Errorf("%s: found %s", tt.name, codes(report))
			}
			continue
		}
		f := find(report, tt.code)
		if f == nil || f.Severity != diagnosis.Broken || !strings.HasSuffix(strings.Join(f.Publish, " "), tt.publish) {
			t.Errorf("%s: found %s\n%+v", tt.name, codes(report), f)
		}
		checker.AllCertificates = false
		if result, _ = checker.Verify(t.Context(), "a.example"); result.Hosts[0].Attempts[0].Other != nil {
			t.Errorf("%s: another certificate is looked for unasked", tt.name)
		}
	}
}

// mldsaFromFile returns a certificate with an ML-DSA key, which Go 1.26 cannot make; see
// TestMLDSABesides.
func mldsaFromFile(t *testing.T) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile("testdata/mldsa.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// showing puts a certificate in the place of the one that the first server has presented, alone
// or where another could not be seen.
func showing(cert *x509.Certificate, hidden bool) func(*dane.Result) {
	return func(r *dane.Result) {
		a := &r.Hosts[0].Attempts[0]
		a.Session.TLS.PeerCertificates = []*x509.Certificate{cert}
		a.OthersSought, a.OnlyTLS13 = !hidden, hidden
	}
}
