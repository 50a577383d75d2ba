package survey

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// DialDNS returns a function for upstream.Recursor.Dial that keeps Limits.DNS for each server.
// A connection is a query, or over TCP several; it counts until it is closed. Nil stands for a
// net.Dialer.
func (s *Survey) DialDNS(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		s.start()
		server, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if addr, err := netip.ParseAddr(server); err == nil && addr.IsLoopback() {
			return dial(ctx, network, address)
		}
		keys := []gateKey{{kind: gateDNS, name: server}}
		if !s.limiter.try(keys) {
			if err := s.limiter.wait(ctx, keys); err != nil {
				return nil, err
			}
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			s.limiter.done(keys)
			return nil, err
		}
		return &countedConn{Conn: conn, done: sync.OnceFunc(func() { s.limiter.done(keys) })}, nil
	}
}

// A countedConn is one that counts until it is closed.
type countedConn struct {
	net.Conn
	done func()
}

func (c *countedConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}
