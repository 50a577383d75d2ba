package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
)

// errTLS: STARTTLS was offered and has failed, so that dane.Host.Fallback says how
// to go on.
var errTLS = errors.New("no TLS")

// connect returns a client that may send to the host.
//
// Go-smtp starts TLS while it connects, and does not say why that fails. Where a
// message may go in clear, a second connection tells whether STARTTLS is offered.
func connect(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) (*smtp.Client, error) {
	if h.Action == dane.SendClear {
		return plain(ctx, v, h, addr)
	}
	client, err := encrypted(ctx, v, h, addr)
	if err == nil || !h.MayCleartext() {
		return client, err
	}
	client, clear := plain(ctx, v, h, addr)
	if clear != nil {
		return nil, clear
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		client.Close()
		return nil, err
	}
	return client, nil
}

func encrypted(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) (*smtp.Client, error) {
	conn, err := dial(ctx, v, h, addr)
	if err != nil {
		return nil, err
	}
	client, err := smtp.NewClientStartTLS(conn, h.TLSConfig(nil))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTLS, err)
	}
	// The handshake, and EHLO once more (RFC 3207 §4.2).
	if err := client.Hello(hostname()); err != nil {
		client.Close()
		return nil, fmt.Errorf("%w: %w", errTLS, err)
	}
	return client, nil
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
