package tlsa

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
)

// An Application says for which protocol records are used, and so which usages count: that
// is for each protocol to say (RFC 7671 §4). The zero Application is SMTP.
type Application uint8

const (
	// SMTP has no use for PKIXTA and PKIXEE: mail servers cannot be expected to have
	// certificates of a public CA, nor senders to agree on those (RFC 7672 §3.1.3).
	SMTP Application = iota
	// PKIX is any protocol whose clients also have certification authorities that they
	// trust. It has all four usages, as RFC 6698 defines them.
	PKIX
)

// String returns "SMTP" or "PKIX".
func (a Application) String() string {
	if a == PKIX {
		return "PKIX"
	}
	return "SMTP"
}

// Usable returns nil if the record can authenticate a server of the application,
// and otherwise an [*Error] with [ReasonUnusable] that says why it cannot. These are
// unknown parameters and malformed data (RFC 6698 §4.1): a digest of the wrong
// length, and with Full data that has not the shape of one certificate or public
// key. For SMTP they are also the PKIX usages (RFC 7672 §3.1.3).
//
// A usable record need not match anything. One with the digest of nothing, which
// tools publish that could not read a key, is as well-formed as any other; and so
// is a certificate that crypto/x509 cannot read, because of a negative serial number
// or of a key that Go does not know: it is matched by its octets or not at all. To
// call such records unusable could turn authentication off (RFC 7672 §2.2).
func (r Record) Usable(a Application) error {
	if defect := r.defect(a); defect != "" {
		return newError(ReasonUnusable, errors.New(defect)).about(r, -1)
	}
	return nil
}

// defect says why the record is not usable; "" if it is. It allocates nothing.
func (r *Record) defect(a Application) string {
	switch {
	case r.Usage > DANEEE:
		return "unknown usage"
	case r.Usage < DANETA && a != PKIX:
		return "PKIX usages mean nothing for SMTP" // RFC 7672 §3.1.3
	case r.Selector > SPKI:
		return "unknown selector"
	case r.Matching > SHA512:
		return "unknown matching type"
	}
	switch r.Matching {
	case SHA256:
		return digestDefect(r.Data, sha256.Size)
	case SHA512:
		return digestDefect(r.Data, sha512.Size)
	}
	switch {
	case len(r.Data) == 0:
		return "no data"
	case r.Selector == Cert && !isCertificate(r.Data):
		return "data is not one certificate"
	case r.Selector == SPKI && !isPublicKey(r.Data):
		return "data is not one public key"
	}
	return ""
}

func digestDefect(data []byte, size int) string {
	switch len(data) {
	case size:
		return ""
	case 0:
		return "no data"
	}
	return "digest of the wrong length"
}
