package tlsa

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// readKey reads a SubjectPublicKeyInfo. It returns a certificate of which only the
// public key means something.
//
// crypto/x509 tells which signatures a key can check, but of keys in certificates
// only; with a list of Go's key types instead, those that a later release brings would
// be refused. So let the key have a certificate around it.
func readKey(spki []byte) (*x509.Certificate, error) {
	if _, err := x509.ParsePKIXPublicKey(spki); err != nil {
		return nil, err // which says more than that of a certificate
	}
	der, err := asn1.Marshal(wrapper{
		TBS: wrapped{
			Serial:    big.NewInt(1),
			Algorithm: pkix.AlgorithmIdentifier{Algorithm: unknownAlgorithm},
			Validity:  validity{time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC()},
			Key:       asn1.RawValue{FullBytes: spki},
		},
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: unknownAlgorithm},
	})
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if cert.PublicKey == nil || cert.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
		return nil, errors.New("public key of a type that signs no certificates")
	}
	return cert, tooLong(cert)
}

// maxRSA is the length in bits of the RSA keys in records that are read. It is what
// crypto/tls takes from servers; a record has room for a key with which one signature
// takes seconds.
const maxRSA = 8192

func tooLong(cert *x509.Certificate) error {
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
		return fmt.Errorf("RSA key of %d bits", key.N.BitLen())
	}
	return nil
}

// A wrapper is a certificate (RFC 5280 §4.1) that nobody has signed.
type wrapper struct {
	TBS       wrapped
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type wrapped struct {
	Serial    *big.Int
	Algorithm pkix.AlgorithmIdentifier
	Issuer    pkix.RDNSequence
	Validity  validity
	Subject   pkix.RDNSequence
	Key       asn1.RawValue
}

type validity struct{ NotBefore, NotAfter time.Time }

// unknownAlgorithm is from the arc for documentation.
var unknownAlgorithm = asn1.ObjectIdentifier{2, 999, 2}
