package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// wantsTCP reports whether what came over UDP is a reason to ask over TCP.
func wantsTCP(err error) bool {
	return errors.Is(err, errTruncated) || errors.Is(err, errFlood) || errors.Is(err, errBadCookie)
}

// overUDP asks until a reply comes that passes all checks, and returns the network that it
// came over, which may be "tcp" (see client_tcpfallback.go). There are these reasons to ask
// again: the server changes the case of names, refuses the cookie option, shows no cookie, or
// wants a new one (RFC 7873 §5.3); or a socket that was idle is stale. Each is remembered,
// and so happens once.
func (q *udpExchange) overUDP(caller context.Context, c *Client, e *endpoint, m *message) (*dns.Msg, string, error) {
	ctx := caller
	q.client, q.endpoint, q.message = c, *e, m
	q.end = time.Now().Add(c.timeout())
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(q.end) {
		q.end = deadline
	}
	if c.Dial != nil { // its connections may ignore deadlines
		try, cancel := context.WithDeadline(ctx, q.end)
		defer cancel()
		ctx = try
	}
	for newCookie := false; ; {
		msg, network, err := q.ask(ctx)
		switch {
		case errors.Is(err, errStale):
			q.newSocket = true
		case errors.Is(err, errBadCookie) && !newCookie:
			newCookie = true
		case errors.Is(err, errNoCookie), errors.Is(err, errOtherCookie):
			q.noCookie = true
		case errors.Is(err, errCase), errors.Is(err, errOption):
		case err == nil, wantsTCP(err), isUnusableReply(err):
			return msg, network, err
		default:
			if isTimeout(err) {
				c.idleSockets().closeThoseTo(e.address)
			}
			late := q.late // without the rest: an error may be kept for long
			return nil, network, cause(caller, ctx, err, &late)
		}
	}
}

// An udpExchange is one query over UDP.
type udpExchange struct {
	client    *Client
	endpoint  endpoint
	message   *message
	end       time.Time    // of all waiting
	late      timeoutError // says so
	newSocket bool         // not one that was in use before
	noCookie  bool

	sentOverTCP bool // some call of ask did; that query may outlive the call, and refers to this

	// For one call of ask, from one socket.
	conn    *socket
	query   message // as it is sent
	last    bool    // the last packet was sent
	suspect error   // what is wrong with the first suspect reply; nil if there was none
	overTCP chan tcpReply
	endTCP  context.CancelFunc // ends the query over TCP; nil if there is no such query
	quiet   bool               // one packet was sent and one came, so no other can be on its way
}

// ask sends the query up to five times from one socket, and reads until a reply to it comes.
func (q *udpExchange) ask(ctx context.Context) (*dns.Msg, string, error) {
	conn, err := q.client.socket(ctx, q.endpoint.address, q.newSocket)
	if err != nil {
		return nil, "udp", err
	}
	q.conn, q.last, q.suspect, q.overTCP, q.endTCP, q.quiet = conn, false, nil, nil, nil, false
	// Close ends a Read or Write at once.
	stop := afterFunc(ctx, func() { conn.Close() })
	defer func() {
		if stop() && q.quiet {
			q.client.keep(conn)
		} else {
			conn.Close()
		}
		if q.endTCP != nil {
			q.endTCP()
		}
	}()
	if err := q.prepareQuery(); err != nil {
		return nil, "udp", err
	}
	return q.retransmit(ctx)
}

// retransmit sends the query up to five times, with a wait after each for the reply.
func (q *udpExchange) retransmit(ctx context.Context) (*dns.Msg, string, error) {
	start := time.Now()
	plan := q.client.schedule(q.end.Sub(start), q.query.msg.RecursionDesired)
	ignoredBefore := q.late.ignored
	for packets := 1; ; packets++ {
		sent := time.Duration(0)
		if packets > 1 {
			sent = time.Since(start)
		}
		wait, early := plan.waitsUntil(packets, sent)
		q.last = wait >= plan.total
		if err := q.send(start.Add(wait), packets == 1); err != nil {
			return nil, "udp", err
		}
		msg, network, err := q.receive(ctx)
		if isTimeout(err) && !q.last {
			msg, network, err = q.beforeNext(ctx, start.Add(plan.usual(packets)), early)
		}
		if !isTimeout(err) {
			if network == "udp" && (err == nil || errors.Is(err, errTruncated)) {
				q.client.observe(time.Since(start), packets)
			}
			q.quiet = err == nil && packets == 1 && q.late.ignored == ignoredBefore && q.suspect == nil
			return msg, network, err
		}
		if q.last {
			return nil, "udp", &q.late
		}
	}
}

// send sends one packet of the query, and sets how long to wait for the reply.
func (q *udpExchange) send(deadline time.Time, first bool) error {
	sent := q.query.wire
	if q.last && q.query.cookie != "" && q.client.lacksServerCookie() {
		sent = q.query.withoutCookie(q.message) // something on the way may drop queries with one
	}
	if err := q.conn.SetDeadline(deadline); err != nil {
		return q.conn.failure(err)
	}
	if first && q.conn.reused && !q.conn.isSilent() {
		// What came before the query cannot be a reply to it.
		return errStale
	}
	if _, err := q.conn.Write(sent); err != nil && !isTimeout(err) {
		return q.conn.failure(err)
	}
	return nil
}

// readTime is how long a packet that is there may take to be read.
const readTime = 5 * time.Millisecond

// beforeNext reads on when a wait is over. On a busy machine the timer may have been quicker
// than the packet that had come. Or it is too early to send the query again, with too few
// early retransmissions left.
func (q *udpExchange) beforeNext(ctx context.Context, usual time.Time, early bool) (*dns.Msg, string, error) {
	deadline := time.Now().Add(readTime)
	if err := q.conn.SetDeadline(deadline); err != nil {
		return nil, "udp", q.conn.failure(err)
	}
	if q.conn.hasPacket() {
		if msg, network, err := q.receive(ctx); !isTimeout(err) {
			return msg, network, err
		}
	}
	if !early || q.client.mayRetransmitEarly() {
		return nil, "udp", &q.late
	}
	if err := q.conn.SetDeadline(usual); err != nil {
		return nil, "udp", q.conn.failure(err)
	}
	return q.receive(ctx)
}

// receive reads until the deadline of the socket. The error is a timeout if nothing came
// that matches the query.
func (q *udpExchange) receive(ctx context.Context) (*dns.Msg, string, error) {
	for {
		packet, err := q.conn.readPacket(q.query.size)
		if isTimeout(err) {
			if msg, final, err := q.resultOverTCP(); final {
				return msg, "tcp", err
			} else if err != nil {
				return nil, "udp", err
			}
			continue
		}
		if err != nil {
			return nil, "udp", q.conn.failure(err)
		}
		msg, err := q.query.accept(packet.octets, q.query.size)
		packet.release()
		if err == nil {
			err = q.client.checkCookie(&q.query, msg, q.last)
		}
		switch {
		case err == nil, wantsTCP(err), errors.Is(err, errOption):
			return msg, "udp", err
		case isSuspect(err) && q.client.isKnownFor(err):
			return nil, "udp", err
		case isSuspect(err):
			q.startTCP(ctx, err)
		}
		q.late.ignored, q.late.last = q.late.ignored+1, err
		if q.late.ignored > maxIgnored {
			return nil, "udp", errFlood
		}
	}
}

// prepareQuery sets the OPT record and the name of a query as they go over UDP: with a cookie,
// and in random case, unless the server is known not to stand one or the other. A query for
// keys keeps the case: some servers compress names only if their case is the same, and then
// keys would often not fit.
func (q *udpExchange) prepareQuery() error {
	c := q.client
	c.mu.Lock()
	c.peer.rotateCookie(q.conn.LocalAddr())
	cookie, changesCase := c.peer.cookie(), c.peer.changesCase
	c.mu.Unlock()
	if q.noCookie {
		cookie = ""
	}
	err := q.query.setCookie(q.message, cookie)
	if err == nil && !q.message.keepCase && !changesCase && q.query.msg.Question[0].Qtype != dns.TypeDNSKEY {
		q.query.randomizeCase(q.message.name)
	}
	return err
}

// insteadOfUDP asks over TCP. A cookie in the reply is the server's own.
func (c *Client) insteadOfUDP(ctx context.Context, e *endpoint, m *message) (*dns.Msg, error) {
	c.mu.Lock()
	cookie := c.peer.cookie()
	c.mu.Unlock()
	query, err := m.withCookie(cookie)
	if err != nil {
		return nil, err
	}
	msg, err := c.overStream(ctx, e, query)
	if err == nil && query.cookie != "" {
		c.mu.Lock()
		c.peer.serverCookie = parseServerCookie(query.cookie, takeOptions(msg))
		c.mu.Unlock()
	}
	return msg, err
}

// socket returns a socket that is connected to the server: a new one if fresh is set, or if
// there is no idle one.
func (c *Client) socket(ctx context.Context, server string, fresh bool) (*socket, error) {
	if c.Dial == nil && !fresh {
		if socket := c.idleSockets().take(server); socket != nil {
			return socket, nil
		}
	}
	opened := time.Now()
	conn, err := c.dialUDP(ctx, server)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: conn, own: c.Dial == nil, server: server, expires: opened.Add(socketLife)}
	if system, ok := conn.(syscall.Conn); ok {
		s.raw, _ = system.SyscallConn()
	}
	return s, nil
}

// dialUDP connects to a server. Most have an IP address, for which a net.Dialer makes lists that
// are of no use, on a stack that would have to grow for them.
func (c *Client) dialUDP(ctx context.Context, server string) (net.Conn, error) {
	address, err := netip.ParseAddrPort(server)
	if err != nil || c.Dial != nil {
		return c.dial(ctx, "udp", server)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(address))
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// keep takes back a socket to which no packet can be on its way. A connection of Dial is not
// used again.
func (c *Client) keep(socket *socket) {
	if !socketsServeAgain || c.Dial != nil || socket.raw == nil || !time.Now().Before(socket.expires) {
		socket.Close()
		return
	}
	c.idleSockets().put(socket)
}

func (c *Client) idleSockets() *sockets {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sockets == nil {
		c.sockets = new(sockets)
	}
	return c.sockets
}

// lacksServerCookie reports whether the server has not shown a cookie yet. Something on the
// way to it may drop queries with cookies.
func (c *Client) lacksServerCookie() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer.serverCookie == ""
}

// checkCookie returns what is wrong with the cookie of a reply over UDP (RFC 7873 §5.3), or
// nil. It remembers the cookie of the server. A reply with our cookie alone is accepted, as
// its sender has seen the query. last says that the last packet of the query was without a
// cookie: then the reply may be from a server that drops queries with one.
func (c *Client) checkCookie(query *message, msg *dns.Msg, last bool) error {
	got := takeOptions(msg)
	badCookie := msg.Rcode == dns.RcodeBadCookie
	c.mu.Lock()
	defer c.mu.Unlock()
	server := parseServerCookie(query.cookie, got)
	switch {
	case query.cookie == "" && badCookie:
		return errBadCookie // was for somebody else; TCP needs no cookie
	case query.cookie == "":
		return nil
	case got == "" && (c.peer.serverCookie != "" || badCookie):
		return errNoCookie // it may be from anybody
	case got == "" && msg.Rcode == dns.RcodeFormatError:
		c.peer.noCookies = true
		return errOption
	case got == "":
		c.peer.noCookies = c.peer.noCookies || last
		return nil
	case server == "" && (badCookie || got != query.cookie[:clientCookieSize]):
		return errOtherCookie
	case server == "":
		return nil // CoreDNS 1.12 does that
	}
	c.peer.serverCookie = server
	if badCookie {
		return errBadCookie
	}
	return nil
}
