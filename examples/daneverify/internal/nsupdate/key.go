package nsupdate

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// A Key is shared with the server, and signs messages in both directions. It prints without
// its secret.
type Key struct {
	Name      string // fully qualified, lower case
	Algorithm string // such as "hmac-sha256."
	secret    string // base64
}

// String names the key.
func (k Key) String() string {
	return strings.TrimSuffix(k.Name, ".") + " (" + strings.TrimSuffix(k.Algorithm, ".") + ")"
}

// GoString is String, so that %#v has no secret, either.
func (k Key) GoString() string { return k.String() }

// Format prints String for every verb: %+v would print the fields.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// maxSecret bounds a decoded secret. Those of tsig-keygen have at most 64 octets.
const maxSecret = 512

// newKey checks the parts of a key. Errors have nothing of the secret in them.
func newKey(name, algorithm, secret string) (*Key, error) {
	k := &Key{Name: dns.CanonicalName(name), secret: secret}
	if _, ok := dns.IsDomainName(name); !ok || name == "" || k.Name == "." || strings.ContainsFunc(name, isOdd) {
		return nil, errors.New("the name of the key is no name") // it may be the secret, in a wrong place
	}
	var err error
	if k.Algorithm, err = algorithmOf(algorithm); err != nil {
		return nil, err
	}
	octets, err := base64.StdEncoding.Strict().DecodeString(secret)
	if err != nil || len(octets) == 0 || len(octets) > maxSecret || strings.ContainsAny(secret, "\r\n") {
		return nil, fmt.Errorf("the secret of key %s is not base64 of 1 to %d octets", k.Name, maxSecret)
	}
	return k, nil
}

// isOdd reports whether a character has no place in the name of a key.
func isOdd(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./@", r))
}

// algorithms are those of RFC 8945 §6 that are neither broken nor truncated.
func algorithms() []string {
	return []string{dns.HmacSHA256, dns.HmacSHA512, dns.HmacSHA384, dns.HmacSHA224, dns.HmacSHA1}
}

func algorithmOf(text string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	for _, known := range algorithms() {
		if name+"." == known {
			return known, nil
		}
	}
	switch name {
	case "hmac-md5", "hmac-md5.sig-alg.reg.int":
		return "", errors.New("the algorithm hmac-md5 must not be used any more (RFC 8945 §6): make a key of hmac-sha256, as by tsig-keygen")
	}
	return "", errors.New("the algorithm of the key is not known: want hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224 or hmac-sha1")
}
