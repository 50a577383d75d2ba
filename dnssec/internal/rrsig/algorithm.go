package rrsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // algorithms 5 and 7
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"math/big"

	"github.com/miekg/dns"
)

// Sizes of RSA moduli in bits.
const (
	minRSABits = 1024 // crypto/rsa refuses smaller ones
	maxRSABits = 4096 // RFC 3110 §2, RFC 5702 §2
)

// maxRSAExponentBytes bounds RSA exponents. Real zones have used 2^32+1, which
// crypto/rsa refuses; larger exponents only make verification expensive.
const maxRSAExponentBytes = 8

// maxStdlibExponent is the largest exponent that crypto/rsa takes.
const maxStdlibExponent = 1<<31 - 1

// SupportedAlgorithm reports whether signatures of the algorithm can be checked.
func SupportedAlgorithm(algorithm uint8) bool {
	switch algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512,
		dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

// UsableKey reports why signatures of the key cannot be checked: ErrUnsupported,
// ErrKeyRefused or ErrKey. A delegation to such keys alone is insecure, where the
// key is well-formed (RFC 4035 §5.2).
func UsableKey(key *dns.DNSKEY) error {
	public, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil {
		return errMalformedKey
	}
	switch key.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		_, err := parseRSA(public)
		return err
	case dns.ECDSAP256SHA256:
		_, err := parseECDSA(elliptic.P256(), public)
		return err
	case dns.ECDSAP384SHA384:
		_, err := parseECDSA(elliptic.P384(), public)
		return err
	case dns.ED25519:
		if len(public) != ed25519.PublicKeySize {
			return errMalformedKey
		}
		return nil
	}
	return ErrUnsupported
}

func verifyData(data []byte, sig *dns.RRSIG, key *dns.DNSKEY) error {
	public, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil {
		return errMalformedKey
	}
	signature, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		return ErrSignature
	}
	switch sig.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		return verifyRSA(crypto.SHA1, public, data, signature)
	case dns.RSASHA256:
		return verifyRSA(crypto.SHA256, public, data, signature)
	case dns.RSASHA512:
		return verifyRSA(crypto.SHA512, public, data, signature)
	case dns.ECDSAP256SHA256:
		return verifyECDSA(elliptic.P256(), crypto.SHA256, public, data, signature)
	case dns.ECDSAP384SHA384:
		return verifyECDSA(elliptic.P384(), crypto.SHA384, public, data, signature)
	case dns.ED25519:
		// RFC 8080 §3, §4: the key and the signature are plain strings of octets.
		if len(public) != ed25519.PublicKeySize {
			return errMalformedKey
		}
		if !ed25519.Verify(public, data, signature) {
			return ErrSignature
		}
		return nil
	}
	return ErrUnsupported
}

type rsaKey struct{ modulus, exponent *big.Int }

// parseRSA reads a key as RFC 3110 §2 writes it.
func parseRSA(public []byte) (rsaKey, error) {
	if len(public) < 3 {
		return rsaKey{}, errMalformedKey
	}
	length, rest := int(public[0]), public[1:]
	if length == 0 {
		length, rest = int(public[1])<<8|int(public[2]), public[3:]
	}
	if length == 0 || length >= len(rest) {
		return rsaKey{}, errMalformedKey
	}
	exponent, modulus := bytes.TrimLeft(rest[:length], "\x00"), rest[length:]
	if len(exponent) > maxRSAExponentBytes {
		return rsaKey{}, ErrKeyRefused
	}
	key := rsaKey{modulus: new(big.Int).SetBytes(modulus), exponent: new(big.Int).SetBytes(exponent)}
	if bits := key.modulus.BitLen(); bits < minRSABits || bits > maxRSABits {
		return rsaKey{}, ErrKeyRefused
	}
	if key.exponent.Cmp(big.NewInt(3)) < 0 || key.exponent.Bit(0) == 0 || key.modulus.Bit(0) == 0 {
		return rsaKey{}, errMalformedKey
	}
	return key, nil
}

func verifyRSA(hash crypto.Hash, public, data, signature []byte) error {
	key, err := parseRSA(public)
	if err != nil {
		return err
	}
	h := hash.New()
	h.Write(data)
	digest := h.Sum(nil)
	if key.exponent.IsInt64() && key.exponent.Int64() <= maxStdlibExponent {
		standard := &rsa.PublicKey{N: key.modulus, E: int(key.exponent.Int64())}
		if rsa.VerifyPKCS1v15(standard, hash, digest, signature) != nil {
			return ErrSignature
		}
		return nil
	}
	return verifyLargeExponent(key, hash, digest, signature)
}

// digestInfo holds the DER that precedes each digest (RFC 8017 §9.2, note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// verifyLargeExponent is RSASSA-PKCS1-v1_5 verification (RFC 8017 §8.2.2) for the
// exponents that crypto/rsa refuses. All its inputs are public.
func verifyLargeExponent(key rsaKey, hash crypto.Hash, digest, signature []byte) error {
	size := (key.modulus.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	if len(signature) != size || s.Cmp(key.modulus) >= 0 {
		return ErrSignature
	}
	// EM = 0x00 || 0x01 || PS || 0x00 || T (RFC 8017 §9.2). The modulus has at
	// least 1024 bits, so PS is longer than its minimum of eight octets.
	t := append(bytes.Clone(digestInfo[hash]), digest...)
	want := bytes.Repeat([]byte{0xff}, size)
	want[0], want[1], want[size-len(t)-1] = 0, 1, 0
	copy(want[size-len(t):], t)
	if !bytes.Equal(s.Exp(s, key.exponent, key.modulus).FillBytes(make([]byte, size)), want) {
		return ErrSignature
	}
	return nil
}

// parseECDSA reads a key as RFC 6605 §4 writes it: X and Y, of full length.
func parseECDSA(curve elliptic.Curve, public []byte) (*ecdsa.PublicKey, error) {
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, public...))
	if err != nil {
		return nil, errMalformedKey
	}
	return key, nil
}

func verifyECDSA(curve elliptic.Curve, hash crypto.Hash, public, data, signature []byte) error {
	key, err := parseECDSA(curve, public)
	if err != nil {
		return err
	}
	half := (curve.Params().BitSize + 7) / 8
	if len(signature) != 2*half {
		return ErrSignature
	}
	h := hash.New()
	h.Write(data)
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	if !ecdsa.Verify(key, h.Sum(nil), r, s) {
		return ErrSignature
	}
	return nil
}
