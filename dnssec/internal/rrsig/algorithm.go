package rrsig

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"

	"github.com/miekg/dns"
)

// An Algorithm is how the keys of one number in the IANA registry are read.
type Algorithm interface {
	// Parse reads the public key of a DNSKEY record. The error says why signatures of
	// the key cannot be checked: ErrKeyRefused or ErrKey.
	Parse(public []byte) (PublicKey, error)
}

// A PublicKey checks signatures. It is safe for concurrent use.
type PublicKey interface {
	// Verify reports whether the signature, as an RRSIG record has it, is the key's
	// over the data.
	Verify(data, signature []byte) bool
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

// Parse reads a key as RFC 3110 §2 writes it.
func (a RSA) Parse(public []byte) (PublicKey, error) {
	if len(public) < 3 {
		return nil, errMalformedKey
	}
	length, rest := int(public[0]), public[1:]
	if length == 0 {
		length, rest = int(public[1])<<8|int(public[2]), public[3:]
	}
	if length == 0 || length >= len(rest) {
		return nil, errMalformedKey
	}
	octets, modulus := bytes.TrimLeft(rest[:length], "\x00"), new(big.Int).SetBytes(rest[length:])
	if len(octets) > maxRSAExponentBytes {
		return nil, ErrKeyRefused
	}
	exponent := new(big.Int).SetBytes(octets)
	if bits := modulus.BitLen(); bits < cmp.Or(a.MinBits, minRSABits) || bits > maxRSABits {
		return nil, ErrKeyRefused
	}
	if exponent.Cmp(big.NewInt(3)) < 0 || exponent.Bit(0) == 0 || modulus.Bit(0) == 0 {
		return nil, errMalformedKey
	}
	if exponent.IsInt64() && exponent.Int64() <= maxStdlibExponent {
		return rsaKey{&rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, a.Hash}, nil
	}
	return largeExponentKey{modulus, exponent, a.Hash}, nil
}

// An rsaKey is one that crypto/rsa takes.
type rsaKey struct {
	*rsa.PublicKey
	hash crypto.Hash
}

// Verify implements PublicKey.
func (k rsaKey) Verify(data, signature []byte) bool {
	var digest [maxDigest]byte
	return rsa.VerifyPKCS1v15(k.PublicKey, k.hash, sum(digest[:0], k.hash, data), signature) == nil
}

// A largeExponentKey is an RSA key with an exponent that crypto/rsa refuses.
type largeExponentKey struct {
	modulus, exponent *big.Int
	hash              crypto.Hash
}

// digestInfo holds the DER that precedes each digest (RFC 8017 §9.2, note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// Verify is RSASSA-PKCS1-v1_5 verification (RFC 8017 §8.2.2). All its inputs are
// public.
func (k largeExponentKey) Verify(data, signature []byte) bool {
	size := (k.modulus.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	if len(signature) != size || s.Cmp(k.modulus) >= 0 {
		return false
	}
	// EM = 0x00 || 0x01 || PS || 0x00 || T (RFC 8017 §9.2). The modulus has at
	// least 1024 bits, so PS is longer than its minimum of eight octets.
	t := sum(bytes.Clone(digestInfo[k.hash]), k.hash, data)
	want := bytes.Repeat([]byte{0xff}, size)
	want[0], want[1], want[size-len(t)-1] = 0, 1, 0
	copy(want[size-len(t):], t)
	return bytes.Equal(s.Exp(s, k.exponent, k.modulus).FillBytes(make([]byte, size)), want)
}

// An ecdsaAlgorithm is one of RFC 6605.
type ecdsaAlgorithm struct {
	curve elliptic.Curve
	hash  crypto.Hash
}

// Parse reads a key as RFC 6605 §4 writes it: X and Y, of full length.
func (a ecdsaAlgorithm) Parse(public []byte) (PublicKey, error) {
	key, err := ecdsa.ParseUncompressedPublicKey(a.curve, append([]byte{4}, public...))
	if err != nil {
		return nil, errMalformedKey
	}
	return ecdsaKey{key, a.hash}, nil
}

type ecdsaKey struct {
	*ecdsa.PublicKey
	hash crypto.Hash
}

// Verify implements PublicKey. A signature is r and s, of full length (RFC 6605 §4).
func (k ecdsaKey) Verify(data, signature []byte) bool {
	half := (k.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*half {
		return false
	}
	// The sequence of two integers that crypto/ecdsa takes has 104 octets at most.
	der := append(make([]byte, 0, 104), 0x30, 0)
	der = appendInteger(appendInteger(der, signature[:half]), signature[half:])
	der[1] = byte(len(der) - 2)
	var digest [maxDigest]byte
	return ecdsa.VerifyASN1(k.PublicKey, sum(digest[:0], k.hash, data), der)
}

// appendInteger writes a positive integer of less than 127 octets in DER: without
// leading zeros, but with one where the first bit would be taken for the sign.
func appendInteger(der, octets []byte) []byte {
	for len(octets) > 1 && octets[0] == 0 {
		octets = octets[1:]
	}
	if octets[0] >= 0x80 {
		der = append(der, 2, byte(len(octets)+1), 0)
	} else {
		der = append(der, 2, byte(len(octets)))
	}
	return append(der, octets...)
}

// ed25519Algorithm is that of RFC 8080 §3, §4: the key and the signature are plain
// strings of octets.
type ed25519Algorithm struct{}

// Parse implements Algorithm.
func (ed25519Algorithm) Parse(public []byte) (PublicKey, error) {
	if len(public) != ed25519.PublicKeySize {
		return nil, errMalformedKey
	}
	return ed25519Key(public), nil
}

type ed25519Key ed25519.PublicKey

// Verify implements PublicKey.
func (k ed25519Key) Verify(data, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), data, signature)
}

// maxDigest is the length of the longest digest.
const maxDigest = sha512.Size

// sum appends the digest of the data.
func sum(digest []byte, hash crypto.Hash, data []byte) []byte {
	switch hash {
	case crypto.SHA1:
		s := sha1.Sum(data)
		return append(digest, s[:]...)
	case crypto.SHA256:
		s := sha256.Sum256(data)
		return append(digest, s[:]...)
	case crypto.SHA384:
		s := sha512.Sum384(data)
		return append(digest, s[:]...)
	}
	s := sha512.Sum512(data)
	return append(digest, s[:]...)
}
