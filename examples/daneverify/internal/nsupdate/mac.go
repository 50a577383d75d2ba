package nsupdate

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"

	"github.com/miekg/dns"
)

// mac is the message authentication code of the key, in full length.
func (k *Key) mac(message []byte) ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(k.secret)
	if err != nil {
		return nil, err
	}
	var digest func() hash.Hash
	switch k.Algorithm {
	case dns.HmacSHA1:
		digest = sha1.New
	case dns.HmacSHA224:
		digest = sha256.New224
	case dns.HmacSHA256:
		digest = sha256.New
	case dns.HmacSHA384:
		digest = sha512.New384
	case dns.HmacSHA512:
		digest = sha512.New
	default:
		return nil, dns.ErrKeyAlg
	}
	h := hmac.New(digest, secret)
	h.Write(message)
	return h.Sum(nil), nil
}
