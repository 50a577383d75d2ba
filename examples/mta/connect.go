package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"net/textproto"
	"os"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// connect returns a client that may send to the host. Its errors say at which stage
// they came.
//
// Go-smtp starts TLS while it connects, and has no client left if the host does not
// offer it. Where a message may go in clear, that takes a second connection.
func connect(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) (*smtp.Client, error) {
	if h.Action == dane.SendClear {
		return plain(ctx, v, h, addr)
	}
	client, err := encrypted(ctx, v, h, addr)
	if !errors.Is(err, smtpprobe.ErrNoStartTLS) || !h.MayCleartext() {
		return client, err
	}
	if client, err = plain(ctx, v, h, addr); err != nil {
		return nil, err
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		client.Close()
		return nil, errFickle
	}
	return client, nil
}

// errFickle: what was not offered on one connection was on the next.
var errFickle = errors.New("host offers STARTTLS only now and then")

func encrypted(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) (*smtp.Client, error) {
	conn, err := dial(ctx, v, h, addr)
	if err != nil {
		return nil, err
	}
	at := func(stage smtpprobe.Stage, err error) error {
		return &smtpprobe.Error{Stage: stage, Addr: netip.AddrPortFrom(addr, h.Port), Err: err}
	}
	watched := &watchedConn{Conn: conn}
	client, err := smtp.NewClientStartTLS(watched, h.TLSConfig(nil))
	_, refused := errors.AsType[*smtp.SMTPError](err)
	_, garbled := errors.AsType[textproto.ProtocolError](err)
	switch {
	case err == nil:
	case watched.startTLS:
		return nil, at(smtpprobe.StageStartTLS, err)
	case refused || garbled || watched.err != nil:
		return nil, at(smtpprobe.StageHello, err)
	default: // go-smtp has no error of its own for it
		return nil, at(smtpprobe.StageStartTLS, smtpprobe.ErrNoStartTLS)
	}
	// The handshake, and EHLO once more (RFC 3207 §4.2).
	if err := client.Hello(hostname()); err != nil {
		client.Close()
		if state, _ := client.TLSConnectionState(); state.HandshakeComplete && !alerted(err) {
			return nil, at(smtpprobe.StageHelloTLS, err)
		}
		return nil, at(smtpprobe.StageHandshake, err)
	}
	return client, nil
}

// alerted reports whether the host has ended TLS with an alert. In TLS 1.3 that may
// come after the handshake, and still be about it: where the host wants a certificate
// of the client (RFC 8446 §4.4.2.4).
func alerted(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "remote error"
}

// mayWeaken reports whether dane.Host.Fallback says how to go on: the host has refused
// STARTTLS, or the handshake has failed. A host that closes, is silent or says 421 has
// done neither: it is to be tried again later, in the same way.
func mayWeaken(err error) bool {
	const serviceNotAvailable = 421 // RFC 5321 §3.8: at any time, and to anything
	e, ok := errors.AsType[*smtpprobe.Error](err)
	if !ok {
		return false
	}
	reply, replied := errors.AsType[*smtp.SMTPError](err)
	return e.Stage == smtpprobe.StageHandshake ||
		e.Stage == smtpprobe.StageStartTLS && replied && reply.Code != serviceNotAvailable
}

// A watchedConn is a connection that knows how far go-smtp has come.
type watchedConn struct {
	net.Conn
	startTLS bool  // the command was sent
	err      error // of the connection
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.err = cmp.Or(c.err, err)
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.startTLS = c.startTLS || string(p) == "STARTTLS\r\n"
	n, err := c.Conn.Write(p)
	c.err = cmp.Or(c.err, err)
	return n, err
}

func plain(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) (*smtp.Client, error) {
	conn, err := dial(ctx, v, h, addr)
	if err != nil {
		return nil, err
	}
	client := smtp.NewClient(conn)
	if err := client.Hello(hostname()); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// dial connects. The connection is closed when the context ends.
func dial(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) (net.Conn, error) {
	connect := v.Dial
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	conn, err := connect(ctx, "tcp", netip.AddrPortFrom(addr, h.Port).String())
	if err == nil {
		context.AfterFunc(ctx, func() { conn.Close() })
	}
	return conn, err
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
