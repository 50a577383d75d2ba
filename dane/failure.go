package dane

import (
	"context"
	"crypto/x509"
	"errors"
	"net/textproto"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A FailureType is a result type of an SMTP TLS report (RFC 8460 §4.3).
type FailureType string

// The result types that a delivery by DANE can have.
const (
	STARTTLSNotSupported    FailureType = "starttls-not-supported"    // RFC 8460 §4.3.1
	CertificateHostMismatch FailureType = "certificate-host-mismatch" // RFC 8460 §4.3.1
	CertificateExpired      FailureType = "certificate-expired"       // RFC 8460 §4.3.1
	CertificateNotTrusted   FailureType = "certificate-not-trusted"   // RFC 8460 §4.3.1
	ValidationFailure       FailureType = "validation-failure"        // RFC 8460 §4.3.1
	TLSAInvalid             FailureType = "tlsa-invalid"              // RFC 8460 §4.3.2.1
	DNSSECInvalid           FailureType = "dnssec-invalid"            // RFC 8460 §4.3.2.1
	DANERequired            FailureType = "dane-required"             // RFC 8460 §4.3.2.1
)

// A FailureReport says how a failure is called in logs and reports.
type FailureReport struct {
	// Type is the RFC 8460 result type; empty for failures that TLS reports do not
	// count, such as a refused connection.
	Type FailureType
	// Code is the enhanced status code (RFC 3463, RFC 7505 §4.1), "4.7.5" above all.
	Code string
	// Permanent: the message bounces. Otherwise it stays queued (RFC 7672 §2.2).
	Permanent bool
	// Reason is the failure-reason-code of a TLS report (RFC 8460 §4.4): the cause in a
	// few words without names or addresses, as far as it is known.
	Reason string
	// Text is the cause for a human.
	Text string
}

// Failure classifies the error of a delivery attempt to the host: Host.Err, that
// of STARTTLS or of a handshake with Host.TLSConfig, or of package smtpprobe. A nil error has the
// zero report.
func (h *Host) Failure(err error) FailureReport { return classify(err) }

// Failure classifies Result.Err.
func (r *Result) Failure() FailureReport { return classify(r.Err) }

func classify(err error) FailureReport {
	if err == nil {
		return FailureReport{}
	}
	if kept, ok := errors.AsType[*recordedError](err); ok {
		return kept.report
	}
	report := FailureReport{Permanent: permanent(err), Text: err.Error()}
	probe, probed := errors.AsType[*smtpprobe.Error](err)
	match, matched := tlsa.HandshakeError(err)
	lookup, lookedUp := errors.AsType[*dnssec.Error](err)
	switch {
	case errors.Is(err, ErrNullMX):
		report.Code = "5.1.10" // RFC 7505 §4.1
	case errors.Is(err, ErrNoDomain), errors.Is(err, ErrName) && report.Permanent:
		report.Code = "5.1.2" // RFC 3463 §3.2: bad destination system address
	case errors.Is(err, ErrNotDANE):
		report.Type, report.Code, report.Reason = DANERequired, "4.7.5", "no DANE"
	case lookedUp:
		report.Code = "4.4.3" // RFC 3463 §3.5: directory server failure
		if lookup.Reason.Code != dnssec.EDEOther {
			report.Reason = lookup.Reason.Code.String() // RFC 8914
		}
		if lookup.Status == dnssec.Bogus {
			report.Type, report.Code = DNSSECInvalid, "4.7.5"
		}
	case matched:
		report.Type, report.Code = certificateFailure(match), "4.7.5"
		report.Reason = match.Reason.String()
	case errors.Is(err, smtpprobe.ErrNoStartTLS):
		report.Type, report.Code = STARTTLSNotSupported, "4.7.4" // RFC 3463 §3.8
	case probed && probe.Stage == smtpprobe.StageStartTLS, refusedTLS(err):
		report.Type, report.Code = STARTTLSNotSupported, "4.7.4"
	case probed && probe.Stage == smtpprobe.StageHandshake && !errors.Is(err, context.Canceled):
		report.Type, report.Code = publicFailure(err), "4.7.5"
	case errors.Is(err, ErrNoAddress), errors.Is(err, ErrRefusedAddress), errors.Is(err, ErrName):
		report.Code = "4.4.4" // RFC 3463 §3.5: unable to route
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), probed:
		report.Code = "4.4.2" // RFC 3463 §3.5: bad connection
		if probed && probe.Stage == smtpprobe.StageDial {
			report.Code = "4.4.1" // RFC 3463 §3.5: no answer from host
		}
	default:
		// A handshake that was not smtpprobe's: the error of the MTA's own client.
		report.Type, report.Code = publicFailure(err), "4.7.5"
	}
	return report
}

// refusedTLS reports whether net/smtp was told that TLS is not available (RFC 3207
// §4).
func refusedTLS(err error) bool {
	reply, ok := errors.AsType[*textproto.Error](err)
	return ok && reply.Code == 454
}

func certificateFailure(err *tlsa.Error) FailureType {
	switch err.Reason {
	case tlsa.ReasonName:
		return CertificateHostMismatch
	case tlsa.ReasonExpired:
		return CertificateExpired
	case tlsa.ReasonNoUsableRecord:
		return TLSAInvalid
	case tlsa.ReasonMismatch, tlsa.ReasonNoPath, tlsa.ReasonNotYetValid, tlsa.ReasonConstraint:
		return CertificateNotTrusted
	}
	return ValidationFailure
}

// publicFailure is the type for a handshake without DANE.
func publicFailure(err error) FailureType {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return CertificateHostMismatch
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return CertificateNotTrusted
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return CertificateExpired
	}
	return ValidationFailure
}

func permanent(err error) bool {
	if kept, ok := errors.AsType[*recordedError](err); ok {
		return kept.report.Permanent
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.Permanent
}
