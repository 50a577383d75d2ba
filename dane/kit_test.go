package dane_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/tlsa"
)

// deadExchanger is a DNS server that nobody can reach.
type deadExchanger struct{}

func (deadExchanger) Exchange(context.Context, *upstream.Query) (*upstream.Reply, error) {
	return nil, errors.New("cable cut")
}

// checker is a Checker in the place of a sender.
func checker(v *dane.Verifier) *dane.Checker { return &dane.Checker{Verifier: v} }

// noNetwork is a network without servers.
func noNetwork(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("cable cut")
}

// rsaCertificate returns a certificate with an RSA key, and the record 3 1 1 for it.
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
