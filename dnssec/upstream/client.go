package upstream

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// A Client asks one server: over UDP, and over TCP if the reply is truncated. It
// returns whatever the server replies, SERVFAIL and replies without DNSSEC records
// included; a Pool, even of one, is for those who validate (see Servers).
//
// Address must be set. A Client is safe for concurrent use, and must not be
// changed during it.
type Client struct {
	// Address of the server: an IP address with or without a port, as in
	// "192.0.2.1", "127.0.0.1:5353", "2001:db8::1" or "[2001:db8::1]:5353". The
	// port is 53 by default. "tcp://" in front of it means never to use UDP.
	Address string

	// Dial opens a connection to an address and port; network is "udp" or "tcp".
	// Nil means a net.Dialer. Each Write to, and each Read from, a connection for
	// "udp" is one datagram.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Timeout is how long to wait for a reply over UDP, with the query sent three
	// times within it, and again over TCP if it comes to that. 0 means 5 seconds.
	// A context that ends earlier counts.
	Timeout time.Duration
}

// String returns the address and port, as in Reply.Server. If Address is none, it
// comes as it is.
func (c *Client) String() string {
	e, err := parseAddress(c.Address)
	if err != nil {
		return c.Address
	}
	return e.String()
}

// Exchange sends the query and waits for the reply, from a fresh port and with a
// random ID (RFC 5452 §9.2). Packets that are no reply to the query are ignored.
// The error is ErrExhausted if the server is in q.Avoid, otherwise an *Error.
func (c *Client) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	e, err := parseAddress(c.Address)
	if err != nil {
		return nil, err
	}
	server := e.String()
	if slices.Contains(q.Avoid, server) {
		return nil, ErrExhausted
	}
	m, err := newMessage(q.Msg)
	if err != nil {
		return nil, failed(server, "", q, err)
	}
	start := time.Now()
	network, try := "udp", c.overUDP
	if e.tcp {
		network, try = "tcp", c.overTCP
	}
	msg, err := try(ctx, e.addr.String(), m)
	if network == "udp" && (errors.Is(err, errTruncated) || errors.Is(err, errFlood)) {
		// RFC 7766 §5. TCP is also out of the reach of those who only guess.
		network = "tcp"
		msg, err = c.overTCP(ctx, e.addr.String(), m)
	}
	if err != nil {
		return nil, failed(server, network, q, err)
	}
	return &Reply{Msg: msg, Server: server, Network: network, Elapsed: time.Since(start)}, nil
}

func failed(server, network string, q *Query, err error) *Error {
	e := &Error{Server: server, Network: network, Err: err}
	if q.Msg != nil && len(q.Msg.Question) > 0 {
		e.Name, e.Type = q.Msg.Question[0].Name, q.Msg.Question[0].Qtype
	}
	return e
}

// connect opens a connection that closes itself when ctx ends, which also ends a
// Read or Write at once.
func (c *Client) connect(ctx context.Context, network, address string) (conn net.Conn, done func(), err error) {
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err = dial(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// overUDP sends the query up to three times, and reads until a reply to it comes.
// The socket is connected, so the kernel sees to the source of packets.
func (c *Client) overUDP(caller context.Context, address string, m *message) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(caller, cmp.Or(c.Timeout, defaultTimeout))
	defer cancel()
	late := new(timeoutError)
	conn, done, err := c.connect(ctx, "udp", address)
	if err != nil {
		return nil, cause(caller, ctx, err, late)
	}
	defer done()
	start := time.Now()
	deadline, _ := ctx.Deadline()
	patience := deadline.Sub(start)
	packet := make([]byte, maxMessage)
	for _, wait := range [...]time.Duration{patience / 6, patience / 2, patience} {
		if err := conn.SetDeadline(start.Add(wait)); err != nil {
			return nil, cause(caller, ctx, err, late)
		}
		if _, err := conn.Write(m.wire); err != nil && !isTimeout(err) {
			return nil, cause(caller, ctx, err, late)
		}
		for {
			n, err := conn.Read(packet)
			if isTimeout(err) {
				break // the packet is lost, or the server slow
			}
			if err != nil {
				return nil, cause(caller, ctx, err, late)
			}
			msg, err := m.accept(packet[:n], m.size)
			if err == nil || errors.Is(err, errTruncated) {
				return msg, err
			}
			late.ignored, late.last = late.ignored+1, err
			if late.ignored > maxIgnored {
				return nil, errFlood
			}
		}
	}
	return nil, cause(caller, ctx, late, late)
}

// overTCP sends the query over a connection of its own. The first message that
// comes back must be the reply: nobody else can send here.
func (c *Client) overTCP(caller context.Context, address string, m *message) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(caller, cmp.Or(c.Timeout, defaultTimeout))
	defer cancel()
	late := new(timeoutError)
	conn, done, err := c.connect(ctx, "tcp", address)
	if err != nil {
		return nil, cause(caller, ctx, err, late)
	}
	defer done()
	// Length and message go in one segment (RFC 7766 §8).
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(m.wire))), m.wire...)
	if _, err := conn.Write(framed); err != nil {
		return nil, cause(caller, ctx, err, late)
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, cause(caller, ctx, err, late)
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		return nil, cause(caller, ctx, err, late)
	}
	return m.accept(packet, maxMessage)
}

// cause is why a try ended: because the caller gave up, because time was up, by
// the Client's own measure or the caller's, or else for err.
func cause(caller, try context.Context, err error, late *timeoutError) error {
	switch {
	case errors.Is(caller.Err(), context.Canceled):
		return caller.Err()
	case try.Err() != nil, isTimeout(err):
		return late
	}
	return err
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}
