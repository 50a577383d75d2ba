package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// An issuer makes the certificates of all mail servers, and of the forwarder, for one key.
type issuer struct {
	ca         *x509.Certificate
	caKey, key *ecdsa.PrivateKey
	made       sync.Map // *tls.Certificate by name
}

const (
	caKeyFile   = "ca.key"
	caFile      = "ca.pem"
	mailKeyFile = "mail.key"
	validFor    = 90 * 24 * time.Hour
)

// writeIssuer makes the keys of an issuer and its own certificate, and returns the data of its
// TLSA records 2 1 1 and 3 1 1.
func writeIssuer(dir string, now time.Time) (ta, ee string, err error) {
	var digests [2]string
	for i, file := range []string{caKeyFile, mailKeyFile} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", "", err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return "", "", err
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return "", "", err
		}
		digest := sha256.Sum256(public)
		digests[i] = hex.EncodeToString(digest[:])
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			return "", "", err
		}
		if file == caKeyFile {
			err = writeAuthority(dir, key, now)
		}
		if err != nil {
			return "", "", err
		}
	}
	return digests[0], digests[1], nil
}

// writeAuthority writes the certificate that all others are signed with.
func writeAuthority(dir string, key *ecdsa.PrivateKey, now time.Time) error {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "laboratory"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, caFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

func readIssuer(dir string) (*issuer, error) {
	caKey, err := readKey(filepath.Join(dir, caKeyFile))
	if err != nil {
		return nil, err
	}
	key, err := readKey(filepath.Join(dir, mailKeyFile))
	if err != nil {
		return nil, err
	}
	der, err := readPEM(filepath.Join(dir, caFile))
	if err != nil {
		return nil, err
	}
	ca, err := x509.ParseCertificate(der)
	return &issuer{ca: ca, caKey: caKey, key: key}, err
}

func readPEM(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	return block.Bytes, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s has a key of another kind", path)
	}
	return key, nil
}

// certificate returns that of the name that the client sent.
func (i *issuer) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if name == "" {
		return nil, errors.New("the client sent no name")
	}
	if made, ok := i.made.Load(name); ok {
		return made.(*tls.Certificate), nil
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: i.ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.ca, i.key.Public(), i.caKey)
	if err != nil {
		return nil, err
	}
	made, _ := i.made.LoadOrStore(name, &tls.Certificate{Certificate: [][]byte{der, i.ca.Raw}, PrivateKey: i.key})
	return made.(*tls.Certificate), nil
}
