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
	if record.Algorithm != key.Algorithm || record.KeyTag != key.KeyTag() {
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
	rdata, err := canonical.AppendRData(nil, key)
	if err != nil {
		return false
	}
	digest := h.New()
	digest.Write([]byte(owner))
	digest.Write(rdata)
	return bytes.Equal(digest.Sum(nil), want)
}
