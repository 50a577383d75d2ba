package rrsig

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // algorithms 5 and 7
	_ "crypto/sha256"
	_ "crypto/sha512"
	"math/big"

	"github.com/miekg/dns"
)

// An Algorithm is how keys and signatures of one number in the IANA registry are
// read and checked. All arguments are the plain octets of the records.
type Algorithm interface {
	// Usable reports why signatures of the key cannot be checked: ErrKeyRefused or
	// ErrKey.
	Usable(public []byte) error
	// Verify reports why the signature is not the key's over the data: ErrSignature,
	// or as Usable.
	Verify(public, data, signature []byte) error
}

// find returns how the algorithm is checked, nil if it is not supported.
func (a Algorithms) find(number uint8) Algorithm {
	if added := a.added[number]; added != nil {
		return added
	}
	switch number {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		if a.NoSHA1 {
			return nil
		}
		return RSA{Hash: crypto.SHA1}
	case dns.RSASHA256:
		return RSA{Hash: crypto.SHA256}
	case dns.RSASHA512:
		return RSA{Hash: crypto.SHA512}
	case dns.ECDSAP256SHA256:
		return ecdsaAlgorithm{elliptic.P256(), crypto.SHA256}
	case dns.ECDSAP384SHA384:
		return ecdsaAlgorithm{elliptic.P384(), crypto.SHA384}
	case dns.ED25519:
		return ed25519Algorithm{}
	}
	return nil
}

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

// RSA is the algorithms of RFC 3110 and RFC 5702.
type RSA struct {
	Hash    crypto.Hash
	MinBits int // the smallest modulus that is taken; 0 means 1024
}

type rsaKey struct{ modulus, exponent *big.Int }

// standard reports whether crypto/rsa takes the exponent.
func (k rsaKey) standard() bool {
	return k.exponent.IsInt64() && k.exponent.Int64() <= maxStdlibExponent
}

// parse reads a key as RFC 3110 §2 writes it.
func (a RSA) parse(public []byte) (rsaKey, error) {
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
	if bits := key.modulus.BitLen(); bits < cmp.Or(a.MinBits, minRSABits) || bits > maxRSABits {
		return rsaKey{}, ErrKeyRefused
	}
	if key.exponent.Cmp(big.NewInt(3)) < 0 || key.exponent.Bit(0) == 0 || key.modulus.Bit(0) == 0 {
		return rsaKey{}, errMalformedKey
	}
	return key, nil
}

// Usable implements Algorithm.
func (a RSA) Usable(public []byte) error {
	_, err := a.parse(public)
	return err
}

// Verify implements Algorithm.
func (a RSA) Verify(public, data, signature []byte) error {
	key, err := a.parse(public)
	if err != nil {
		return err
	}
	digest := sum(a.Hash, data)
	if key.standard() {
		standard := &rsa.PublicKey{N: key.modulus, E: int(key.exponent.Int64())}
		if rsa.VerifyPKCS1v15(standard, a.Hash, digest, signature) != nil {
			return ErrSignature
		}
		return nil
	}
	return verifyLargeExponent(key, a.Hash, digest, signature)
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

// An ecdsaAlgorithm is one of RFC 6605.
type ecdsaAlgorithm struct {
	curve elliptic.Curve
	hash  crypto.Hash
}

// parse reads a key as RFC 6605 §4 writes it: X and Y, of full length.
func (a ecdsaAlgorithm) parse(public []byte) (*ecdsa.PublicKey, error) {
	key, err := ecdsa.ParseUncompressedPublicKey(a.curve, append([]byte{4}, public...))
	if err != nil {
		return nil, errMalformedKey
	}
	return key, nil
}

func (a ecdsaAlgorithm) Usable(public []byte) error {
	_, err := a.parse(public)
	return err
}

func (a ecdsaAlgorithm) Verify(public, data, signature []byte) error {
	key, err := a.parse(public)
	if err != nil {
		return err
	}
	half := (a.curve.Params().BitSize + 7) / 8
	if len(signature) != 2*half {
		return ErrSignature
	}
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	if !ecdsa.Verify(key, sum(a.hash, data), r, s) {
		return ErrSignature
	}
	return nil
}

// ed25519Algorithm is that of RFC 8080 §3, §4: the key and the signature are plain
// strings of octets.
type ed25519Algorithm struct{}

func (ed25519Algorithm) Usable(public []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return errMalformedKey
	}
	return nil
}

func (a ed25519Algorithm) Verify(public, data, signature []byte) error {
	if err := a.Usable(public); err != nil {
		return err
	}
	if !ed25519.Verify(public, data, signature) {
		return ErrSignature
	}
	return nil
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}
