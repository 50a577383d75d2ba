// Command mldsaserver is two mail servers with a key of ML-DSA, which Go 1.26 cannot make: one
// has an ECDSA key, too. It prints a line of JSON, and ends with its standard input.
package main

import (
	"crypto/mldsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"os"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func main() {
	ecdsa := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	certificate, record := quantum()
	both, alone := smtptest.NewServer(certificate, ecdsa.TLS()), smtptest.NewServer(certificate)
	err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"both": both.Addr, "alone": alone.Addr,
		"ecdsa": ecdsa.Record(tlsa.SPKI, tlsa.SHA256).String(), "mldsa": record,
	})
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
}

// quantum returns a certificate with a key of ML-DSA, and the record 3 1 1 of it.
func quantum() (tls.Certificate, string) {
	key, err := mldsa.GenerateKey(mldsa.MLDSA65())
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.a.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	r, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, leaf)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, r.String()
}
