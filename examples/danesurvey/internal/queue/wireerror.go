package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A wireError is an *smtpprobe.Error that can be sent: its text, and those of its causes that
// somebody acts on.
type wireError struct {
	Stage smtpprobe.Stage  `json:"stage"`
	Reply *smtpprobe.Reply `json:"reply,omitempty"`
	// Text is all of it, and Causes are those of its cause, of the cause of that, and so on.
	Text   string   `json:"text"`
	Causes []string `json:"causes,omitempty"`
	// Is are the names of errors that it wraps, Alert and Garbled those of TLS.
	Is      []string `json:"is,omitempty"`
	Alert   *uint8   `json:"alert,omitempty"`
	Garbled string   `json:"garbled,omitempty"`
	Op      string   `json:"op,omitempty"` // of a net.OpError, and the text of its cause
	OpText  string   `json:"op_text,omitempty"`
	Local   bool     `json:"local,omitempty"`
	Timeout bool     `json:"timeout,omitempty"`
}

// causes are the errors that callers of smtpprobe act on, by name.
var causes = []struct {
	name string
	err  error
}{
	{"no-starttls", smtpprobe.ErrNoStartTLS}, {"injection", smtpprobe.ErrInjection}, {"reply", smtpprobe.ErrReply},
	{"client-certificate", smtpprobe.ErrClientCertificate},
	{"eof", io.EOF}, {"unexpected-eof", io.ErrUnexpectedEOF}, {"closed", net.ErrClosed},
	{"deadline", os.ErrDeadlineExceeded}, {"context-deadline", context.DeadlineExceeded}, {"cancelled", context.Canceled},
	{"ECONNREFUSED", syscall.ECONNREFUSED}, {"ECONNRESET", syscall.ECONNRESET}, {"ECONNABORTED", syscall.ECONNABORTED},
	{"EPIPE", syscall.EPIPE}, {"ETIMEDOUT", syscall.ETIMEDOUT}, {"EHOSTUNREACH", syscall.EHOSTUNREACH},
	{"ENETUNREACH", syscall.ENETUNREACH}, {"ENETDOWN", syscall.ENETDOWN}, {"EADDRNOTAVAIL", syscall.EADDRNOTAVAIL},
	{"EAFNOSUPPORT", syscall.EAFNOSUPPORT}, {"EMFILE", syscall.EMFILE}, {"ENFILE", syscall.ENFILE},
	{"ENOBUFS", syscall.ENOBUFS}, {"ENOMEM", syscall.ENOMEM}, {"EACCES", syscall.EACCES}, {"EPERM", syscall.EPERM},
}

func errorOf(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Text: err.Error()}
	cause := err
	if e, ok := errors.AsType[*smtpprobe.Error](err); ok {
		w.Stage, w.Reply, w.Local = e.Stage, e.Reply, e.Local()
		cause = e.Err
	}
	for ; cause != nil && len(w.Causes) < maxCauses; cause = errors.Unwrap(cause) {
		w.Causes = append(w.Causes, cause.Error())
	}
	for _, c := range causes {
		if errors.Is(err, c.err) {
			w.Is = append(w.Is, c.name)
		}
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		w.Alert = (*uint8)(&alert)
	}
	if garbled, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		w.Garbled = garbled.Msg
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		w.Op = op.Op
		if op.Err != nil {
			w.OpText = op.Err.Error()
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok {
		w.Timeout = timeout.Timeout()
	}
	return w
}

// err is the inverse of errorOf.
func (w *wireError) err(addr netip.AddrPort) error {
	if w == nil {
		return nil
	}
	var is []error
	for _, c := range causes {
		for _, name := range w.Is {
			if name == c.name && (w.Local || !noRoute(c.err)) {
				is = append(is, c.err)
			}
		}
	}
	if w.Alert != nil {
		is = append(is, tls.AlertError(*w.Alert))
	}
	if w.Garbled != "" {
		is = append(is, tls.RecordHeaderError{Msg: w.Garbled})
	}
	if w.Op != "" {
		is = append(is, &net.OpError{Op: w.Op, Net: "tcp", Err: errors.New(w.OpText)})
	}
	if w.Local && slices.Contains(w.Is, "EHOSTUNREACH") {
		is = append(is, syscall.ENETUNREACH) // it is this machine that has no route
	}
	var cause error = &sentErrors{sentError{last(w.Causes), w.Timeout}, is}
	for i := len(w.Causes) - 2; i >= 0; i-- {
		cause = &wrappingError{sentError{w.Causes[i], w.Timeout}, cause}
	}
	e := &smtpprobe.Error{Stage: w.Stage, Addr: addr, Reply: w.Reply, Err: cause}
	if e.Error() == w.Text {
		return e
	}
	return &saidError{w.Text, e}
}

// noRoute reports whether an error could be this machine's or that of a router on the way. The
// one who had it knows which.
func noRoute(err error) bool { return err == syscall.ENETUNREACH || err == syscall.EHOSTUNREACH }

// maxCauses bounds the texts that are sent.
const maxCauses = 8

func last(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1]
}

// A sentError is a cause in another process.
type sentError struct {
	text    string
	timeout bool
}

func (e *sentError) Error() string { return e.text }

// Timeout makes a net.Error of it, as its cause was if it is one of time.
func (e *sentError) Timeout() bool   { return e.timeout }
func (e *sentError) Temporary() bool { return e.timeout }

// A wrappingError has a cause, and sentErrors is the last one, with all that callers look for.
type (
	wrappingError struct {
		sentError
		cause error
	}
	sentErrors struct {
		sentError
		is []error
	}
)

func (e *wrappingError) Unwrap() error { return e.cause }
func (e *sentErrors) Unwrap() []error  { return e.is }

// A saidError is an error whose text is not made of its cause's in the common way.
type saidError struct {
	text string
	err  *smtpprobe.Error
}

func (e *saidError) Error() string { return strings.ReplaceAll(e.text, "\n", " ") }
func (e *saidError) Unwrap() error { return e.err }
