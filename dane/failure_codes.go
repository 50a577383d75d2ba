package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"syscall"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// The enhanced status codes (RFC 3463) are chosen here: 4.4.x and 4.7.x where a later attempt may
// fare better, 5.x.x where none will. A failure of DANE itself, of the signatures in the DNS or of
// the certificate, is 4.7.5; a server without STARTTLS is 4.7.4.

// A classification is the one decision on what an error means. Code, permanence and type
// come from here alone, so that they cannot contradict each other.
type classification struct {
	resultType ResultType
	code       string // enhanced status code without its class, which permanent decides
	permanent  bool
	reason     string
	known      bool
	refused    bool // it is the server's own reply that decides, whoever has said it
}

// unknownCode is that of a status of which no more is known (RFC 3463 §3.1).
const unknownCode = "0.0"

// judge classifies the error of one attempt.
func judge(err error, h *Host) classification {
	judges := []func(error, *Host) classification{byDestination, byLookup, byTLS, byStage, byReply, byConnection}
	if _, ok := errors.AsType[*messageError](err); ok {
		judges = []func(error, *Host) classification{byMessage, byConnection}
	}
	for _, by := range judges {
		if c := by(err, h); c.code != "" {
			c.known = true
			return c
		}
	}
	// Nothing is known of the cause. An Error is a host or a destination all the
	// same that was not delivered to, and may be another time.
	_, own := errors.AsType[*Error](err)
	return classification{code: unknownCode, known: own}
}

// byDestination judges what no server has to be asked for.
func byDestination(err error, _ *Host) classification {
	c := classification{}
	switch {
	case errors.Is(err, ErrNullMX):
		c.code, c.permanent = "1.10", permanent(err) // RFC 7505 §4.1
	case errors.Is(err, ErrNoDomain), errors.Is(err, ErrName) && permanent(err):
		c.code, c.permanent = "1.2", permanent(err) // RFC 3463 §3.2: bad destination system address
	case errors.Is(err, ErrNotDANE):
		c.resultType, c.code, c.reason = DANERequired, "7.5", "no DANE"
	case errors.Is(err, ErrNotListed):
		c.resultType, c.code, c.reason = ValidationFailure, "7.5", ErrNotListed.Error()
	case errors.Is(err, ErrNoAddress), errors.Is(err, ErrRefusedAddress), errors.Is(err, ErrName), errors.Is(err, ErrSkipped):
		c.code = "4.4" // RFC 3463 §3.5: unable to route
	}
	return c
}

// byLookup judges a failed lookup.
func byLookup(err error, _ *Host) classification {
	lookup, ok := errors.AsType[*dnssec.Error](err)
	if !ok {
		if _, ok := errors.AsType[*net.DNSError](err); ok || errors.Is(err, ErrLookup) || errors.Is(err, ErrNoResolver) {
			return classification{code: "4.3"}
		}
		return classification{}
	}
	c := classification{code: "4.3"} // RFC 3463 §3.5: directory server failure
	if lookup.Reason.Code != dnssec.EDEOther {
		c.reason = lookup.Reason.Code.String() // RFC 8914
	}
	// RFC 8460 §4.3.2.1: no valid records came. Of a silence it is known that there should
	// have been some where the question was for TLSA: it is asked only below a name that has
	// just been proven to be in a signed zone (RFC 7672 §2.2.2).
	blocked := lookup.Type == dns.TypeTLSA && !errors.Is(err, context.Canceled) && !incapable(err)
	if lookup.Status == dnssec.Bogus || blocked {
		c.resultType, c.code = DNSSECInvalid, "7.5"
	}
	return c
}

// byTLS judges what an error of a handshake says by itself, whichever client made it.
func byTLS(err error, _ *Host) classification {
	_, verified := errors.AsType[*tlsa.Error](err)
	quoted := quotesServer(err)
	if match, ok := tlsa.HandshakeError(err); ok && (verified || !quoted) {
		return classification{resultType: certificateFailure(match), code: "7.5", reason: cmp.Or(tlsa.HandshakeReason(err), match.Reason.String())}
	}
	if errors.Is(err, ErrWeakTLS) {
		return classification{resultType: ValidationFailure, code: "7.5", reason: ErrWeakTLS.Error()}
	}
	if failure, reason := publicFailure(err); failure != "" {
		return classification{resultType: failure, code: "7.5", reason: reason}
	}
	if errors.Is(err, smtpprobe.ErrNoStartTLS) || errors.Is(err, ErrNoTLS) || !quoted && saysNoStartTLS(err) {
		return classification{resultType: STARTTLSNotSupported, code: "7.4"} // RFC 3463 §3.8
	}
	return classification{}
}

// byStage judges an error of smtpprobe by where it happened.
func byStage(err error, _ *Host) classification {
	probe, ok := errors.AsType[*smtpprobe.Error](err)
	if !ok || errors.Is(err, context.Canceled) {
		return classification{}
	}
	switch probe.Stage {
	case smtpprobe.StageDial:
		return classification{code: "4.1"} // RFC 3463 §3.5: no answer from host
	case smtpprobe.StageStartTLS:
		return startTLSFailure(probe)
	case smtpprobe.StageHandshake:
		if _, _, replied := replyOf(probe); replied {
			return startTLSFailure(probe) // a client that does both in one call
		}
		return classification{resultType: ValidationFailure, code: "7.5", reason: tlsa.HandshakeReason(err)}
	}
	code, text, replied := replyOf(probe)
	if !replied {
		return classification{code: "4.2"} // RFC 3463 §3.5: bad connection
	}
	return refusal(code, text)
}

// startTLSFailure judges what came of the command STARTTLS, which the server had offered.
func startTLSFailure(probe *smtpprobe.Error) classification {
	code, text, replied := replyOf(probe)
	switch {
	case replied && code == 421: // RFC 5321 §3.8: the connection ends
		return refusal(code, text)
	case replied, errors.Is(probe, smtpprobe.ErrInjection):
		return classification{resultType: STARTTLSNotSupported, code: "7.4"}
	}
	return classification{resultType: ValidationFailure, code: "7.5", reason: "no proper reply to STARTTLS"}
}

// byReply judges the refusal that an SMTP client has returned.
func byReply(err error, _ *Host) classification {
	code, text, ok := replyIn(err)
	switch {
	case !ok:
		return classification{}
	case code == 454 && isAboutTLS(text), code == 502:
		// RFC 3207 §4, RFC 5321 §4.2.4: TLS is not available, or the command is not
		// implemented. Every other command of a delivery is one that all servers have.
		return classification{resultType: STARTTLSNotSupported, code: "7.4"}
	}
	return refusal(code, text)
}

// byMessage judges what a server said to a message. What had to be done about TLS was done
// before, so that nothing that it says is about that.
func byMessage(err error, _ *Host) classification {
	if message, ok := errors.AsType[*messageError](err); ok {
		if errors.Is(message.err, errStartTLS) {
			return classification{code: "3.5"} // RFC 3463 §3.4: system incorrectly configured
		}
		if code, text, replied := replyIn(message.err); replied {
			return refusal(code, text)
		}
	}
	return classification{}
}

// byConnection judges what the network did.
func byConnection(err error, _ *Host) classification {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return classification{code: "4.1"} // RFC 3463 §3.5: no answer from host
	}
	_, network := errors.AsType[net.Error](err)
	_, probed := errors.AsType[*smtpprobe.Error](err)
	_, garbled := errors.AsType[textproto.ProtocolError](err)
	_, system := errors.AsType[syscall.Errno](err)
	for _, broken := range []error{context.DeadlineExceeded, context.Canceled, os.ErrDeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, io.ErrClosedPipe} {
		network = network || errors.Is(err, broken)
	}
	if network || probed || garbled || system || errors.Is(err, smtpprobe.ErrReply) {
		return classification{code: "4.2"} // RFC 3463 §3.5: bad connection
	}
	return classification{}
}

func certificateFailure(err *tlsa.Error) ResultType {
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

// publicFailure is the type and the reason of what crypto/tls and crypto/x509 say; empty
// for errors of others.
func publicFailure(err error) (ResultType, string) {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return CertificateHostMismatch, "certificate is for other names"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return CertificateNotTrusted, "certificate of an unknown authority"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return CertificateExpired, "certificate has expired, or is not valid yet"
		}
		return ValidationFailure, "certificate is not valid"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return ValidationFailure, "certificate is not valid"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return ValidationFailure, tlsa.HandshakeReason(err)
	}
	if errors.Is(err, smtpprobe.ErrClientCertificate) {
		return ValidationFailure, smtpprobe.ErrClientCertificate.Error()
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return ValidationFailure, tlsa.HandshakeReason(err)
	}
	// An alert that smtpprobe did not see. crypto/tls has a type for it that is not exported.
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil {
		switch text := strings.TrimPrefix(e.Err.Error(), "tls: "); e.Op {
		case "remote error":
			return ValidationFailure, tlsa.HandshakeReason(err)
		case "local error":
			return ValidationFailure, text
		}
	}
	for at := err; at != nil; at = errors.Unwrap(at) {
		// Errors of crypto/tls without a type; their texts name no names.
		if text, ok := strings.CutPrefix(at.Error(), "tls: "); ok && text != "protocol is shutdown" {
			return ValidationFailure, cmp.Or(tlsa.HandshakeReason(err), printable.Line(text))
		}
	}
	return "", ""
}

// refusal classifies a server's negative reply: by the enhanced status code at its
// beginning (RFC 2034 §4), or else by its first digit alone.
func refusal(code int, text string) classification {
	c := classification{code: unknownCode, permanent: code >= 500, refused: true}
	class, detail, ok := enhancedCode(text)
	if ok && class == code/100 {
		c.code = detail
	}
	return c
}
