package tlsa

import "github.com/danesmtp/danesmtp/internal/printable"

// A Reason is the kind of an [Error]. The greater of two is about a server that was
// nearer to being authenticated; of several failures, [Verifier.Verify] returns the
// greatest.
type Reason uint8

const (
	// ReasonNoUsableRecord: there are no records, or none of them is usable.
	ReasonNoUsableRecord Reason = iota + 1
	// ReasonUnusable: the record is not usable. Of single records only.
	ReasonUnusable
	// ReasonNoCertificate: the server has shown no certificate (RFC 7672 §8.2).
	ReasonNoCertificate
	// ReasonRefused: crypto/tls does not accept a certificate of the server at all. Of
	// HandshakeError only.
	ReasonRefused
	// ReasonWeakerDigest: another record with a stronger digest counts instead (RFC
	// 7671 §9). Of single records only.
	ReasonWeakerDigest
	// ReasonMismatch: no certificate of the chain matches a record.
	ReasonMismatch
	// ReasonLimit: the record, or its trust anchor, was not judged, since others had
	// cost enough.
	ReasonLimit
	// ReasonParse: what would have to be read cannot be: a record, or the certificate
	// or key in it.
	ReasonParse
	// ReasonNoPath: there is a trust anchor, but no chain of signatures to it.
	ReasonNoPath
	// ReasonConstraint: there is a chain of signatures, but a certificate in it
	// forbids it: not a CA, path length, name constraints, key usage, extended key usage.
	ReasonConstraint
	// ReasonNotYetValid: a certificate of the chain is not valid yet.
	ReasonNotYetValid
	// ReasonExpired: a certificate of the chain has expired.
	ReasonExpired
	// ReasonBadName: there is a valid path, but none of Verifier.Names is a host name in
	// ASCII.
	ReasonBadName
	// ReasonName: the certificate is not for any of the names.
	ReasonName
	// ReasonPlan: a rollover cannot be planned. Of Verifier.Plan only.
	ReasonPlan
)

var reasons = [...]string{
	ReasonBadName:        "not a host name",
	ReasonNoUsableRecord: "no usable record",
	ReasonUnusable:       "not usable",
	ReasonNoCertificate:  "no certificate",
	ReasonRefused:        "crypto/tls refuses the certificate",
	ReasonWeakerDigest:   "suppressed by a stronger digest",
	ReasonLimit:          "not judged, others cost too much",
	ReasonMismatch:       "no certificate matches",
	ReasonParse:          "not readable",
	ReasonNoPath:         "no path to the trust anchor",
	ReasonConstraint:     "forbidden by a constraint",
	ReasonNotYetValid:    "certificate is not valid yet",
	ReasonExpired:        "certificate has expired",
	ReasonName:           "certificate is for other names",
	ReasonPlan:           "no plan",
}

// String returns the reason in a few words.
func (r Reason) String() string {
	if int(r) < len(reasons) && reasons[r] != "" {
		return reasons[r]
	}
	return "unknown reason"
}

// An Error says why a chain was not accepted, or why a record is not usable or
// does not parse. All errors of this package are of type [*Error].
type Error struct {
	Reason Reason
	Record *Record // the record concerned; nil if it is not about one
	Depth  int     // of the certificate that Record matched, as in Match; -1 if none
	Err    error   // the cause, if there is more to say: often an error of crypto/x509
}

func newError(reason Reason, cause error) *Error {
	return &Error{Reason: reason, Depth: -1, Err: cause}
}

// about sets the record that the error is about, as a copy.
func (e *Error) about(r Record, depth int) *Error {
	e.Record, e.Depth = &r, depth
	return e
}

// Error names the reason, the record by its first octets, and the cause, on one line of
// printable ASCII.
func (e *Error) Error() string {
	s := "tlsa: "
	if e.Record != nil {
		s += e.Record.short() + ": "
	}
	s += e.Reason.String()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return printable.Line(s) // certificates have a say in the cause
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// furthest returns the failure that tells more, and the first of two that tell as
// much.
func furthest(a, b *Error) *Error {
	if b.Reason > a.Reason {
		return b
	}
	return a
}
