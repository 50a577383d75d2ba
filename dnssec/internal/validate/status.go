package validate

import (
	"strconv"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A Status is how far something is proven (RFC 4035 §4.3). The statuses are ordered: that of a
// chain of steps is the minimum of the steps.
type Status uint8

// The zero Status is a failure.
const (
	Indeterminate Status = iota // no verdict was reached
	Bogus                       // the zone is signed, and the data does not prove itself
	Insecure                    // it is proven that no chain of trust leads to the data
	Secure                      // a chain of signatures leads from a trust anchor to the data
)

// A Reason says why a Status is not Secure, and where the chain ended.
type Reason struct {
	Code   Code
	Zone   string // the zone concerned, if known
	Name   string // owner of the RRset concerned
	Type   uint16 // its type
	KeyTag uint16 // of the key or signature concerned; 0 if there is no such thing
	Text   string // for a human, without the fields above

	Sig *dns.RRSIG // that does not hold, where it is for that
	Err error      // the cause of Indeterminate, if it is an error
}

// inZone adds the zone to a reason.
func inZone(zone canonical.Name, r Reason) Reason {
	r.Zone = zone.String()
	return r
}

// A Code is an extended DNS error code (RFC 8914 §4).
type Code uint16

// The codes that this package gives as reasons.
const (
	CodeOther                 Code = 0  // RFC 8914 §4.1; the text says what
	CodeUnsupportedAlgorithm  Code = 1  // RFC 8914 §4.2
	CodeUnsupportedDigest     Code = 2  // RFC 8914 §4.3
	CodeIndeterminate         Code = 5  // RFC 8914 §4.6
	CodeBogus                 Code = 6  // RFC 8914 §4.7
	CodeSignatureExpired      Code = 7  // RFC 8914 §4.8
	CodeSignatureNotYetValid  Code = 8  // RFC 8914 §4.9
	CodeDNSKEYMissing         Code = 9  // RFC 8914 §4.10
	CodeRRSIGsMissing         Code = 10 // RFC 8914 §4.11
	CodeNoZoneKeyBitSet       Code = 11 // RFC 8914 §4.12
	CodeNSECMissing           Code = 12 // RFC 8914 §4.13
	CodeNoReachableAuthority  Code = 22 // RFC 8914 §4.23
	CodeNetworkError          Code = 23 // RFC 8914 §4.24
	CodeNSEC3IterationsTooBig Code = 27 // RFC 9276 §3.2
)

var edeText = map[Code]string{
	CodeOther:                 "Other",
	CodeUnsupportedAlgorithm:  "Unsupported DNSKEY Algorithm",
	CodeUnsupportedDigest:     "Unsupported DS Digest Type",
	CodeIndeterminate:         "DNSSEC Indeterminate",
	CodeBogus:                 "DNSSEC Bogus",
	CodeSignatureExpired:      "Signature Expired",
	CodeSignatureNotYetValid:  "Signature Not Yet Valid",
	CodeDNSKEYMissing:         "DNSKEY Missing",
	CodeRRSIGsMissing:         "RRSIGs Missing",
	CodeNoZoneKeyBitSet:       "No Zone Key Bit Set",
	CodeNSECMissing:           "NSEC Missing",
	CodeNoReachableAuthority:  "No Reachable Authority",
	CodeNetworkError:          "Network Error",
	CodeNSEC3IterationsTooBig: "Unsupported NSEC3 Iterations Value",
}

// String returns the code's name in the IANA registry.
func (c Code) String() string {
	if text, ok := edeText[c]; ok {
		return text
	}
	return "EDE " + strconv.Itoa(int(c))
}
