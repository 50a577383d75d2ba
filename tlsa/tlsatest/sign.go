package tlsatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// unknownExtension is from the arc for documentation.
var unknownExtension = asn1.ObjectIdentifier{2, 999, 1}

// sign completes the template and returns it as a certificate for the key. Without
// an issuer the key signs itself.
func sign(template *x509.Certificate, issuer *CA, key *ecdsa.PrivateKey, at time.Time, validity time.Duration, faults Fault) []byte {
	template.SerialNumber = newSerial()
	template.NotBefore, template.NotAfter = at.Add(-24*time.Hour), at.Add(validity)
	if faults.has(NotYetValid) {
		template.NotBefore = at.Add(time.Hour)
	}
	if faults.has(Expired) {
		template.NotAfter = at.Add(-time.Hour)
	}
	if faults.has(UnknownExtension) {
		template.ExtraExtensions = append(template.ExtraExtensions,
			pkix.Extension{Id: unknownExtension, Critical: true, Value: asn1.NullBytes})
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.Certificate, issuer.Key
	}
	if faults.has(WrongSignature) {
		// crypto/x509 refuses to sign by a key that is not the parent's.
		copied := *parent
		copied.PublicKey, signer = nil, newKey()
		parent = &copied
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(err)
	return der
}

// negateSerial sets the sign of the serial number and signs again; crypto/x509
// would not write such a certificate.
func negateSerial(der []byte, signer *ecdsa.PrivateKey) []byte {
	var certificate struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(der, &certificate)
	must(err)
	// The fields: [0] version, INTEGER serialNumber, … (RFC 5280 §4.1).
	var version, serial asn1.RawValue
	rest, err := asn1.Unmarshal(certificate.TBS.Bytes, &version)
	must(err)
	_, err = asn1.Unmarshal(rest, &serial)
	must(err)
	// Bytes is a part of FullBytes; newSerial has left the sign bit free.
	serial.Bytes[0] |= 0x80
	digest := sha256.Sum256(certificate.TBS.FullBytes)
	signature, err := ecdsa.SignASN1(rand.Reader, signer, digest[:])
	must(err)
	certificate.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	der, err = asn1.Marshal(certificate)
	must(err)
	return der
}

// newSerial returns a number of 16 octets that is positive and, with its first bit
// set, negative in the shortest form: that of a negative number does not begin with nine
// bits that are set (X.690, 8.3.2).
func newSerial() *big.Int {
	octets := make([]byte, 16)
	rand.Read(octets) // never fails
	octets[0] = 0x40 | octets[0]&0x1f
	return new(big.Int).SetBytes(octets)
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

// instant returns the time that a certificate is to be valid at, in full seconds, as
// certificates have it.
func instant(at time.Time, issuer *CA) time.Time {
	if at.IsZero() && issuer != nil {
		at = issuer.Time
	}
	if at.IsZero() {
		at = time.Now()
	}
	return at.Truncate(time.Second)
}

func mustParse(der []byte) *x509.Certificate {
	certificate, err := x509.ParseCertificate(der)
	must(err)
	return certificate
}

func mustRecord(usage tlsa.Usage, selector tlsa.Selector, matching tlsa.Matching, cert *x509.Certificate) tlsa.Record {
	record, err := tlsa.New(usage, selector, matching, cert)
	must(err)
	return record
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("tlsatest: %v", err))
	}
}
