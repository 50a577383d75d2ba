package dnssec

import "github.com/danesmtp/danesmtp/dnssec/internal/validate"

// An EDE is an extended DNS error code (RFC 8914 §4).
type EDE uint16

// The codes that this package gives as reasons.
const (
	EDEOther                 EDE = 0  // RFC 8914 §4.1; the text says what
	EDEUnsupportedAlgorithm  EDE = 1  // RFC 8914 §4.2
	EDEUnsupportedDigest     EDE = 2  // RFC 8914 §4.3
	EDEIndeterminate         EDE = 5  // RFC 8914 §4.6
	EDEBogus                 EDE = 6  // RFC 8914 §4.7
	EDESignatureExpired      EDE = 7  // RFC 8914 §4.8
	EDESignatureNotYetValid  EDE = 8  // RFC 8914 §4.9
	EDEDNSKEYMissing         EDE = 9  // RFC 8914 §4.10
	EDERRSIGsMissing         EDE = 10 // RFC 8914 §4.11
	EDENoZoneKeyBitSet       EDE = 11 // RFC 8914 §4.12
	EDENSECMissing           EDE = 12 // RFC 8914 §4.13
	EDENoReachableAuthority  EDE = 22 // RFC 8914 §4.23
	EDENetworkError          EDE = 23 // RFC 8914 §4.24
	EDENSEC3IterationsTooBig EDE = 27 // RFC 9276 §3.2
)

// String returns the code's name in the IANA registry.
func (c EDE) String() string { return validate.Code(c).String() }
