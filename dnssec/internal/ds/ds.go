// Package ds compares DS records with the keys they stand for (RFC 4034 §5).
package ds

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // DS digest 1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/hex"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// The digest types of the IANA registry that are supported. miekg/dns's own
// constants are not used: its dns.SHA512 is 5, which IANA gave to GOST.
const (
	digestSHA1   = 1 // RFC 3658 §2.4
	digestSHA256 = 2 // RFC 4509 §2
	digestSHA384 = 4 // RFC 6605 §2
)

func hash(digestType uint8) (crypto.Hash, bool) {
	switch digestType {
	case digestSHA1:
		return crypto.SHA1, true
	case digestSHA256:
		return crypto.SHA256, true
	case digestSHA384:
		return crypto.SHA384, true
	}
	return 0, false
}

// SupportedDigest reports whether keys can be compared with this digest type.
func SupportedDigest(digestType uint8) bool {
	_, ok := hash(digestType)
	return ok
}

// Matches reports whether the record is the digest of the key at the given
// owner (RFC 4034 §5.1.4). The key's own owner name is not looked at.
func Matches(record *dns.DS, owner canonical.Name, key *dns.DNSKEY) bool {
	if record.Algorithm != key.Algorithm || record.KeyTag != KeyTag(key) {
		return false
	}
	h, ok := hash(record.DigestType)
	if !ok {
		return false
	}
	want, err := hex.DecodeString(record.Digest)
	if err != nil {
		return false
	}
	data, err := canonical.AppendRData(append(make([]byte, 0, usualKey), owner...), key)
	if err != nil {
		return false
	}
	digest := h.New()
	digest.Write(data)
	return bytes.Equal(digest.Sum(nil), want)
}

// usualKey is room for the name and the RDATA of most keys.
const usualKey = 384

// KeyTag returns the tag of a key (RFC 4034 §B), and 0 if it has no wire form: as the method of
// miekg/dns does, which takes four kilobytes of stack for it.
func KeyTag(key *dns.DNSKEY) uint16 {
	rdata, err := canonical.AppendRData(make([]byte, 0, usualKey), key)
	if err != nil {
		return 0
	}
	sum := uint32(0)
	for i, octet := range rdata {
		if i%2 == 0 {
			sum += uint32(octet) << 8
		} else {
			sum += uint32(octet)
		}
	}
	return uint16(sum + sum>>16)
}
