package tlsa

import (
	"bytes"
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
// Any values can occur in DNS; [Record.Usable] tells those that mean something. The zero
// Record is not usable, and matches nothing.
//
// The methods do not change Data, and keep nothing of it in what they return.
type Record struct {
	Usage    Usage
	Selector Selector
	Matching Matching
	Data     []byte // "certificate association data": what Selector selects, as Matching says
}

// maxData is what fits into the RDATA of a DNS record beside the three numbers: 65535
// octets in all (RFC 1035 §4.1.3).
const maxData = 65535 - 3

// AppendRData appends the record as RDATA, and is the inverse of [ParseRData]. More
// than 65532 octets of Data do not fit into a DNS record.
func (r Record) AppendRData(b []byte) []byte {
	return append(append(b, byte(r.Usage), byte(r.Selector), byte(r.Matching)), r.Data...)
}

// Equal reports whether the records are the same, octet for octet.
func (r Record) Equal(other Record) bool {
	return r.Usage == other.Usage && r.Selector == other.Selector &&
		r.Matching == other.Matching && bytes.Equal(r.Data, other.Data)
}
