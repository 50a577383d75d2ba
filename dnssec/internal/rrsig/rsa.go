package rrsig

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"fmt"
	"math/big"
)

// Sizes of RSA moduli in bits.
const (
	// A modulus of 127 octets has 1009 bits at least. Some below 1024 are keys of 128
	// octets, made without a first bit of 1.
	// Deviation: RFC 3110 §2 and RFC 5702 §2.1 start at 512 bits, which have been factored
	// since 1999, and 768 since 2009.
	minRSABits = 126*8 + 1
	maxRSABits = 4096 // RFC 3110 §2, RFC 5702 §2.1
)

// maxRSAExponentBytes bounds RSA exponents. Real zones have used 2^32+1; larger
// exponents only make verification expensive.
const maxRSAExponentBytes = 8

// What crypto/rsa takes: moduli of so many bits and more, and exponents of so many and
// less.
const (
	minStdlibBits         = 1024
	maxStdlibExponentBits = 31
)

// RSA is the algorithms of RFC 3110 and RFC 5702.
type RSA struct {
	Hash    crypto.Hash
	MinBits int // the smallest modulus that is taken; 0 means 1009
}

// A refusedKey says why a well-formed key is not used. It is ErrKeyRefused.
type refusedKey string

func (k refusedKey) Error() string        { return string(k) }
func (k refusedKey) Is(target error) bool { return target == ErrKeyRefused }

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
	bits := modulus.BitLen()
	switch {
	case bits < cmp.Or(a.MinBits, minRSABits):
		return nil, refusedKey(fmt.Sprintf("key too small: RSA with %d bits", bits))
	case bits > maxRSABits:
		return nil, refusedKey(fmt.Sprintf("key too large: RSA with %d bits", bits))
	case len(octets) > maxRSAExponentBytes:
		return nil, refusedKey("RSA exponent too large")
	}
	exponent := new(big.Int).SetBytes(octets)
	if exponent.Cmp(big.NewInt(3)) < 0 || exponent.Bit(0) == 0 || modulus.Bit(0) == 0 {
		return nil, errMalformedKey
	}
	if bits >= minStdlibBits && exponent.BitLen() <= maxStdlibExponentBits {
		return rsaKey{&rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, a.Hash}, nil
	}
	return unusualKey{modulus, exponent, a.Hash}, nil
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

// An unusualKey is an RSA key with a modulus or an exponent that crypto/rsa refuses.
type unusualKey struct {
	modulus, exponent *big.Int
	hash              crypto.Hash
}

// digestInfo holds the DER that precedes each digest (RFC 8017 §9.2, note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// minPadding is the fewest octets that fill up the encoded message, beside three fixed
// ones (RFC 8017 §9.2).
const minPadding = 8

// Verify is RSASSA-PKCS1-v1_5 verification (RFC 8017 §8.2.2). All its inputs are
// public.
func (k unusualKey) Verify(data, signature []byte) bool {
	size := (k.modulus.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	// EM = 0x00 || 0x01 || PS || 0x00 || T (RFC 8017 §9.2).
	t := sum(bytes.Clone(digestInfo[k.hash]), k.hash, data)
	if len(signature) != size || s.Cmp(k.modulus) >= 0 || size < len(t)+minPadding+3 {
		return false
	}
	want := bytes.Repeat([]byte{0xff}, size)
	want[0], want[1], want[size-len(t)-1] = 0, 1, 0
	copy(want[size-len(t):], t)
	return bytes.Equal(s.Exp(s, k.exponent, k.modulus).FillBytes(make([]byte, size)), want)
}
