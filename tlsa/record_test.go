package tlsa_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestParseRData(t *testing.T) {
	wire := []byte{3, 1, 1, 0xab, 0x12}
	got, err := tlsa.ParseRData(wire)
	want := tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: []byte{0xab, 0x12}}
	if err != nil || !got.Equal(want) {
		t.Fatalf("ParseRData = %v, %v", got, err)
	}
	wire[3] = 0
	if !got.Equal(want) {
		t.Error("the record keeps a part of the buffer")
	}
	if b := got.AppendRData([]byte{9}); !bytes.Equal(b, []byte{9, 3, 1, 1, 0xab, 0x12}) {
		t.Errorf("AppendRData = %x", b)
	}
	for _, length := range []int{0, 2, 65536} {
		if got, err := tlsa.ParseRData(make([]byte, length)); reasonOf(t, err) != tlsa.ReasonParse {
			t.Errorf("ParseRData of %d octets = %v, %v", length, got, err)
		}
	}
}

func TestRecordTravelsThroughJSON(t *testing.T) {
	in := []tlsa.Record{{Usage: 3, Selector: 1, Matching: 1, Data: []byte{0xab}}, {Usage: 255, Data: []byte{}}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `["3 1 1 ab","255 0 0"]` {
		t.Fatalf("%s, %v", text, err)
	}
	var out []tlsa.Record
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
	kept := in[0]
	if err := kept.UnmarshalText([]byte("3 1")); err == nil || !kept.Equal(in[0]) {
		t.Errorf("after %v the record is %v", err, kept)
	}
}

// TestAcronyms has RFC 7218 §2.
func TestAcronyms(t *testing.T) {
	got := []string{
		tlsa.PKIXTA.String(), tlsa.PKIXEE.String(), tlsa.DANETA.String(), tlsa.DANEEE.String(), tlsa.Usage(4).String(), tlsa.Usage(255).String(),
		tlsa.Cert.String(), tlsa.SPKI.String(), tlsa.Selector(2).String(),
		tlsa.Full.String(), tlsa.SHA256.String(), tlsa.SHA512.String(), tlsa.Matching(3).String(),
		tlsa.SMTP.String(), tlsa.PKIX.String(),
	}
	want := []string{
		"PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE", "4", "PrivCert",
		"Cert", "SPKI", "2",
		"Full", "SHA2-256", "SHA2-512", "3",
		"SMTP", "PKIX",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNewTakesTheOctetsOfTheCertificate(t *testing.T) {
	cert := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}}).Leaf
	sum256, sum512 := sha256.Sum256(cert.RawSubjectPublicKeyInfo), sha512.Sum512(cert.Raw)
	for _, c := range []struct {
		selector tlsa.Selector
		matching tlsa.Matching
		data     []byte
	}{
		{tlsa.Cert, tlsa.Full, cert.Raw},
		{tlsa.SPKI, tlsa.Full, cert.RawSubjectPublicKeyInfo},
		{tlsa.SPKI, tlsa.SHA256, sum256[:]},
		{tlsa.Cert, tlsa.SHA512, sum512[:]},
	} {
		got, err := tlsa.New(tlsa.DANEEE, c.selector, c.matching, cert)
		if err != nil || !bytes.Equal(got.Data, c.data) || got.Usable(tlsa.SMTP) != nil {
			t.Errorf("New(%v, %v) = %v, %v", c.selector, c.matching, got, err)
		}
	}
	for name, fails := range map[string]func() (tlsa.Record, error){
		"usage":         func() (tlsa.Record, error) { return tlsa.New(4, tlsa.SPKI, tlsa.SHA256, cert) },
		"selector":      func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, 2, tlsa.SHA256, cert) },
		"matching type": func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, tlsa.SPKI, 3, cert) },
		"no parsing":    func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, &x509.Certificate{}) },
		"nil":           func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, nil) },
	} {
		if r, err := fails(); reasonOf(t, err) == 0 {
			t.Errorf("%s: New = %v", name, r)
		}
	}
}

// TestNewBeforeThereIsACertificate: the record of a key or of a signing request is
// that of the certificate to come.
func TestNewBeforeThereIsACertificate(t *testing.T) {
	t.Parallel()
	server := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}})
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{mx}}, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	for _, matching := range []tlsa.Matching{tlsa.Full, tlsa.SHA256, tlsa.SHA512} {
		want := server.Record(tlsa.SPKI, matching)
		if got, err := tlsa.NewFromCSR(tlsa.DANEEE, matching, csr); err != nil || !got.Equal(want) {
			t.Errorf("NewFromCSR = %v, %v, want %v", got, err, want)
		}
		if got, err := tlsa.NewFromKey(tlsa.DANEEE, matching, server.Key.Public()); err != nil || !got.Equal(want) {
			t.Errorf("NewFromKey = %v, %v, want %v", got, err, want)
		}
	}
	for name, fails := range map[string]func() (tlsa.Record, error){
		"no request": func() (tlsa.Record, error) { return tlsa.NewFromCSR(tlsa.DANEEE, tlsa.SHA256, nil) },
		"a request not parsed": func() (tlsa.Record, error) {
			return tlsa.NewFromCSR(tlsa.DANEEE, tlsa.SHA256, new(x509.CertificateRequest))
		},
		"unknown usage of a request": func() (tlsa.Record, error) { return tlsa.NewFromCSR(4, tlsa.SHA256, csr) },
		"no key":                     func() (tlsa.Record, error) { return tlsa.NewFromKey(tlsa.DANEEE, tlsa.SHA256, nil) },
		"a private key":              func() (tlsa.Record, error) { return tlsa.NewFromKey(tlsa.DANEEE, tlsa.SHA256, server.Key) },
		"unknown matching of a key":  func() (tlsa.Record, error) { return tlsa.NewFromKey(tlsa.DANEEE, 3, server.Key.Public()) },
	} {
		if r, err := fails(); reasonOf(t, err) == 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

func TestUsable(t *testing.T) {
	t.Parallel()
	w := newWorld()
	full := w.server.Leaf.Raw
	key := w.server.Leaf.RawSubjectPublicKeyInfo
	empty256, empty512 := sha256.Sum256(nil), sha512.Sum512(nil)
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial}).Leaf.Raw
	// A SubjectPublicKeyInfo with an algorithm that nobody knows.
	unknownKey := []byte{0x30, 0x09, 0x30, 0x04, 0x06, 0x02, 0x88, 0x37, 0x03, 0x01, 0x00}
	for _, c := range []struct {
		name, rfc string
		record    tlsa.Record
		smtp      bool
		pkix      bool
	}{
		{"the zero record", "RFC 6698 §4.1", tlsa.Record{}, false, false},
		{"DANE-EE with a SHA-256 digest", "RFC 7672 §3.1.1", tlsa.Record{3, 1, 1, make([]byte, 32)}, true, true},
		{"DANE-TA with a SHA-512 digest", "RFC 7672 §3.1.2", tlsa.Record{2, 0, 2, make([]byte, 64)}, true, true},
		{"PKIX-TA", "RFC 7672 §3.1.3", tlsa.Record{0, 1, 1, make([]byte, 32)}, false, true},
		{"PKIX-EE", "RFC 7672 §3.1.3", tlsa.Record{1, 1, 1, make([]byte, 32)}, false, true},
		{"unknown usage 4", "RFC 6698 §4.1", tlsa.Record{4, 1, 1, make([]byte, 32)}, false, false},
		{"unknown usage 255", "RFC 6698 §4.1", tlsa.Record{255, 1, 1, make([]byte, 32)}, false, false},
		{"unknown selector", "RFC 6698 §4.1", tlsa.Record{3, 2, 1, make([]byte, 32)}, false, false},
		{"unknown matching type", "RFC 6698 §4.1", tlsa.Record{3, 1, 17, make([]byte, 32)}, false, false},
		{"SHA-256 digest that is too short", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 1, make([]byte, 31)}, false, false},
		{"SHA-256 digest that is too long", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 1, make([]byte, 64)}, false, false},
		{"SHA-512 digest of half the length", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 2, make([]byte, 32)}, false, false},
		{"no data for a digest", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 1, nil}, false, false},
		{"no data in full", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, nil}, false, false},
		{"SHA-256 digest of nothing, which matches nobody", "RFC 6698 §4.1", tlsa.Record{3, 1, 1, empty256[:]}, true, true},
		{"SHA-512 digest of nothing, which matches nobody", "RFC 6698 §4.1", tlsa.Record{3, 1, 2, empty512[:]}, true, true},
		{"whole certificate", "RFC 7671 §5.2.2", tlsa.Record{2, 0, 0, full}, true, true},
		{"whole key", "RFC 7671 §5.2.3", tlsa.Record{2, 1, 0, key}, true, true},
		{"certificate and one octet more", "RFC 6698 §2.1.4", tlsa.Record{3, 0, 0, slices.Concat(full, []byte{0})}, false, false},
		{"certificate without its last octet", "RFC 6698 §2.1.4", tlsa.Record{3, 0, 0, full[:len(full)-1]}, false, false},
		{"certificate for the selector of keys", "RFC 6698 §2.1.2", tlsa.Record{3, 1, 0, full}, false, false},
		{"key for the selector of certificates", "RFC 6698 §2.1.2", tlsa.Record{3, 0, 0, key}, false, false},
		{"text", "RFC 6698 §2.1.4", tlsa.Record{3, 0, 0, []byte("-----BEGIN CERTIFICATE-----")}, false, false},
		{"indefinite length, which is BER, and matches nobody", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0, 3, 0, 0, 0}}, true, true},
		{"indefinite lengths within each other", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0, 0x23, 0x80, 3, 0, 0, 0, 0, 0}}, true, true},
		{"indefinite length and one octet more", "RFC 6698 §4.1", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0, 3, 0, 0, 0, 0}}, false, false},
		{"indefinite length without its end", "RFC 6698 §4.1", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0, 3, 0, 0}}, false, false},
		{"indefinite lengths without any end", "RFC 6698 §4.1", tlsa.Record{3, 1, 0, bytes.Repeat([]byte{0x30, 0x80}, 32766)}, false, false},
		{"long form of a short length, which is BER", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, []byte{0x30, 0x81, 4, 0x30, 0, 3, 0}}, true, true},
		{"length with a zero in front, which is BER", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, slices.Concat([]byte{0x30, 0x82, 0, 0x85, 0x30, 0, 3, 0x81, 0x80}, make([]byte, 128))}, true, true},
		{"the same length without it", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, slices.Concat([]byte{0x30, 0x81, 0x85, 0x30, 0, 3, 0x81, 0x80}, make([]byte, 128))}, true, true},
		{"tag and the beginning of an indefinite length", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, []byte{0x30, 0x80}}, false, false},
		{"tag alone", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, []byte{0x30}}, false, false},
		{"length of 4 GB", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}}, false, false},
		{"certificate that Go cannot read: a negative serial number", "RFC 7672 §2.2", tlsa.Record{3, 0, 0, negative}, true, true},
		{"key that Go cannot read: an unknown algorithm", "RFC 7672 §2.2", tlsa.Record{2, 1, 0, unknownKey}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for profile, want := range map[tlsa.Profile]bool{tlsa.SMTP: c.smtp, tlsa.PKIX: c.pkix} {
				err := c.record.Usable(profile)
				if (err == nil) != want || err != nil && reasonOf(t, err) != tlsa.ReasonUnusable {
					t.Errorf("%s: Usable(%v) = %v, want nil: %t", c.rfc, profile, err, want)
				}
			}
		})
	}
}
