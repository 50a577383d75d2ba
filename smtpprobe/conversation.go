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
	raw     net.Conn      // below TLS
	conn    net.Conn
	in      *bufio.Reader // of conn

	opportunistic bool // a server without STARTTLS is as good

	certificateWanted bool // the server has asked for one of the client's
}

// run goes through the stages after dial.
func (c *conversation) run(ctx context.Context, hello string, config *tls.Config) error {
	return c.leave(ctx, c.untilReady(ctx, hello, config))
}

// untilReady goes through the stages after dial but for QUIT. What fails after the handshake
// is Result.Late.
func (c *conversation) untilReady(ctx context.Context, hello string, config *tls.Config) error {
	err := c.untilTLS(ctx, hello, config)
	if err == nil && c.result.TLS != nil {
		late := c.helloTLS(ctx, hello)
		if err = c.turnedDown(late); err == nil {
			c.result.Late = late
		}
	}
	return err
}

// leave says QUIT after what the stages before have given, if the server waits for it.
func (c *conversation) leave(ctx context.Context, err error) error {
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
// handshake, or up to EHLO where there is to be none.
func (c *conversation) untilTLS(ctx context.Context, hello string, config *tls.Config) error {
	if _, err := c.exchange(ctx, StageGreeting, "", c.timeout); err != nil {
		return err
	}
	if err := c.hello(ctx, hello, config != nil && !c.opportunistic); err != nil || config == nil {
		return err
	}
	if !c.result.OffersStartTLS {
		if c.opportunistic {
			return nil
		}
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

// hello says EHLO in clear, and HELO to a server that does not know EHLO, if nothing
// more is asked of it: HELO has no extensions, so that for STARTTLS the refusal is the
// answer.
func (c *conversation) hello(ctx context.Context, name string, wantTLS bool) error {
	reply, err := c.exchange(ctx, StageHello, "EHLO "+name, c.timeout)
	if err != nil {
		if !wantTLS && notImplemented(reply) && inStep(err) {
			_, err = c.exchange(ctx, StageHello, "HELO "+name, c.timeout)
		}
		return err
	}
	c.result.Extensions = extensions(reply)
	if c.result.OffersStartTLS, err = offersStartTLS(c.result.Extensions); err != nil {
		return c.failure(ctx, StageHello, err)
	}
	return nil
}

// notImplemented reports whether a server does not know the command. Any other
// refusal is one of the client (RFC 5321 §3.2, §4.2.4).
func notImplemented(reply Reply) bool {
	return reply.Code == 500 || reply.Code == 502 || reply.Code == 504
}

// helloTLS says EHLO over TLS.
func (c *conversation) helloTLS(ctx context.Context, name string) error {
	reply, err := c.exchange(ctx, StageHelloTLS, "EHLO "+name, c.timeout)
	if err == nil {
		c.result.ExtensionsTLS = extensions(reply)
	}
	return err
}

// exchange sends a command, unless it is empty, and reads the reply. The error is
// of type *Error, also if the reply is negative.
func (c *conversation) exchange(ctx context.Context, stage Stage, command string, timeout time.Duration) (Reply, error) {
	start := time.Now()
	c.conn.SetDeadline(start.Add(timeout)) // a failure shows in what follows
	reply, err := c.speak(ctx, stage, command)
	c.result.Steps = append(c.result.Steps, Step{stage, command, reply, start.Sub(c.began), time.Since(start)})
	c.result.setReply(stage, reply)
	switch {
	case err != nil:
		failed := c.failure(ctx, stage, err)
		failed.Err = unanswered(stage, command, reply, failed.Err)
		return reply, failed
	case !reply.positive():
		return reply, refused(stage, c.result.Addr, reply)
	}
	return reply, nil
}

func (c *conversation) speak(ctx context.Context, stage Stage, command string) (Reply, error) {
	if command == "" {
		return c.readGreeting(ctx)
	}
	if c.in.Buffered() > 0 {
		return c.unasked()
	}
	if _, err := io.WriteString(c.conn, command+"\r\n"); err != nil {
		// A server that has closed may have said why.
		reply, said := c.unasked()
		if _, alerted := remoteAlert(said); said == nil || alerted {
			return reply, said
		}
		return Reply{}, err
	}
	// RFC 3207 §4.2: after the reply to STARTTLS comes TLS, so where it ends must be
	// beyond doubt.
	return readReply(c.in, stage == StageStartTLS)
}

// unasked reads what was said before a command. It would be taken for the reply to
// that, and an attacker would put it there, so that only a server that closes may say
// something.
func (c *conversation) unasked() (Reply, error) {
	reply, err := readReply(c.in, false)
	if err == nil && reply.Code != serviceNotAvailable {
		err = fmt.Errorf("%w: unasked: %s", ErrReply, reply)
	}
	return reply, err
}

// handshake starts TLS, and goes on over it.
func (c *conversation) handshake(ctx context.Context, config *tls.Config) error {
	start := time.Now()
	end := start.Add(c.timeout)
	if deadline, ok := ctx.Deadline(); ok && c.opportunistic {
		if half := start.Add(time.Until(deadline) / 2); half.Before(end) {
			end = half
		}
	}
	c.conn.SetDeadline(end) // a failure shows in what follows
	conn := tls.Client(c.conn, c.noting(config))
	err := conn.HandshakeContext(ctx)
	c.result.Steps = append(c.result.Steps, Step{Stage: StageHandshake, Start: start.Sub(c.began), Duration: time.Since(start)})
	if state := conn.ConnectionState(); state.HandshakeComplete || len(state.PeerCertificates) > 0 {
		c.result.TLS = &state
	}
	if err != nil {
		failed := c.failure(ctx, StageHandshake, err)
		if broken(failed.Err) || ctx.Err() != nil {
			failed.Err = &stageError{"TLS handshake not completed", failed.Err}
		}
		return failed
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
	return &Error{Stage: stage, Addr: c.result.Addr, Err: c.withAlert(err)}
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
