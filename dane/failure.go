package dane

import (
	"cmp"
	"errors"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/localfault"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A Failure is what an error means to a queue, a log and a TLS report.
type Failure struct {
	// ResultType is that of RFC 8460 §4.3; empty for failures that TLS reports do not
	// count, such as a refused connection or a mailbox that does not exist.
	ResultType ResultType
	// Code is the enhanced status code (RFC 3463, RFC 7505 §4.1), "4.7.5" above all; that
	// of the server's reply, if it was one that failed. It begins with 5 exactly if
	// Permanent.
	Code string
	// Permanent: the message bounces. Otherwise it stays queued (RFC 7672 §2.2).
	Permanent bool
	// Reason is the failure-reason-code of a TLS report (RFC 8460 §4.4): the cause in a
	// few words without names or addresses, as far as it is known.
	Reason string
	// Text is the cause for a human, on one line of printable ASCII.
	Text string
	// Local: it is a lack of the sender's own machine, and says nothing about the
	// destination: no file descriptor, buffer or memory, no route or no address of the
	// family, or the context was cancelled.
	Local bool
}

// Classify says what the error of a delivery attempt to the host means: [Host.Err], that of
// STARTTLS or of a handshake with [Host.TLSConfig], one of package smtpprobe, or any that an
// SMTP client has returned. A nil error has the zero [Failure].
//
// Only what says by itself that TLS has failed has a [ResultType] (RFC 8460 §4.3). An error that
// does not tell where it comes from, such as io.EOF, is a broken connection, even if it
// broke in the handshake. A refusal by the server has the server's code: as
// *textproto.Error of net/smtp, and as the errors of go-smtp and go-mail. It is permanent
// if the server says so, but never where the host has to be authenticated: an error does not tell
// whether it has been, and anybody on the path can say no. Host.DeliveryError is told, and
// Connect knows. A sender that knows the stage wraps the errors of its SMTP client in a
// *smtpprobe.Error.
//
// Of errors that are joined (errors.Join), one temporary failure makes all temporary.
func (h *Host) Classify(err error) Failure { return classify(err, h, false) }

// Classify says what an error of this package means: of LookupMX, of a Host that is skipped,
// of Connect or of Conn.MessageError, and of any of them that are joined (errors.Join). A nil
// error has the zero Failure. One temporary failure makes all temporary. For other errors of
// a delivery see Host.Classify.
func Classify(err error) Failure { return classify(err, nil, false) }

// classify says what an error means of a host, or with a nil host of a destination. Verified:
// the host was authenticated as it demands, and the error came after that.
func classify(err error, h *Host, verified bool) Failure {
	if err == nil {
		return Failure{}
	}
	if kept, ok := errors.AsType[*recordedError](err); ok {
		return kept.failure
	}
	parts := errorParts(err, h)
	for i := range parts {
		parts[i].verified = parts[i].verified || verified
	}
	c := parts[0].judge()
	for _, part := range parts[1:] {
		// An unknown error says nothing: it may be a wrapper's own words.
		if next := part.judge(); !c.known || next.known && c.permanent && !next.permanent {
			c = next
		}
	}
	out := Failure{ResultType: c.resultType, Code: "4." + c.code, Reason: c.reason, Text: printable.Line(err.Error()), Local: localfault.Is(err)}
	out.setPermanent(c.permanent)
	return out
}

func (r *Failure) setPermanent(permanent bool) {
	class := "4"
	if permanent {
		class = "5"
	}
	r.Permanent, r.Code = permanent, class+r.Code[1:]
}

// An errorPart is one of the errors that are joined in one, with its own wrappers.
type errorPart struct {
	err       error
	host      *Host // that it is about; nil if it is a destination
	temporary bool  // whatever it is: there is more that has not been tried
	verified  bool  // the host was authenticated as it demands before it was said
	declared  bool  // to be permanent, by whoever made it
}

func (p errorPart) judge() classification {
	c := judge(p.err, p.host)
	if p.declared && c.code == unknownCode && !c.refused {
		c.permanent, c.known = true, true
	}
	c.permanent = c.permanent && !p.temporary && (!c.refused || p.believed())
	return c
}

// believed reports whether a reply may make a message bounce. Where the server had to be
// authenticated, and nothing says that it was, nobody knows who has spoken: who can make mail
// bounce need not break DANE. RFC 7672 §2.2: delivery is delayed.
func (p errorPart) believed() bool {
	_, message := errors.AsType[*messageError](p.err)
	return message || p.verified || p.host == nil || p.host.Action != MustAuthenticate
}

// errorParts returns the errors that are joined in one; the error itself if it is about one
// thing only. The host is that of errors that do not say which they are about.
func errorParts(err error, h *Host) (parts []errorPart) {
	for at := err; at != nil; {
		switch e := at.(type) {
		case *Error:
			for _, a := range e.Attempts {
				parts = append(parts, errorPart{err: a.Err, host: e.host, temporary: e.untried || e.host == nil && !e.Permanent, verified: a.verified(e.host)})
			}
			if len(parts) > 0 {
				return parts
			}
			return []errorPart{{
				err: err, host: cmp.Or(e.host, h), verified: e.verified,
				temporary: !e.Permanent, declared: e.Permanent && e.host == nil,
			}} // below it are causes, not attempts
		case *dnssec.Error, *smtpprobe.Error:
			return []errorPart{{err: err, host: h}}
		case interface{ Unwrap() error }:
			at = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, part := range e.Unwrap() {
				parts = append(parts, errorParts(part, h)...)
			}
			if len(parts) > 0 {
				return parts
			}
			at = nil
		default:
			at = nil
		}
	}
	return []errorPart{{err: err, host: h}}
}

// A recordedError is what is left of an error in JSON.
type recordedError struct {
	failure Failure
	stage   smtpprobe.Stage // of an attempt, if that is known
	staged  bool
}

func (e *recordedError) Error() string { return e.failure.Text }

// recorded returns the error that a failure was, nil for the zero Failure. Its words are made
// printable for logs and reports, whoever wrote the JSON.
func recorded(failure Failure) error {
	if failure.Text == "" {
		return nil
	}
	failure.Permanent = strings.HasPrefix(failure.Code, "5") // nothing else says so
	failure.ResultType = ResultType(printable.Line(string(failure.ResultType)))
	failure.Code, failure.Reason, failure.Text = printable.Line(failure.Code), printable.Line(failure.Reason), printable.Line(failure.Text)
	return &recordedError{failure: failure}
}
