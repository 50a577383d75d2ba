//go:build go1.27

package diagnosis_test

import (
	"crypto/mldsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
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

var update = flag.Bool("update", false, "write a certificate with an ML-DSA key into testdata, for the tests with Go 1.26")

// mldsaCertificate returns a certificate with an ML-DSA key, and the record 3 1 1 of it.
func mldsaCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := mldsa.GenerateKey(mldsa.MLDSA44())
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

// A server that has a certificate with an ML-DSA key besides shows it to this release, which
// offers it first, and another one to senders built with Go 1.26.
func TestMLDSABesides(t *testing.T) {
	t.Parallel()
	ecdsa := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	ofECDSA := ecdsa.Record(tlsa.SPKI, tlsa.SHA256).String()
	rsa, ofRSA := rsaCertificate(t)
	mldsa, ofMLDSA := mldsaCertificate(t)
	if *update {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mldsa.Certificate[0]})
		if err := os.WriteFile("testdata/mldsa.pem", text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	two, three := []tls.Certificate{mldsa, ecdsa.TLS()}, []tls.Certificate{mldsa, ecdsa.TLS(), rsa}
	next := "3 1 1 " + otherKey
	for _, tt := range []struct {
		name         string
		certificates []tls.Certificate
		records      []string
		minVersion   uint16
		outcome      dane.Outcome
		code         diagnosis.Code // "" if nothing is broken
		severity     diagnosis.Severity
		publish      []string
		text         string
	}{
		{"records of both", two, []string{ofMLDSA, ofECDSA, next}, 0, dane.OutcomeSuccess, "", 0, nil, ""},
		{"a record of the ML-DSA key alone", two, []string{ofMLDSA, next}, 0, dane.OutcomeSuccess,
			diagnosis.CodeOtherCertificate, diagnosis.Broken, []string{ofECDSA}, "an ML-DSA key, which its TLSA records are of, and one with an ECDSA key, which they are not of. Senders without ML-DSA"},
		{"a record of the ECDSA key alone", two, []string{ofECDSA, next}, 0, dane.OutcomeFailure,
			diagnosis.CodeOtherCertificate, diagnosis.Broken, []string{ofMLDSA}, "an ECDSA key, which its TLSA records are of, and one with an ML-DSA key, which they are not of. Senders that offer ML-DSA first"},
		{"records of all three", three, []string{ofMLDSA, ofECDSA, ofRSA, next}, 0, dane.OutcomeSuccess, "", 0, nil, ""},
		{"a record of one of three", three, []string{ofMLDSA, next}, 0, dane.OutcomeSuccess,
			diagnosis.CodeOtherCertificate, diagnosis.Broken, []string{ofECDSA, ofRSA}, "one with an ECDSA and an RSA key"},
		{"records of two of three", three, []string{ofMLDSA, ofECDSA, next}, 0, dane.OutcomeSuccess,
			diagnosis.CodeOtherCertificate, diagnosis.Broken, []string{ofRSA}, "Senders that prefer the latter"},
		{"an ML-DSA key and no other", two[:1], []string{ofMLDSA, next}, 0, dane.OutcomeSuccess,
			diagnosis.CodeMLDSAAlone, diagnosis.Broken, nil, "end"},
		{"TLS 1.3 alone hides the other", two, []string{ofMLDSA, ofECDSA, next}, tls.VersionTLS13, dane.OutcomeSuccess,
			diagnosis.CodeHidden, diagnosis.Unknown, nil, "cannot be seen from here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := oneHost(danetest.Host{TLSA: tt.records, Server: func(s *smtptest.Server) {
				s.Certificates, s.TLS = tt.certificates, &tls.Config{MinVersion: tt.minVersion}
			}}, "")
			checker := w.checker(t)
			checker.AllCertificates = true
			result, err := checker.Verify(t.Context(), "a.example")
			if err != nil || result.Outcome != tt.outcome {
				t.Errorf("a sender gets %s, %v", result.Outcome, err)
			}
			report := diagnose(t, result, diagnosis.Options{})
			if tt.code == "" {
				if strings.Contains(codes(report), "broken") {
					t.Errorf("found %s", codes(report))
				}
				return
			}
			f := find(report, tt.code)
			if f == nil || f.Severity != tt.severity || !strings.Contains(f.Text, tt.text) || len(f.Publish) != len(tt.publish) {
				t.Fatalf("found %s\n%+v", codes(report), f)
			}
			for i, record := range tt.publish {
				if !strings.HasSuffix(f.Publish[i], record) {
					t.Errorf("publish %s, want %s", f.Publish[i], record)
				}
			}
		})
	}
}
