//go:debug rsa1024min=0

package dnssec_test

import (
	"crypto"
	"crypto/sha1"
	"encoding/asn1"
	"errors"
	"math/big"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// suiteAlgorithms has what the conformance suites use and nobody should: DSA, and RSA
// keys of 512 bits, for which crypto/rsa needs the setting at the top of this file.
func suiteAlgorithms() rrsig.Algorithms {
	var a rrsig.Algorithms
	for _, number := range []uint8{dns.DSA, dns.DSANSEC3SHA1} {
		a = rrsig.Add(a, number, dsaSHA1{})
	}
	for number, hash := range map[uint8]crypto.Hash{
		dns.RSASHA1: crypto.SHA1, dns.RSASHA1NSEC3SHA1: crypto.SHA1, dns.RSASHA256: crypto.SHA256, dns.RSASHA512: crypto.SHA512,
	} {
		a = rrsig.Add(a, number, rrsig.RSA{Hash: hash, MinBits: 512})
	}
	return a
}

// dsaSHA1 is the algorithm of RFC 2536.
type dsaSHA1 struct{}

var errDSAKey = errors.New("malformed DSA key")

type dsaKey struct{ q, p, g, y *big.Int }

func (dsaSHA1) Parse(public []byte) (rrsig.PublicKey, error) {
	if len(public) < 1 || public[0] > 8 {
		return nil, errDSAKey
	}
	size, rest := 64+8*int(public[0]), public[1:]
	if len(rest) != 20+3*size {
		return nil, errDSAKey
	}
	number := func(length int) *big.Int {
		n := new(big.Int).SetBytes(rest[:length])
		rest = rest[length:]
		return n
	}
	return dsaKey{q: number(20), p: number(size), g: number(size), y: number(size)}, nil
}

// matches does what FIPS 186-4 calls signature verification.
func (k dsaKey) matches(digest []byte, r, s *big.Int) bool {
	w := new(big.Int).ModInverse(s, k.q)
	if r.Sign() <= 0 || r.Cmp(k.q) >= 0 || s.Sign() <= 0 || s.Cmp(k.q) >= 0 || w == nil {
		return false
	}
	z := new(big.Int).SetBytes(digest)
	u1, u2 := z.Mul(z, w), new(big.Int).Mul(r, w)
	v := new(big.Int).Exp(k.g, u1.Mod(u1, k.q), k.p)
	v.Mul(v, new(big.Int).Exp(k.y, u2.Mod(u2, k.q), k.p))
	return v.Mod(v.Mod(v, k.p), k.q).Cmp(r) == 0
}

// Verify implements rrsig.PublicKey.
func (k dsaKey) Verify(data, signature []byte) bool {
	var pair struct{ R, S *big.Int }
	if len(signature) == 41 { // RFC 2536 §3
		pair.R, pair.S = new(big.Int).SetBytes(signature[1:21]), new(big.Int).SetBytes(signature[21:])
	} else if rest, err := asn1.Unmarshal(signature, &pair); err != nil || len(rest) > 0 { // as old signers had it
		return false
	}
	digest := sha1.Sum(data)
	return k.matches(digest[:], pair.R, pair.S)
}
