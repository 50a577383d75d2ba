package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A Conn is a connection to a mail server that is ready for an SMTP client, made by
// Verifier.Connect. It is a net.Conn of which the server's greeting is read first, once more,
// as clients expect it; then comes what the server says. If it is encrypted, the client need
// not know: it begins with EHLO, and must not start TLS. For those that do where they can,
// there is no STARTTLS in what the server announces.
//
//	client, err := smtp.NewClient(conn, conn.Host.Name) // net/smtp; do not call StartTLS
//	client := smtp.NewClient(conn)                      // go-smtp; not NewClientStartTLS
//	mail.WithDialContextFunc(…), mail.WithTLSPolicy(mail.NoTLS), mail.WithTimeout(10*time.Minute) // go-mail
//
// A client that gives up before the server has replied to the message sends it twice. Its deadline
// must be ten minutes or more after the dot that ends a message (RFC 5321 §4.5.3.2.6); that of
// go-mail is 15 seconds for all, unless WithTimeout says otherwise.
//
// It must be closed; the zero Conn is. A client that sets no deadlines waits ten minutes at most
// for each line that the server has to say, the longest time of RFC 5321 §4.5.3.2, and an hour for
// all of them; and a server that talks without end ends the connection. The reply to QUIT is waited
// for five seconds at most, whatever deadline the client has set: the message is delivered.
type Conn struct {
	// Host is what was done: that which was given to Connect, or its Fallback.
	Host *Host
	// Attempt is the connection: address, what was said, whether the server has been
	// authenticated, and by which TLSA record.
	Attempt Attempt
	// Failed are the connections to addresses before it.
	Failed []Attempt

	live *smtpprobe.Conn // nil in the zero Conn
	stop func() bool     // of the context's watch

	mu              sync.Mutex
	readBy, writeBy time.Time // the client's own deadlines; zero if it has set none
	answerBy        time.Time // for all that the server says to what was written last; zero until it is waited for
	ended           error     // of the context
	broken          error     // what was last returned to the client
	heard           bool      // the server has said something since the last write
	quitBy          time.Time // for the reply to QUIT, if that was written last
	startedTLS      bool      // the client has said STARTTLS, and not gone on after that
}

var _ net.Conn = (*Conn)(nil)

// server is the connection, and a closed one for the zero Conn.
func (c *Conn) server() *smtpprobe.Conn {
	if c.live == nil {
		return new(smtpprobe.Conn)
	}
	return c.live
}

// host is the Host, and the zero Host for the zero Conn.
func (c *Conn) host() *Host { return cmp.Or(c.Host, new(Host)) }

// bind ends the connection with the context.
func (c *Conn) bind(ctx context.Context) {
	c.stop = context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = ctx.Err()
		if cause := context.Cause(ctx); cause != c.ended {
			c.ended = fmt.Errorf("%w: %w", c.ended, cause)
		}
		c.live.Abort()
	})
}

// Read reads what the server says.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.prepareRead(); err != nil {
		return 0, err
	}
	n, err := c.server().Read(p)
	if n > 0 {
		c.mu.Lock()
		c.heard = true
		c.mu.Unlock()
	}
	return n, c.reason(err)
}

// Write sends to the server.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.prepareWrite(p); err != nil {
		return 0, err
	}
	n, err := c.server().Write(p)
	return n, c.reason(err)
}

// prepareRead sets a deadline where the client has set none: of each line, and of all of them,
// or a server that says one every few minutes would have the client for years. After QUIT, when
// nothing depends on the server any more, the deadline is short in any case.
func (c *Conn) prepareRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return c.over()
	}
	now := time.Now()
	if c.answerBy.IsZero() {
		c.answerBy = now.Add(maxAnswer)
	}
	by := c.readBy
	if by.IsZero() {
		by = earlier(now.Add(maxSilence), c.answerBy)
	}
	if !c.quitBy.IsZero() {
		by = earlier(by, c.quitBy)
	}
	c.server().SetReadDeadline(by) // a failure shows in what follows
	return nil
}

// prepareWrite does the same for what is written. What the server says next is an answer to it.
func (c *Conn) prepareWrite(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answerBy = time.Time{}
	c.note(p)
	if !c.writeBy.IsZero() || c.ended != nil {
		return c.over()
	}
	c.server().SetWriteDeadline(time.Now().Add(maxSilence)) // a failure shows in what follows
	return nil
}

// note takes down what the client says, if it is a command on its own. Text of a message may look
// like one, but is followed by more without a reply in between; and so is a command before such
// text.
func (c *Conn) note(p []byte) {
	const longest = "STARTTLS\r\n"
	command := ""
	if c.heard && len(p) <= len(longest) {
		command = strings.ToUpper(strings.TrimRight(string(p), "\r\n"))
	}
	c.heard, c.quitBy = false, time.Time{}
	switch command {
	case "STARTTLS":
		c.startedTLS = true
	case "QUIT":
		c.quitBy = time.Now().Add(maxGoodbye)
	default:
		c.startedTLS = false
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// over returns the error of a context that has ended; nil of others.
func (c *Conn) over() error {
	if c.ended == nil {
		return nil
	}
	c.broken = c.endedError()
	return c.broken
}

// reason is the error of the context in the place of what comes of it.
func (c *Conn) reason(err error) error {
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		err = c.endedError()
	}
	c.broken = err
	return err
}

func (c *Conn) endedError() error {
	return fmt.Errorf("connection to %s: %w", c.Attempt.Addr, c.ended)
}

// Close closes the connection. It does not say QUIT, which is for the client to do.
func (c *Conn) Close() error {
	if c.stop != nil {
		c.stop()
	}
	return c.server().Close()
}

// SetDeadline is that of net.Conn. The context's deadline holds in any case.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is that of net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(c.server().SetReadDeadline, &c.readBy, t)
}

// SetWriteDeadline is that of net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(c.server().SetWriteDeadline, &c.writeBy, t)
}

func (c *Conn) setDeadline(set func(time.Time) error, own *time.Time, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return c.endedError()
	}
	*own, c.answerBy = t, time.Time{}
	return set(t)
}

// LocalAddr returns this machine's end.
func (c *Conn) LocalAddr() net.Addr { return c.server().LocalAddr() }

// RemoteAddr returns the server's end.
func (c *Conn) RemoteAddr() net.Addr { return c.server().RemoteAddr() }

// ConnectionState returns what was agreed on in the handshake. It is zero, and its
// HandshakeComplete false, where the connection is in clear, as Host.MayCleartext allows.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.server().ConnectionState() }

// MessageError returns what an SMTP client has returned for a message on this connection as
// an *Error; nil for nil. It is permanent if the server's reply is: TLS is not at stake any
// more. Classify gives the server's own code. Only a server can make it permanent: it is temporary
// where the client has said STARTTLS, which it must not, and for an error of the client itself, as
// of a file that cannot be read or an address that it refuses to send. A sender that knows its own
// errors to be permanent deals with them before.
func (c *Conn) MessageError(err error) error {
	if err == nil {
		return nil
	}
	c.mu.Lock()
	cause := &messageError{err, c.broken}
	if c.startedTLS {
		cause.err = fmt.Errorf("%w (%w)", err, errStartTLS)
	}
	c.mu.Unlock()
	h := c.host()
	return (&Error{Domain: h.Domain, Host: h.Name, Err: cause, host: h}).conclude()
}

// errStartTLS is a mistake of the sender, for which no message bounces.
var errStartTLS = errors.New("STARTTLS on a connection on which TLS is decided already")

// A messageError is what an SMTP client has returned for a message. Some clients, of which
// go-mail is one, do not wrap what the connection has given them.
type messageError struct{ err, broken error }

func (e *messageError) Error() string { return e.err.Error() }

func (e *messageError) Unwrap() []error {
	if e.broken == nil {
		return []error{e.err}
	}
	return []error{e.err, e.broken}
}
