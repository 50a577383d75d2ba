package smtpprobe

import (
	"crypto/tls"
	"errors"
	"io"
	"net/netip"
	"strings"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// What a caller may act on; each comes wrapped in an [*Error].
var (
	// ErrNoStartTLS: the server does not offer STARTTLS, at StageStartTLS.
	ErrNoStartTLS = errors.New("server does not offer STARTTLS")
	// ErrInjection: there was more in clear after the server had agreed to STARTTLS
	// (CVE-2011-0411). Either somebody on the path inserts it, or the server is
	// broken.
	ErrInjection = errors.New("plaintext after the reply to STARTTLS")
	// ErrReply: what the server sent is no SMTP reply, is too long or unclear, or came
	// unasked.
	ErrReply = errors.New("malformed reply")
	// ErrClientCertificate: the server has ended the handshake since it wants a
	// certificate of the client, or another one. At StageHandshake, also in TLS 1.3,
	// where it says so after the client is done.
	ErrClientCertificate = errors.New("server demands a certificate of the client")
)

// Causes that are the caller's mistake, found before anything is sent.
var (
	errHello      = errors.New("name for EHLO is not one word of at most 255 ASCII characters")
	errNoConn     = errors.New("the dial function has returned neither a connection nor an error")
	errServerName = errors.New("server name is not ASCII")
)

// An Error is a probe that ended before the server did what was asked. Errors of
// [Prober.Probe] are of this type. Its text is printable ASCII on one line, whatever the
// server sent.
type Error struct {
	Stage Stage          // where it ended
	Addr  netip.AddrPort // of the server; zero if what was given is no address
	Reply *Reply         // the words of the server that refused; nil if it did not
	Err   error          // the cause; see the package's documentation
}

// Error names the server, the stage and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("smtpprobe: ")
	if e.Addr.IsValid() {
		b.WriteString(e.Addr.String() + ": ")
	}
	if _, named := e.Err.(*stageError); !named {
		b.WriteString(e.Stage.String())
		if e.Err != nil || e.Reply != nil {
			b.WriteString(": ")
		}
	}
	switch {
	case e.Reply != nil:
		b.WriteString(e.Reply.String())
	case e.Err != nil:
		// Causes in crypto/tls and its hooks may quote the server's certificate.
		b.WriteString(escaped(strings.ReplaceAll(e.Err.Error(), "\n", "; ")))
	}
	return printable.Line(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refused is the error of a negative reply.
func refused(stage Stage, addr netip.AddrPort, reply Reply) *Error {
	return &Error{stage, addr, &reply, refusal(reply)}
}

// A refusal is a negative reply as a cause, so that whoever prints causes alone
// has the server's words.
type refusal Reply

func (r refusal) Error() string { return printable.Line(Reply(r).String()) }

// A stageError is a cause that names what did not come or was wrong, so that whoever
// prints causes alone says more than "deadline exceeded".
type stageError struct {
	what string
	err  error
}

func (e *stageError) Error() string { return printable.Line(e.what + ": " + e.err.Error()) }
func (e *stageError) Unwrap() error { return e.err }

// unanswered is the cause where there is no reply to a command, or none that can be
// read. What there is of it has been read.
func unanswered(stage Stage, command string, reply Reply, err error) error {
	verb, _, _ := strings.Cut(command, " ")
	what := "reply to " + verb
	switch stage {
	case StageGreeting:
		what = "greeting"
	case StageHelloTLS:
		what += " over TLS"
	}
	_, alerted := errors.AsType[tls.AlertError](err)
	switch {
	case alerted:
		return err // of the handshake, as a rule
	case errors.Is(err, ErrReply):
	case reply.Code != 0:
		what = "no end of the " + what
	case stage == StageGreeting && errors.Is(err, io.ErrUnexpectedEOF):
		what = "accepted, and closed without a greeting, as by a proxy that has no server behind it, or a server that waits for TLS"
	default:
		what = "no " + what
	}
	return &stageError{what, err}
}
