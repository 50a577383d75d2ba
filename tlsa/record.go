package tlsa

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
)

// A Usage says what a record is about: the server's certificate or one above it,
// with or without the public certification authorities (RFC 6698 §2.1.1).
type Usage uint8

// The certificate usages (RFC 6698 §7.2, RFC 7218 §2.1).
const (
	PKIXTA Usage = 0 // a CA that the ordinary validation has to pass; not for SMTP
	PKIXEE Usage = 1 // the server's certificate, and ordinary validation; not for SMTP
	DANETA Usage = 2 // a trust anchor of the domain's own
	DANEEE Usage = 3 // the server's certificate, and nothing else
)

// String returns the acronym of RFC 7218 §2.1, such as "DANE-EE", or the number.
func (u Usage) String() string { return acronym(usages, uint8(u)) }

// A Selector says which part of a certificate a record is about (RFC 6698 §2.1.2).
type Selector uint8

// The selectors (RFC 6698 §7.3, RFC 7218 §2.2).
const (
	Cert Selector = 0 // the whole certificate
	SPKI Selector = 1 // its public key, as SubjectPublicKeyInfo
)

// String returns the acronym of RFC 7218 §2.2, such as "SPKI", or the number.
func (s Selector) String() string { return acronym(selectors, uint8(s)) }

// A Matching is a matching type: how the selected part is presented in a record
// (RFC 6698 §2.1.3).
type Matching uint8

// The matching types (RFC 6698 §7.4, RFC 7218 §2.3).
const (
	Full   Matching = 0 // as it is
	SHA256 Matching = 1 // by its SHA-256 digest
	SHA512 Matching = 2 // by its SHA-512 digest
)

// String returns the acronym of RFC 7218 §2.3, such as "SHA2-256", or the number.
func (m Matching) String() string { return acronym(matchings, uint8(m)) }

// The acronyms of RFC 7218 §2, those for private use included.
var (
	usages    = map[uint8]string{0: "PKIX-TA", 1: "PKIX-EE", 2: "DANE-TA", 3: "DANE-EE", 255: "PrivCert"}
	selectors = map[uint8]string{0: "Cert", 1: "SPKI", 255: "PrivSel"}
	matchings = map[uint8]string{0: "Full", 1: "SHA2-256", 2: "SHA2-512", 255: "PrivMatch"}
)

func acronym(names map[uint8]string, number uint8) string {
	if name, ok := names[number]; ok {
		return name
	}
	return strconv.Itoa(int(number))
}

// A Record is the data of a TLSA record (RFC 6698 §2.1).
//
// Any values can occur in DNS; Usable tells those that mean something. The zero
// Record is not usable, and matches nothing.
//
// The methods do not change Data. AppendRData, String and MarshalText copy it.
type Record struct {
	Usage    Usage
	Selector Selector
	Matching Matching
	Data     []byte // "certificate association data": what Selector selects, as Matching says
}

// maxData is what fits into the RDATA of a DNS record beside the three numbers: 65535
// octets in all (RFC 1035 §4.1.3).
const maxData = 65535 - 3

// New returns the record that a certificate matches: of a chain, the first one for
// PKIXEE and DANEEE, any other for PKIXTA and DANETA. It fails for parameters that
// are not defined, and for a certificate that was not parsed.
//
// For a domain's mail server the best choice is DANEEE, SPKI, SHA256 of the
// server's own certificate (RFC 7672 §3.1).
func New(usage Usage, selector Selector, matching Matching, cert *x509.Certificate) (Record, error) {
	part := selected(cert, selector)
	if len(part) == 0 {
		return Record{}, newError(ReasonParse, errors.New("no parsed certificate, or an unknown selector"))
	}
	return newRecord(usage, selector, matching, part)
}

// NewFromCSR returns the record, with the selector SPKI, that certificates for a
// signing request will match: it can be published before there are any.
func NewFromCSR(usage Usage, matching Matching, csr *x509.CertificateRequest) (Record, error) {
	if csr == nil || len(csr.RawSubjectPublicKeyInfo) == 0 {
		return Record{}, newError(ReasonParse, errors.New("no parsed signing request"))
	}
	return newRecord(usage, SPKI, matching, csr.RawSubjectPublicKeyInfo)
}

// NewFromKey is NewFromCSR for a public key, of a type that
// x509.MarshalPKIXPublicKey takes.
func NewFromKey(usage Usage, matching Matching, key crypto.PublicKey) (Record, error) {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	return newRecord(usage, SPKI, matching, spki)
}

func newRecord(usage Usage, selector Selector, matching Matching, part []byte) (Record, error) {
	r := Record{Usage: usage, Selector: selector, Matching: matching}
	switch matching {
	case Full:
		r.Data = bytes.Clone(part)
	case SHA256:
		sum := sha256.Sum256(part)
		r.Data = sum[:]
	case SHA512:
		sum := sha512.Sum512(part)
		r.Data = sum[:]
	}
	if err := r.Usable(PKIX); err != nil {
		return Record{}, err
	}
	return r, nil
}

// selected returns the octets of the part that a record is about, exactly as they
// came; nothing if there is no such part.
func selected(cert *x509.Certificate, selector Selector) []byte {
	switch {
	case cert == nil:
		return nil
	case selector == Cert:
		return cert.Raw
	case selector == SPKI:
		return cert.RawSubjectPublicKeyInfo
	}
	return nil
}

// ParseRData reads the RDATA of a TLSA record (RFC 6698 §2.1). Any three octets
// and more will do: an unknown usage makes a record unusable, not wrong. The
// Record keeps nothing of b.
func ParseRData(b []byte) (Record, error) {
	if len(b) < 3 || len(b) > 3+maxData {
		return Record{}, newError(ReasonParse, fmt.Errorf("RDATA of %d octets", len(b)))
	}
	return Record{Usage(b[0]), Selector(b[1]), Matching(b[2]), bytes.Clone(b[3:])}, nil
}

// AppendRData appends the record as RDATA, and is the inverse of ParseRData. More
// than 65532 octets of Data do not fit into a DNS record.
func (r Record) AppendRData(b []byte) []byte {
	return append(append(b, byte(r.Usage), byte(r.Selector), byte(r.Matching)), r.Data...)
}

// Equal reports whether the records are the same, octet for octet.
func (r Record) Equal(other Record) bool {
	return r.Usage == other.Usage && r.Selector == other.Selector &&
		r.Matching == other.Matching && bytes.Equal(r.Data, other.Data)
}
