package tlsa

import (
	"crypto/x509"
	"time"
)

// A Verifier authenticates a server by TLSA records. The zero Verifier accepts
// nobody, and neither does one without a usable record. It may be copied; it
// is safe for concurrent use as long as nobody changes its fields.
type Verifier struct {
	// Records of the server. They must have been authenticated, by DNSSEC: whoever
	// can forge a record decides who is accepted. Those not usable are ignored (RFC
	// 7672 §3.1.3).
	Records []Record

	// Names are the reference identifiers: the host names, one of which the server's
	// certificate must be for (RFC 7672 §3.2.2). The first is the TLSA base domain,
	// which is sent as SNI. Case and one dot at the end do not matter.
	//
	// No server is accepted for a name that is not a host name: with blanks, with
	// letters outside of ASCII (U-labels; use A-labels), with a wildcard, or empty. An
	// empty name is passed over, so that the first of the others is sent as SNI. Other
	// names of that kind are not sent, and neither is any in their place. Beside good
	// names they do no harm.
	//
	// To DANEEE records names do not matter (RFC 7672 §3.1.1): they match without any
	// name, and beside those that are not host names.
	Names []string

	// Time returns the instant at which certificates have to be valid. Nil, or a
	// zero instant, means time.Now. DANEEE records ignore validity (RFC 7672 §3.1.1).
	Time func() time.Time

	// Application says which usages count. The zero value is SMTP.
	Application Application

	// DigestOrder is for digest agility (RFC 7671 §9): it has the matching types SHA256 and
	// SHA512, strongest first. Of the usable records with the same usage and selector,
	// only those with the strongest digest among them count. A digest that is not listed
	// comes after the others. Nil means SHA512, SHA256.
	DigestOrder []Matching

	// Roots are the certification authorities for the usages PKIXTA and PKIXEE. Nil
	// means the system's. They are never used for the other usages, and so never
	// for SMTP.
	Roots *x509.CertPool
}

// A Match says how a chain satisfies the records. [Verifier.Verify] returns it.
type Match struct {
	Record Record // the record that matched
	Index  int    // its place in Verifier.Records

	// Depth of the certificate that matched in the path from the server's own, which
	// has depth 0, to the trust anchor. It is a place in the presented chain only if
	// that is in order. For a public key that no certificate in the chain has, it is
	// the depth of the certificate that the key has signed.
	Depth int

	// Name is the one of Verifier.Names that the certificate is for, without a dot at
	// the end. It is empty for DANEEE, where names are not looked at.
	Name string
}

// maxChain is how many presented certificates are looked at; real chains have up
// to five. crypto/tls takes 256 KB of them, which are hundreds.
const maxChain = 32

// now reads the clock.
func (v *Verifier) now() time.Time {
	if v.Time != nil {
		if now := v.Time(); !now.IsZero() {
			return now
		}
	}
	return time.Now()
}
