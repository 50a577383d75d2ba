package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/miekg/dns"
)

// A reply over UDP with the right ID and port that is not quite right otherwise is suspect.
// It may be forged, and a good reply follows. Or the server is like that: some caches keep
// replies together with the letter case and the cookie of whoever asked first (the stub of
// systemd-resolved 252 and dnsdist 1.7 do), some records cannot be read, and some servers
// answer by a header alone what they cannot read. RFC 7873 §5.3 has such a reply discarded.
// But a good reply may never come. So, after a short delay, the query goes over TCP as well,
// where forgers cannot guess, while the socket stays open for a better reply. The first good
// one counts.
//
// If no better reply comes, that is remembered of the server, so that it costs time once.

const (
	// fallbackDelay is how long to wait for a better reply before TCP is used, and
	// tcpFailureGrace how long to wait after TCP has failed: the true reply may have been
	// slower than a forgery.
	fallbackDelay, tcpFailureGrace = 2 * time.Millisecond, 100 * time.Millisecond
	// maxSuspects is how often the same has to be suspect until it is taken for what the
	// server does: to leave out the cookie that it has shown before, or to send a header
	// alone. So a single forgery does not switch cookies off.
	maxSuspects = 3
)

// isSuspect reports whether an error is that of a reply that may be forged.
func isSuspect(err error) bool {
	return errors.Is(err, errCase) || errors.Is(err, errNoCookie) || errors.Is(err, errOtherCookie) || isUnusableReply(err)
}

// isKnownFor reports whether the server is known to send such replies.
func (c *Client) isKnownFor(suspect error) bool {
	header, ok := errors.AsType[*headerError](suspect)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && header.suggestsNoEDNS() && !c.peer.edns && c.peer.headersAlone >= maxSuspects
}

// mayLackEDNS reports whether an error of Exchange is a reason to ask without EDNS (RFC
// 6891 §7): no better reply came than a header alone, and it came over TCP, where it is no
// forgery, or the server has never sent an OPT record. One that has sent one may have done so for
// another zone, from another server behind the same address. Only a Recursor uses it: a forwarder
// without EDNS is of no use to a validator.
func (c *Client) mayLackEDNS(err error) bool {
	header, ok := errors.AsType[*headerError](err)
	if !ok || !header.suggestsNoEDNS() {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Network == "tcp" {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.peer.edns
}

// A tcpReply is the reply over TCP to a query whose reply over UDP was suspect.
type tcpReply struct {
	cookie string // that was sent
	msg    *dns.Msg
	err    error
}

// startTCP sends the query over TCP, too, unless it has done so. When there is a reply, a
// Read from the socket ends.
func (q *udpExchange) startTCP(ctx context.Context, suspect error) {
	if q.suspect != nil {
		return
	}
	q.suspect, q.overTCP, q.sentOverTCP = suspect, make(chan tcpReply, 1), true
	ctx, q.endTCP = context.WithCancel(ctx)
	q.extend(q.client.timeout() / 8)
	conn, done := q.conn, q.overTCP
	go func() { // ends with ctx
		select {
		case <-time.After(fallbackDelay):
			done <- q.client.askTCP(ctx, &q.endpoint, q.message, suspect)
			conn.SetReadDeadline(time.Unix(1, 0))
		case <-ctx.Done():
		}
	}()
}

// extend lets the socket wait for so long, but not past the end.
func (q *udpExchange) extend(d time.Duration) {
	until := time.Now().Add(d)
	if q.end.Before(until) {
		until = q.end
	}
	q.conn.SetReadDeadline(until) // if that fails, so does the Read
}

// resultOverTCP is for when a Read from the socket has timed out. If the reply over TCP is
// there and of use, final is true. Otherwise err is why to stop waiting; if it is nil, the
// socket is to be read on.
func (q *udpExchange) resultOverTCP() (msg *dns.Msg, final bool, err error) {
	if q.suspect == nil {
		return nil, false, &q.late
	}
	select {
	case tcp := <-q.overTCP:
		if tcp.err == nil || isUnusableReply(tcp.err) {
			q.client.learn(q.suspect, &tcp)
			return tcp.msg, true, tcp.err
		}
		q.extend(tcpFailureGrace)
		return nil, false, nil
	default:
	}
	q.client.learn(q.suspect, nil)
	return nil, false, q.suspect
}

// askTCP asks over TCP, without a cookie if the server seems to be unable to read it.
func (c *Client) askTCP(ctx context.Context, e *endpoint, m *message, suspect error) (o tcpReply) {
	if _, header := errors.AsType[*headerError](suspect); !header {
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

// learn remembers that no better reply came than the suspect one, which may be how the
// server is. What came over TCP is true; it is nil if nothing came.
func (c *Client) learn(suspect error, o *tcpReply) {
	var overTCP string // the cookie of the reply
	if o != nil && o.err == nil {
		overTCP = takeOptions(o.msg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.Is(suspect, errCase):
		c.peer.changesCase = true
	case errors.Is(suspect, errNoCookie), errors.Is(suspect, errOtherCookie):
		c.peer.learnCookies(suspect, o, overTCP)
	default:
		header, ok := errors.AsType[*headerError](suspect)
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

// learnCookies is for a server whose replies over UDP do not have the right cookie. It is
// sent no cookies any more if it has never shown one, or does the same over TCP, or has done
// it maxSuspects times.
func (p *peer) learnCookies(suspect error, o *tcpReply, overTCP string) {
	shown := p.serverCookie != ""
	if p.missedCookies++; p.missedCookies >= maxSuspects || errors.Is(suspect, errOtherCookie) && !shown {
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
