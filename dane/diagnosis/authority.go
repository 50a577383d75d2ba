package diagnosis

import (
	"crypto/x509"
	"encoding/hex"
	"slices"

	"github.com/danesmtp/danesmtp/tlsa"
)

// A root is a CA whose certificate servers leave out, as they may on the Web.
type root struct {
	name      string
	spki, der string // SHA-256 of the key, and of the certificate
}

// roots are those of Let's Encrypt, whose digests are published most. Source: ISRG_Root_X1.crt
// and ISRG_Root_X2.crt of Mozilla's list, as in Debian's package ca-certificates 20230311, by
//
//	openssl x509 -in FILE -noout -fingerprint -sha256
//	openssl x509 -in FILE -noout -pubkey | openssl pkey -pubin -outform der | sha256sum
var roots = [...]root{
	{"ISRG Root X1", "0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3",
		"96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6"},
	{"ISRG Root X2", "762195c225586ee6c0237456e2107dc54f1efc21f61a792ebd515913cce68332",
		"69729b8e15a86efc177a57afb7171dfc64add28c2fca8cf1507e34453ccb1470"},
}

// rootOf returns the name of the root that a record is of; empty if it is not known.
func rootOf(r tlsa.Record) string {
	if r.Usage != tlsa.DANETA || r.Matching != tlsa.SHA256 {
		return ""
	}
	data := hex.EncodeToString(r.Data)
	for _, known := range roots {
		if r.Selector == tlsa.SPKI && data == known.spki || r.Selector == tlsa.Cert && data == known.der {
			return known.name
		}
	}
	return ""
}

// issuerAdvice is what to know of the issuer of a certificate.
func issuerAdvice(cert *x509.Certificate) string {
	if slices.Contains(cert.Issuer.Organization, "Let's Encrypt") {
		return " Let's Encrypt issues from several intermediates, and changes them without notice: a record of one of them alone breaks at a renewal."
	}
	return " CAs change their intermediates without notice, so that a record of one alone breaks at a renewal."
}
