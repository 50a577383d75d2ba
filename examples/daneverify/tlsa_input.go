package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxInput bounds a file with certificates or keys. Real ones have some kilobytes.
const maxInput = 1 << 20

// readInput reads a file; - is standard input.
func (t *tlsaTool) readInput(file string) ([]byte, error) {
	r := t.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	case len(data) > maxInput:
		return nil, fmt.Errorf("%s is longer than %d octets", file, maxInput)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("%s is empty", file)
	}
	return data, nil
}

// blocks returns the PEM blocks of a file, and nil if it has none.
func blocks(data []byte) []*pem.Block {
	var all []*pem.Block
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return all
		}
		all, data = append(all, block), rest
	}
}

// kinds says what is in a file that is not what was looked for.
func kinds(all []*pem.Block) string {
	if len(all) == 0 {
		return "neither PEM nor DER"
	}
	var names []string
	for _, block := range all {
		names = append(names, fmt.Sprintf("%.40q", block.Type))
	}
	return "PEM of " + strings.Join(names[:min(len(names), 4)], ", ")
}

// readChain reads the certificates of a file, as the server presents them: its own comes
// first. A key beside them, as some servers want it, is passed over.
func (t *tlsaTool) readChain(file string) ([]*x509.Certificate, error) {
	data, err := t.readInput(file)
	if err != nil {
		return nil, err
	}
	all := blocks(data)
	var der [][]byte
	for _, block := range all {
		if block.Type == "CERTIFICATE" || block.Type == "X509 CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" {
			der = append(der, block.Bytes)
		}
	}
	if len(all) == 0 && data[0] == 0x30 {
		der = [][]byte{data}
	}
	if len(der) == 0 {
		return nil, fmt.Errorf("%s has no certificate: it is %s", file, kinds(all))
	}
	var chain []*x509.Certificate
	for i, octets := range der {
		cert, err := x509.ParseCertificate(octets)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d cannot be read: %w", file, i+1, err)
		}
		chain = append(chain, cert)
	}
	if err := orderOf(chain); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return chain, nil
}

// orderOf finds out whether a chain begins with the server's certificate and has no other
// one of a server.
func orderOf(chain []*x509.Certificate) error {
	for i, cert := range chain[1:] {
		if bytes.Equal(cert.Raw, chain[0].Raw) {
			continue
		}
		if bytes.Equal(cert.RawIssuer, chain[0].RawSubject) && cert.CheckSignatureFrom(chain[0]) == nil {
			return fmt.Errorf("the first certificate (%s) has issued number %d (%s): the server's own has to come first, and its issuers after it", subject(chain[0]), i+2, subject(cert))
		}
		if !cert.IsCA && !chain[0].IsCA {
			return fmt.Errorf("certificates 1 (%s) and %d (%s) are both of a server: give each in a file of its own", subject(chain[0]), i+2, subject(cert))
		}
		if !cert.IsCA {
			return fmt.Errorf("certificate 1 (%s) is of a CA, and number %d (%s) of a server: that has to come first", subject(chain[0]), i+2, subject(cert))
		}
	}
	return nil
}

// subject names a certificate for a human.
func subject(cert *x509.Certificate) string {
	switch {
	case cert.Subject.CommonName != "":
		return fmt.Sprintf("%.80q", cert.Subject.CommonName)
	case len(cert.DNSNames) > 0:
		return fmt.Sprintf("%.80q", cert.DNSNames[0])
	case len(cert.Subject.String()) > 0:
		return fmt.Sprintf("%.80q", cert.Subject.String())
	}
	return "without a name"
}

// readKey reads the public key of a file: of a private key it is computed, and the rest
// of it forgotten.
func (t *tlsaTool) readKey(file string) (crypto.PublicKey, error) {
	data, err := t.readInput(file)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	all := blocks(data)
	if len(all) == 0 && data[0] == 0x30 {
		all = []*pem.Block{{Type: "DER", Bytes: data}}
	}
	var key crypto.PublicKey
	for _, block := range all {
		defer clear(block.Bytes)
		found, err := publicKey(block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if found != nil && key != nil {
			return nil, fmt.Errorf("%s has several keys; give each in a file of its own", file)
		}
		if found != nil {
			key = found
		}
	}
	if key == nil {
		return nil, fmt.Errorf("%s has no key: it is %s", file, kinds(all))
	}
	return key, nil
}

var errEncrypted = errors.New("the key is encrypted; `openssl pkey -in FILE -pubout` makes the public key, which is enough for -key")

// publicKey returns the public key of a PEM block, and nil if the block is of something
// else. Errors have nothing of the key in them.
func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errEncrypted
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "DER":
		for _, read := range []func([]byte) (any, error){
			x509.ParsePKIXPublicKey, x509.ParsePKCS8PrivateKey,
			func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
			func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
		} {
			if key, err = read(block.Bytes); err == nil {
				break
			}
		}
	case "OPENSSH PRIVATE KEY":
		return nil, errors.New("that is a key of SSH, not of TLS")
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the %s cannot be read: it is damaged, or of a kind that this program does not know", strings.ToLower(block.Type))
	}
	if private, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		return private.Public(), nil
	}
	return key, nil
}

// readRequest reads a certificate signing request.
func (t *tlsaTool) readRequest(file string) (*x509.CertificateRequest, error) {
	data, err := t.readInput(file)
	if err != nil {
		return nil, err
	}
	all := blocks(data)
	var der [][]byte
	for _, block := range all {
		if block.Type == "CERTIFICATE REQUEST" || block.Type == "NEW CERTIFICATE REQUEST" {
			der = append(der, block.Bytes)
		}
	}
	if len(all) == 0 && data[0] == 0x30 {
		der = [][]byte{data}
	}
	switch {
	case len(der) == 0:
		return nil, fmt.Errorf("%s has no signing request: it is %s", file, kinds(all))
	case len(der) > 1:
		return nil, fmt.Errorf("%s has several signing requests; give each in a file of its own", file)
	}
	request, err := x509.ParseCertificateRequest(der[0])
	if err != nil {
		return nil, fmt.Errorf("%s: the signing request cannot be read: %w", file, err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%s: the signing request is not signed by its key: %w", file, err)
	}
	return request, nil
}
