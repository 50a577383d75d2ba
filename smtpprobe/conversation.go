package smtpprobe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// serviceNotAvailable is the code of a server that is about to close the
// connection; it may come at any time (RFC 5321 §3.8).
const serviceNotAvailable = 421

// A conversation is a connection with a server, and what is known of it. Whoever
// made the connection closes it.
type conversation struct {
	result  *Result
	began   time.Time
	timeout time.Duration // of a stage
	conn    net.Conn
	in      *bufio.Reader // of conn
}

// run goes through the stages after dial.
func (c *conversation) run(ctx context.Context, hello string, config *tls.Config) error {
	err := c.untilTLS(ctx, hello, config)
	if err == nil && config != nil {
		if late := c.hello(ctx, StageHelloTLS, hello); late != nil {
			c.result.Late = late
		}
	}
	if inStep(err) && inStep(c.result.Late) {
		if late := c.quit(ctx); c.result.Late == nil {
			c.result.Late = late
		}
	}
	return err
}

// quit takes leave of the server, also after a greeting of 554 (RFC 5321 §3.1,
// §4.1.1.10), and of TLS (RFC 8446 §6.1).
func (c *conversation) quit(ctx context.Context) error {
	_, err := c.exchange(ctx, StageQuit, "QUIT", min(c.timeout, quitTimeout))
	if conn, ok := c.conn.(*tls.Conn); ok && err == nil {
		conn.CloseWrite() // the server may have closed already
	}
	return err
}

// inStep reports whether a server still waits for a command after this error:
// none, or its own refusal.
func inStep(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return !ok || errors.Is(e, ErrNoStartTLS) || e.Reply != nil && e.Reply.Code != serviceNotAvailable
}

// untilTLS goes through the stages whose failure is an error: all up to the
// handshake, or up to EHLO without a configuration.
func (c *conversation) untilTLS(ctx context.Context, hello string, config *tls.Config) error {
	if _, err := c.exchange(ctx, StageGreeting, "", c.timeout); err != nil {
		return err
	}
	if err := c.hello(ctx, StageHello, hello); err != nil || config == nil {
		return err
	}
	if !c.result.OffersStartTLS {
		return &Error{Stage: StageStartTLS, Addr: c.result.Addr, Err: ErrNoStartTLS}
	}
	if _, err := c.exchange(ctx, StageStartTLS, "STARTTLS", c.timeout); err != nil {
		return err
	}
	if c.in.Buffered() > 0 {
		// RFC 3207 §4.2: what came in clear must not be taken for what comes over TLS.
		// What comes later than this look fails the handshake.
		return &Error{Stage: StageStartTLS, Addr: c.result.Addr, Err: ErrInjection}
	}
	return c.handshake(ctx, config)
}

// hello says EHLO. In clear, a server that refuses it for good is tried with HELO
// (RFC 5321 §3.2), and has no extensions then.
func (c *conversation) hello(ctx context.Context, stage Stage, name string) error {
	reply, err := c.exchange(ctx, stage, "EHLO "+name, c.timeout)
	if stage == StageHelloTLS {
		if err == nil {
			c.result.ExtensionsTLS = extensions(reply)
		}
		return err
	}
	if err != nil && reply.permanent() && inStep(err) {
		_, err = c.exchange(ctx, stage, "HELO "+name, c.timeout)
		return err
	}
	if err == nil {
		c.result.Extensions = extensions(reply)
		c.result.OffersStartTLS = offersStartTLS(c.result.Extensions)
	}
	return err
}

// exchange sends a command, unless it is empty, and reads the reply. The error is
// of type *Error, also if the reply is negative.
func (c *conversation) exchange(ctx context.Context, stage Stage, command string, timeout time.Duration) (Reply, error) {
	start := time.Now()
	c.conn.SetDeadline(start.Add(timeout)) // a failure shows in what follows
	reply, err := c.speak(command)
	c.result.Steps = append(c.result.Steps, Step{stage, command, reply, start.Sub(c.began), time.Since(start)})
	c.result.setReply(stage, reply)
	switch {
	case err != nil:
		return reply, c.failure(ctx, stage, err)
	case !reply.positive():
		return reply, refused(stage, c.result.Addr, reply)
	}
	return reply, nil
}

func (c *conversation) speak(command string) (Reply, error) {
	if command == "" {
		return readReply(c.in)
	}
	if c.in.Buffered() > 0 {
		// It would be taken for the reply to this command, and an attacker would put it
		// there. Only a server that closes may speak unasked.
		reply, err := readReply(c.in)
		if err == nil && reply.Code != serviceNotAvailable {
			err = fmt.Errorf("%w: unasked: %s", ErrReply, reply)
		}
		return reply, err
	}
	if _, err := io.WriteString(c.conn, command+"\r\n"); err != nil {
		return Reply{}, err
	}
	return readReply(c.in)
}

// handshake starts TLS, and goes on over it.
func (c *conversation) handshake(ctx context.Context, config *tls.Config) error {
	start := time.Now()
	c.conn.SetDeadline(start.Add(c.timeout)) // a failure shows in what follows
	conn := tls.Client(c.conn, config)
	err := conn.HandshakeContext(ctx)
	c.result.Steps = append(c.result.Steps, Step{Stage: StageHandshake, Start: start.Sub(c.began), Duration: time.Since(start)})
	if state := conn.ConnectionState(); state.HandshakeComplete || len(state.PeerCertificates) > 0 {
		c.result.TLS = &state
	}
	if err != nil {
		return c.failure(ctx, StageHandshake, err)
	}
	c.conn, c.in = conn, newReader(conn)
	return nil
}

// failure is the error of a stage. If the context has ended, that is why the
// connection is broken.
func (c *conversation) failure(ctx context.Context, stage Stage, err error) *Error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if ctx.Err() != nil && broken(err) {
		err = ctx.Err()
	}
	return &Error{Stage: stage, Addr: c.result.Addr, Err: err}
}

// broken reports whether an error is that of a connection closed or out of time.
func broken(err error) bool {
	for _, target := range []error{net.ErrClosed, io.ErrClosedPipe, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
