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
	doubtGrace, tcpFailureGrace = 2 * time.Millisecond, 100 * time.Millisecond
	// maxDoubts is how often a server that has shown a cookie may do without until it
	// gets none any more, so that a single forgery does not do away with them; and how
	// often one is to send a header alone until that is believed at once.
	maxDoubts = 3
)

// isDoubt reports whether what came is a forgery or the server's.
func isDoubt(err error) bool {
	return errors.Is(err, errCase) || errors.Is(err, errNoCookie) || errors.Is(err, errOtherCookie) || isItsOwnFault(err)
}

// isItsOwnFault reports whether there was a reply to the query, which could not be
// used. It says something of what was asked for, and nothing of the server.
func isItsOwnFault(err error) bool {
	_, header := errors.AsType[*headerError](err)
	return header || errors.Is(err, errMalformed) || errors.Is(err, errTruncated)
}

// isUsual reports whether the server is known for what gives rise to the doubt.
func (c *Client) isUsual(doubt error) bool {
	header, ok := errors.AsType[*headerError](doubt)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && header.wantsPlain() && !c.known.edns && c.known.headers >= maxDoubts
}

// hintsAtNoEDNS reports whether an error of Exchange is a reason to ask without EDNS (RFC
// 6891 §7): no better reply came than a header alone, and the server has never sent an OPT
// record. It is for those who ask authoritative servers: a forwarder that cannot pass on
// what a validator needs is of no use.
func (c *Client) hintsAtNoEDNS(err error) bool {
	header, ok := errors.AsType[*headerError](err)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && header.wantsPlain() && !c.known.edns
}

// An opinion is what came over TCP.
type opinion struct {
	cookie string // that was sent
	msg    *dns.Msg
	err    error
}

// doubtIt has the query asked over TCP, once. The socket wakes up when that is done.
func (q *inquiry) doubtIt(ctx context.Context, doubt error) {
	if q.doubt != nil {
		return
	}
	q.doubt, q.opinion = doubt, make(chan opinion, 1)
	q.waitFor(q.client.timeout() / 8)
	conn, done := q.conn, q.opinion
	go func() { // ends with ctx
		select {
		case <-time.After(doubtGrace):
			done <- q.client.secondOpinion(ctx, q.endpoint, q.message, doubt)
			conn.SetReadDeadline(time.Unix(1, 0))
		case <-ctx.Done():
		}
	}()
}

// waitFor sets the deadline of the socket.
func (q *inquiry) waitFor(d time.Duration) {
	until := time.Now().Add(d)
	if q.end.Before(until) {
		until = q.end
	}
	q.conn.SetReadDeadline(until) // if that fails, so does the Read
}

// heardOverTCP returns what has come over TCP, if it is final, when the socket has not
// brought anything in time. Otherwise the error is what to do without; nil is to wait on.
func (q *inquiry) heardOverTCP() (msg *dns.Msg, final bool, err error) {
	if q.doubt == nil {
		return nil, false, q.late
	}
	select {
	case o := <-q.opinion:
		if o.err == nil || isItsOwnFault(o.err) {
			q.client.learn(q.doubt, &o)
			return o.msg, true, o.err
		}
		q.waitFor(tcpFailureGrace)
		return nil, false, nil
	default:
	}
	q.client.learn(q.doubt, nil)
	return nil, false, q.doubt
}

// secondOpinion asks over TCP. Who could not read the query is asked without a cookie.
func (c *Client) secondOpinion(ctx context.Context, e endpoint, m *message, doubt error) (o opinion) {
	if _, header := errors.AsType[*headerError](doubt); !header {
		c.mu.Lock()
		o.cookie = c.known.cookie()
		c.mu.Unlock()
	}
	query, err := m.withCookie(o.cookie)
	if err != nil {
		return opinion{err: err}
	}
	o.cookie = query.cookie
	o.msg, o.err = c.overStream(ctx, e, query)
	return o
}

// learn remembers that no better reply came than the doubtful one, which may be the
// server's habit. What came over TCP is true; it is nil if nothing did.
func (c *Client) learn(doubt error, o *opinion) {
	var overTCP string // the cookie of the reply
	if o != nil && o.err == nil {
		overTCP = takeOptions(o.msg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.Is(doubt, errCase):
		c.known.changesCase = true
	case errors.Is(doubt, errNoCookie), errors.Is(doubt, errOtherCookie):
		c.known.learnOfCookies(doubt, o, overTCP)
	default:
		header, ok := errors.AsType[*headerError](doubt)
		switch {
		case !ok || !header.wantsPlain():
		case o != nil && o.err == nil: // it was the cookie
			c.known.noCookies = c.known.noCookies || c.known.server == ""
		default:
			c.known.headers++
			if o != nil {
				c.known.headers = maxDoubts // a forger would not get there
			}
		}
	}
}
