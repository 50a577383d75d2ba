package upstream

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// bufferSize is that of a read from UDP, unless the query asks for more. It is that
// of most who ask for the most (RFC 6891 §6.2.5). A datagram that does not fit is
// larger than was asked for, and so is as good as truncated.
const bufferSize = 4096

// buffers are for reads from UDP. What is parsed refers to no part of its packet.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// wantsTCP reports whether what came over UDP is no reply, but a reason to ask over
// TCP.
func wantsTCP(err error) bool {
	return errors.Is(err, errTruncated) || errors.Is(err, errFlood) ||
		errors.Is(err, errNoCookie) || errors.Is(err, errBadCookie)
}

// overUDP asks until a reply comes that can be believed. Whatever is a reason to ask
// again is remembered, and so happens once: the server changes the case of names,
// does not like the cookie option, or wants a new cookie (RFC 7873 §5.3); or a socket
// that was idle is of no use any more.
func (c *Client) overUDP(caller context.Context, e endpoint, m *message) (*dns.Msg, error) {
	ctx, end := caller, time.Now().Add(c.timeout())
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	if c.Dial != nil { // may make connections that know no deadlines
		try, cancel := context.WithDeadline(ctx, end)
		defer cancel()
		ctx = try
	}
	late := new(timeoutError)
	for newCookie, newSocket := false, false; ; {
		msg, err := c.askUDP(ctx, e, m, end, newSocket, late)
		switch {
		case errors.Is(err, errStale):
			newSocket = true
		case errors.Is(err, errBadCookie) && !newCookie:
			newCookie = true
		case errors.Is(err, errCase), errors.Is(err, errOption):
		case err == nil, wantsTCP(err):
			return msg, err
		default:
			if isTimeout(err) {
				c.idleSockets().closeThoseTo(e.address)
			}
			return nil, cause(caller, ctx, err, late)
		}
	}
}

// askUDP sends the query up to five times, and reads until a reply to it comes. The socket
// is kept if nothing else was sent and nothing else came: no packet is on its way.
func (c *Client) askUDP(ctx context.Context, e endpoint, m *message, end time.Time, newSocket bool, late *timeoutError) (*dns.Msg, error) {
	conn, err := c.socket(ctx, e.address, newSocket)
	if err != nil {
		return nil, err
	}
	settled, ignoredBefore := false, late.ignored
	// To close it ends a Read or Write at once.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		if stop() && settled {
			c.keep(conn)
		} else {
			conn.Close()
		}
	}()
	query, err := c.dressed(m, conn.LocalAddr())
	if err != nil {
		return nil, err
	}
	start := time.Now()
	patience := end.Sub(start)
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	packet := buffer[:]
	if query.size >= len(packet) {
		packet = make([]byte, query.size+1)
	}
	sent, otherCase := query.wire, false
	waits := [...]time.Duration{patience / 8, patience / 4, patience / 2, 3 * patience / 4, patience}
	for i, wait := range waits {
		last := i == len(waits)-1
		if last && query.cookie != "" && c.untried() {
			sent = query.withoutCookie() // perhaps somebody drops what has one
		}
		if err := conn.SetDeadline(start.Add(wait)); err != nil {
			return nil, conn.failure(err)
		}
		if i == 0 && conn.reused && !conn.isSilent() {
			// Who forges replies must not have their say before the query.
			return nil, errStale
		}
		if _, err := conn.Write(sent); err != nil && !isTimeout(err) {
			return nil, conn.failure(err)
		}
		for {
			n, err := conn.Read(packet)
			if isTimeout(err) {
				break // the packet is lost, or the server slow
			}
			if err != nil && n == 0 { // otherwise the datagram may be cut off (Windows)
				return nil, conn.failure(err)
			}
			msg, err := query.accept(packet[:n], query.size)
			if err == nil {
				err = c.believe(query, msg, last)
			}
			if err == nil || wantsTCP(err) || errors.Is(err, errOption) {
				settled = err == nil && i == 0 && late.ignored == ignoredBefore
				return msg, err
			}
			otherCase = otherCase || errors.Is(err, errCase)
			late.ignored, late.last = late.ignored+1, err
			if late.ignored > maxIgnored {
				return nil, errFlood
			}
		}
		if otherCase {
			// No better reply came after it, so it was no forgery.
			c.mu.Lock()
			c.known.changesCase = true
			c.mu.Unlock()
			return nil, errCase
		}
	}
	return nil, late
}

// dressed returns the query as it goes over UDP: with a cookie and the name in
// random case, as far as the server is known to bear them. Some servers compress a
// name only where its case is the same, and then keys would often not fit.
func (c *Client) dressed(m *message, local net.Addr) (*message, error) {
	c.mu.Lock()
	c.known.move(local)
	cookie, changesCase := c.known.cookie(), c.known.changesCase
	c.mu.Unlock()
	query, err := m.withCookie(cookie)
	if err == nil && !changesCase && query.msg.Question[0].Qtype != dns.TypeDNSKEY {
		query.mix()
	}
	return query, err
}

// insteadOfUDP asks over TCP. What a reply there says of cookies is true.
func (c *Client) insteadOfUDP(ctx context.Context, e endpoint, m *message) (*dns.Msg, error) {
	c.mu.Lock()
	cookie := c.known.cookie()
	c.mu.Unlock()
	query, err := m.withCookie(cookie)
	if err != nil {
		return nil, err
	}
	msg, err := c.overStream(ctx, e, query)
	if err == nil && query.cookie != "" {
		c.mu.Lock()
		c.known.server = serverCookie(query.cookie, takeOptions(msg))
		c.mu.Unlock()
	}
	return msg, err
}
