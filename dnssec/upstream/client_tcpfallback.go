package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/miekg/dns"
)

// What comes over UDP with the right ID, to the right port, and yet is not quite as it
// should be, is a forgery, which a better reply follows; or it is what the server has. A
// cache keeps replies together with the letter case and the cookies of whoever asked first
// (the stub of systemd-resolved 252 and dnsdist 1.7 do); a domain may have records that
// nobody can read; and some servers answer what they cannot read by a header alone. RFC
// 7873 §5.3 has such a reply discarded. But nothing has the query wait for what may never
// come: after a grace it is asked over TCP as well, out of the reach of those who guess,
// while the socket stays open for a better reply, and the first good one counts.
//
// What no better reply came for is remembered, so that it costs that once.

const (
	// doubtGrace is how long a better reply is waited for before TCP, and tcpFailureGrace
	// after it if TCP is of no use: the one that a forgery has overtaken.
	fallbackDelay, tcpFailureGrace = 2 * time.Millisecond, 100 * time.Millisecond
	// maxDoubts is how often a server that has shown a cookie may do without until it
	// gets none any more, so that a single forgery does not do away with them; and how
	// often one is to send a header alone until that is believed at once.
	maxSuspects = 3
)

// isSuspect reports whether what came is a forgery or the server's.
func isSuspect(err error) bool {
	return errors.Is(err, errCase) || errors.Is(err, errNoCookie) || errors.Is(err, errOtherCookie) || isUnusableReply(err)
}

// isKnownFor reports whether the server is known for what gives rise to the doubt.
func (c *Client) isKnownFor(doubt error) bool {
	header, ok := errors.AsType[*headerError](doubt)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && header.suggestsNoEDNS() && !c.peer.edns && c.peer.headersAlone >= maxSuspects
}

// mayLackEDNS reports whether an error of Exchange is a reason to ask without EDNS (RFC
// 6891 §7): no better reply came than a header alone, and the server has never sent an OPT
// record. It is for those who ask authoritative servers: a forwarder that cannot pass on
// what a validator needs is of no use.
func (c *Client) mayLackEDNS(err error) bool {
	header, ok := errors.AsType[*headerError](err)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && header.suggestsNoEDNS() && !c.peer.edns
}

// A tcpReply is what came over TCP.
type tcpReply struct {
	cookie string // that was sent
	msg    *dns.Msg
	err    error
}

// askTCP has the query asked over TCP, once. The socket wakes up when that is done.
func (q *udpExchange) askTCP(ctx context.Context, doubt error) {
	if q.suspect != nil {
		return
	}
	q.suspect, q.overTCP = doubt, make(chan tcpReply, 1)
	q.extend(q.client.timeout() / 8)
	conn, done := q.conn, q.overTCP
	go func() { // ends with ctx
		select {
		case <-time.After(fallbackDelay):
			done <- q.client.askTCP(ctx, q.endpoint, q.message, doubt)
			conn.SetReadDeadline(time.Unix(1, 0))
		case <-ctx.Done():
		}
	}()
}

// extend sets the deadline of the socket.
func (q *udpExchange) extend(d time.Duration) {
	until := time.Now().Add(d)
	if q.end.Before(until) {
		until = q.end
	}
	q.conn.SetReadDeadline(until) // if that fails, so does the Read
}

// tcpReply returns what has come over TCP, if it is final, when the socket has not
// brought anything in time. Otherwise the error is what to do without; nil is to wait on.
func (q *udpExchange) tcpReply() (msg *dns.Msg, final bool, err error) {
	if q.suspect == nil {
		return nil, false, q.late
	}
	select {
	case o := <-q.overTCP:
		if o.err == nil || isUnusableReply(o.err) {
			q.client.learn(q.suspect, &o)
			return o.msg, true, o.err
		}
		q.extend(tcpFailureGrace)
		return nil, false, nil
	default:
	}
	q.client.learn(q.suspect, nil)
	return nil, false, q.suspect
}

// askTCP asks over TCP. Who could not read the query is asked without a cookie.
func (c *Client) askTCP(ctx context.Context, e endpoint, m *message, doubt error) (o tcpReply) {
	if _, header := errors.AsType[*headerError](doubt); !header {
		c.mu.Lock()
		o.cookie = c.peer.cookie()
		c.mu.Unlock()
	}
	query, err := m.withCookie(o.cookie)
	if err != nil {
		return tcpReply{err: err}
	}
	o.cookie = query.cookie
	o.msg, o.err = c.overStream(ctx, e, query)
	return o
}

// learn remembers that no better reply came than the doubtful one, which may be the
// server's habit. What came over TCP is true; it is nil if nothing did.
func (c *Client) learn(doubt error, o *tcpReply) {
	var overTCP string // the cookie of the reply
	if o != nil && o.err == nil {
		overTCP = takeOptions(o.msg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.Is(doubt, errCase):
		c.peer.changesCase = true
	case errors.Is(doubt, errNoCookie), errors.Is(doubt, errOtherCookie):
		c.peer.learnCookies(doubt, o, overTCP)
	default:
		header, ok := errors.AsType[*headerError](doubt)
		switch {
		case !ok || !header.suggestsNoEDNS():
		case o != nil && o.err == nil: // it was the cookie
			c.peer.noCookies = c.peer.noCookies || c.peer.serverCookie == ""
		default:
			c.peer.headersAlone++
			if o != nil {
				c.peer.headersAlone = maxSuspects // a forger would not get there
			}
		}
	}
}

// learnCookies is for a server whose replies over UDP do not have the right cookie.
// It gets none any more if it has not shown one of its own yet, or does it over TCP, too,
// or again and again.
func (p *peer) learnCookies(doubt error, o *tcpReply, overTCP string) {
	shown := p.serverCookie != ""
	if p.missedCookies++; p.missedCookies >= maxSuspects || errors.Is(doubt, errOtherCookie) && !shown {
		p.noCookies = true
	}
	if o == nil || o.err != nil || o.cookie == "" {
		return
	}
	p.serverCookie = parseServerCookie(o.cookie, overTCP)
	if p.serverCookie == "" && overTCP != "" && overTCP != o.cookie[:clientCookieSize] {
		p.noCookies = true
	}
}
