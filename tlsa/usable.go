package tlsa

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
)

// A Profile says which usages count. The zero Profile is SMTP.
type Profile uint8

const (
	// SMTP has no use for PKIXTA and PKIXEE: mail servers cannot be expected to have
	// certificates of a public CA, nor senders to agree on those (RFC 7672 §3.1.3).
	SMTP Profile = iota
	// PKIX has all four usages, as RFC 6698 defines them.
	PKIX
)

// String returns "SMTP" or "PKIX".
func (p Profile) String() string {
	if p == PKIX {
		return "PKIX"
	}
	return "SMTP"
}

// Usable returns nil if the record can authenticate a server under the profile,
// and otherwise an *Error with ReasonUnusable that says why it cannot. These are
// unknown parameters (RFC 6698 §4.1), PKIX usages under the SMTP profile (RFC
// 7672 §3.1.3), digests of the wrong length or of nothing, and with Full data
// that is not one DER value of the shape of a certificate or public key.
//
// A usable record need not be readable for crypto/x509: a certificate with a
// negative serial number, or a key of a type that Go does not know, is matched by
// its octets or not at all. To call such a record unusable could turn
// authentication off (RFC 7672 §2.2).
func (r Record) Usable(p Profile) error {
	if defect := r.defect(p); defect != "" {
		return newError(ReasonUnusable, errors.New(defect)).about(r, -1)
	}
	return nil
}

// What tools publish that hash a key they could not read.
var (
	emptySHA256 = sha256.Sum256(nil)
	emptySHA512 = sha512.Sum512(nil)
)

// defect says why the record is not usable; "" if it is. It allocates nothing.
func (r *Record) defect(p Profile) string {
	switch {
	case r.Usage > DANEEE:
		return "unknown usage"
	case r.Usage < DANETA && p != PKIX:
		return "PKIX usages mean nothing for SMTP" // RFC 7672 §3.1.3
	case r.Selector > SPKI:
		return "unknown selector"
	case r.Matching > SHA512:
		return "unknown matching type"
	case len(r.Data) == 0:
		return "no data"
	}
	switch r.Matching {
	case SHA256:
		return digestDefect(r.Data, emptySHA256[:])
	case SHA512:
		return digestDefect(r.Data, emptySHA512[:])
	}
	if r.Selector == Cert && !isCertificate(r.Data) {
		return "data is not one certificate in DER"
	}
	if r.Selector == SPKI && !isPublicKey(r.Data) {
		return "data is not one public key in DER"
	}
	return ""
}

func digestDefect(data, empty []byte) string {
	switch {
	case len(data) != len(empty):
		return "digest of the wrong length"
	case string(data) == string(empty):
		return "digest of nothing"
	}
	return ""
}
