package smtpprobe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// A Prober connects to mail servers. The zero Prober works. It may be copied, and
// is safe for concurrent use while it is not changed.
type Prober struct {
	// Dial makes the connections. It must heed its context. If nil, a net.Dialer
	// does it, from LocalAddr.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// LocalAddr is the source address. If it is not valid, the system chooses.
	// A server of the other family cannot be connected to from it. A Dial of one's
	// own has to see to it by itself.
	LocalAddr netip.Addr

	// Hello is the name in EHLO: one word of ASCII, at most 255 octets. If empty, it is
	// that of the machine if it has a domain, or else the local address in brackets
	// (RFC 5321 §4.1.4).
	Hello string

	// StageTimeout is the time that each stage may take. 0 means five minutes (RFC 5321
	// §4.5.3.2). The wait for the reply to QUIT is five seconds at most. The context bounds the
	// probe as a whole.
	StageTimeout time.Duration

	// Opportunistic: a server that does not offer STARTTLS, or does not even know EHLO, is
	// no failure, although there is a configuration; what follows is in clear then. A
	// server that offers STARTTLS must get through it, in half of the time until the context's
	// deadline: there must be time left for another connection, without TLS.
	Opportunistic bool
}

// Probe connects to a server and goes through all stages; see the package's
// documentation for what comes out. The address is an IP address with port, as in
// "192.0.2.25:25" or "[2001:db8::25]:25".
//
// The configuration is used as it is given. It should have a ServerName, and says
// how the certificate is verified. If it is nil, STARTTLS is not tried: after EHLO
// comes QUIT. Only then does a server that does not know EHLO hear HELO (RFC 5321
// §3.2).
//
// A server that sends no greeting is asked for TLS shortly before the time is up: that
// is what one waits for on port 465 (RFC 8314 §3.3). The error then says so.
//
// The [Result] is never nil. The error is nil or of type [*Error]. When the context
// ends, the connection is closed at once, and the error wraps the context's; once
// the handshake is done that is [Result.Late].
func (p *Prober) Probe(ctx context.Context, address string, config *tls.Config) (*Result, error) {
	c, stop, err := p.open(ctx, address, config)
	if err != nil {
		return c.result, err
	}
	defer c.conn.Close()
	defer stop()
	return c.result, c.run(ctx, p.helloName(c.result.LocalAddr), config)
}

// open connects. The connection is closed when the context ends, until stop is called, which
// reports whether the context had not ended. The conversation is never nil.
func (p *Prober) open(ctx context.Context, address string, config *tls.Config) (c *conversation, stop func() bool, err error) {
	result := new(Result)
	c = &conversation{result: result, began: time.Now(), timeout: p.stageTimeout(), opportunistic: p.Opportunistic}
	if result.Addr, err = netip.ParseAddrPort(address); err != nil {
		return c, nil, &Error{Stage: StageDial, Err: err}
	}
	if name := strings.TrimSuffix(p.Hello, "."); p.Hello != "" && !isWord(name) {
		return c, nil, &Error{Stage: StageHello, Addr: result.Addr, Err: errHello}
	}
	if config != nil && config.ServerName != "" && !isWord(config.ServerName) {
		return c, nil, &Error{Stage: StageHandshake, Addr: result.Addr, Err: errServerName}
	}
	conn, err := p.dial(ctx, address)
	result.Steps = append(result.Steps, Step{Stage: StageDial, Duration: time.Since(c.began)})
	if err != nil {
		return c, nil, &Error{Stage: StageDial, Addr: result.Addr, Err: err}
	}
	closed := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		conn.Close()
		close(closed)
	})
	result.LocalAddr = addrPort(conn.LocalAddr())
	c.raw, c.conn, c.in = conn, conn, newReader(conn)
	return c, func() bool {
		if undo() {
			return true
		}
		<-closed // no goroutine outlives the probe
		return false
	}, nil
}

func (p *Prober) stageTimeout() time.Duration {
	if p.StageTimeout > 0 {
		return p.StageTimeout
	}
	return defaultStageTimeout
}

func (p *Prober) dial(ctx context.Context, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("no connection: %w", err)
	}
	dial := p.Dial
	if dial == nil {
		dialer := new(net.Dialer)
		if p.LocalAddr.IsValid() {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.LocalAddr, 0))
		}
		dial = dialer.DialContext
	}
	stage, cancel := context.WithTimeout(ctx, p.stageTimeout())
	defer cancel()
	conn, err := dial(stage, "tcp", address)
	switch {
	case err == nil && conn == nil:
		return nil, errNoConn // or a goroutine would panic, where nobody can recover
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no connection: %w", ctx.Err())
	case stage.Err() != nil: // the same error as a timeout of any later stage
		return nil, fmt.Errorf("no connection within %v: %w", p.stageTimeout(), os.ErrDeadlineExceeded)
	}
	return nil, err
}

// addrPort returns the IP address and port of an address, zero if it has none.
func addrPort(addr net.Addr) netip.AddrPort {
	if addr == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
