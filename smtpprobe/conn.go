package smtpprobe

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Connect is Probe without QUIT: it leaves the connection open for a client that sends mail.
// What fails after the handshake is an error here, too: that of StageHelloTLS.
//
// The context is that of the stages. Once Connect has returned, the connection does not
// depend on it, and has no deadline. The Result is never nil; the connection is nil exactly
// if there is an error.
func (p *Prober) Connect(ctx context.Context, address string, config *tls.Config) (*Conn, *Result, error) {
	c, stop, err := p.open(ctx, address, config)
	if err != nil {
		return nil, c.result, err
	}
	err = c.untilReady(ctx, p.helloName(c.result.LocalAddr), config)
	if err == nil {
		err = c.result.Late
	}
	if err != nil {
		err = c.leave(ctx, err)
		stop()
		c.conn.Close()
		return nil, c.result, err
	}
	if !stop() {
		return nil, c.result, &Error{Stage: c.result.Steps[len(c.result.Steps)-1].Stage, Addr: c.result.Addr, Err: ctx.Err()}
	}
	c.conn.SetDeadline(time.Time{})
	return &Conn{raw: c.raw, live: c.conn, in: c.in, unread: greeting(c.result.Greeting)}, c.result, nil
}

// A Conn is a connection to a server that an SMTP client can begin with: what is read first
// is the server's greeting again, as a reply of 220 in proper form, and then what the server
// says. Over TLS the client need not know that there is any; its EHLO is one more.
//
// Whether there is TLS is decided, so that a client that starts TLS where it is offered must
// not be told of an offer: in the server's replies to EHLO the keyword STARTTLS is
// XSTARTTLS. No server should offer it over TLS (RFC 3207 §4.2), and some do.
//
// A server that says more than a client can have asked for, a megabyte after a write, is not read
// any more: clients keep a reply until its end.
//
// A Conn is safe for use by several goroutines, as every net.Conn. The zero Conn is closed.
type Conn struct {
	raw  net.Conn
	live net.Conn // raw, or TLS over it

	reading sync.Mutex
	in      *bufio.Reader // of live
	unread  []byte        // comes before what in has
	within  bool          // the last line has not ended

	said atomic.Int64 // octets that were read since the last write
}

var _ net.Conn = (*Conn)(nil)

// maxGreetingLine is what a client need not expect more of (RFC 5321 §4.5.3.1.5), with code
// and line end.
const maxGreetingLine = 512

// greeting is a greeting as every client can read it: servers take liberties with the form
// that the prober has taken.
func greeting(r Reply) []byte {
	var b bytes.Buffer
	for i, line := range r.Lines {
		sep := "-"
		if i == len(r.Lines)-1 {
			sep = " "
		}
		line = line[:min(len(line), maxGreetingLine-len("220 \r\n"))]
		fmt.Fprintf(&b, "220%s%s\r\n", sep, strings.ReplaceAll(line, "\r", " "))
	}
	return b.Bytes()
}

// Read reads what the server says, at most a line at a time.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if c.in == nil {
		return 0, net.ErrClosed
	}
	if c.said.Load() > maxAnswer {
		return 0, fmt.Errorf("%w: more than %d octets", ErrReply, maxAnswer)
	}
	if len(c.unread) == 0 {
		// What there is of a line comes before the error for which there is no more of it;
		// the next call has that again.
		line, err := c.in.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		if c.unread = line; !c.within {
			c.unread = hideStartTLS(line)
		}
		c.within = line[len(line)-1] != '\n'
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	c.said.Add(int64(n))
	return n, nil
}

// hideStartTLS returns a line as it is, unless it offers STARTTLS, or a tolerant client can read
// that: net/smtp, for one, takes a line without a code for text of the reply that goes on.
func hideStartTLS(line []byte) []byte {
	code, text, _, ok := parseLine(line)
	if !ok {
		code, text = 250, strings.TrimRight(string(line), "\r\n")
	}
	if code/100 != 2 || !strings.EqualFold(keyword(strings.TrimSpace(text)), startTLS) {
		return line
	}
	at := bytes.IndexAny(line, "Ss") // what is before the keyword has none
	return slices.Concat(line[:at], []byte("X"), line[at:])
}

// Write sends to the server.
func (c *Conn) Write(p []byte) (int, error) {
	if c.live == nil {
		return 0, net.ErrClosed
	}
	c.said.Store(0)
	return c.live.Write(p)
}

// Close closes the connection. Over TLS it takes leave first (RFC 8446 §6.1), for which it
// may wait five seconds; that the server does not hear that any more is no error. A Write that
// goes on is ended at once, and then there is no leave to take.
func (c *Conn) Close() error {
	conn, ok := c.live.(*tls.Conn)
	if !ok {
		return c.Abort()
	}
	// It looks whether something is being written, which CloseWrite would wait for.
	if err := conn.Close(); errors.Is(err, net.ErrClosed) {
		return c.Abort()
	}
	return nil
}

// Abort closes the connection at once. Over TLS the server cannot tell that from an attack.
func (c *Conn) Abort() error {
	if c.raw == nil {
		return net.ErrClosed
	}
	return c.raw.Close()
}

// ConnectionState returns what was agreed on in the handshake. It is zero, and its
// HandshakeComplete false, where the connection is in clear.
func (c *Conn) ConnectionState() tls.ConnectionState {
	if conn, ok := c.live.(*tls.Conn); ok {
		return conn.ConnectionState()
	}
	return tls.ConnectionState{}
}

// LocalAddr returns this machine's end; nil for the zero Conn.
func (c *Conn) LocalAddr() net.Addr {
	if c.live == nil {
		return nil
	}
	return c.live.LocalAddr()
}

// RemoteAddr returns the server's end; nil for the zero Conn.
func (c *Conn) RemoteAddr() net.Addr {
	if c.live == nil {
		return nil
	}
	return c.live.RemoteAddr()
}

// SetDeadline is that of net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return cmp.Or(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is that of net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.live == nil {
		return net.ErrClosed
	}
	return c.live.SetReadDeadline(t)
}

// SetWriteDeadline is that of net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.live == nil {
		return net.ErrClosed
	}
	return c.live.SetWriteDeadline(t)
}
