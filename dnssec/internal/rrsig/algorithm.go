package rrsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"

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
	if added := a.Extra[number]; added != nil {
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
		return ecdsaAlgorithm{256, crypto.SHA256}
	case dns.ECDSAP384SHA384:
		return ecdsaAlgorithm{384, crypto.SHA384}
	case dns.ED25519:
		return ed25519Algorithm{}
	}
	return nil
}

// An ecdsaAlgorithm is one of RFC 6605.
type ecdsaAlgorithm struct {
	bits int // of the curve
	hash crypto.Hash
}

// Parse reads a key as RFC 6605 §4 writes it: X and Y, of full length.
func (a ecdsaAlgorithm) Parse(public []byte) (PublicKey, error) {
	curve := elliptic.P256()
	if a.bits == 384 {
		curve = elliptic.P384()
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, public...))
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
	room := signatures.Get().(*[usualSize]byte)
	defer signatures.Put(room)
	der := append(room[:0], 0x30, 0)
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
