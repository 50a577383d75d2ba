package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Client asks one server, over UDP and TCP, or over TLS or HTTPS, as its Address says.
// It returns whatever the server replies, SERVFAIL and replies without DNSSEC records
// included. A validator needs a [Pool], even if it has only one server; see [Servers].
//
// This is what happens to a query over UDP. It goes out from a port of its own, with a
// random ID, the name in random case, and a cookie. If there is no reply, it is sent up to
// five times within Timeout, the sooner the faster the server has been. A packet that does
// not match the query is ignored. A packet that almost matches is suspect: it may be forged,
// or the server may be like that. Then the query goes over TCP as well, where forgers cannot
// guess, and the first good reply counts. TCP is also used if the reply is truncated, and
// for the last of the Attempts.
//
// Over TCP, TLS and HTTPS, queries share a connection, which is replaced if it breaks. What
// a Client learns about its server, such as its cookie, it keeps for the next query.
//
// Address must be set. A Client is safe for concurrent use. It must not be changed while
// it is in use, nor copied after its first use.
type Client struct {
	// Address of the server, in one of these forms. 192.0.2.1 may be any IP address;
	// an IPv6 address with a port behind it is in brackets.
	//
	//	192.0.2.1                      port 53, over UDP and TCP
	//	192.0.2.1:5353                 another port
	//	tcp://192.0.2.1                never over UDP
	//	tls://192.0.2.1#dns.example    over TLS, port 853, the name in the certificate
	//	tls://192.0.2.1                the IP address itself is in the certificate
	//	tls://192.0.2.1#pin-sha256=…   the key of the certificate is known (RFC 7858
	//	                               §4.2); several pins are separated by commas
	//	https://dns.example/dns-query  over HTTPS, port 443; without a path it is
	//	                               /dns-query; the host may be an IP address
	//
	// The host name in a URL is looked up by Dial, which by default asks the system.
	// The certificate shows whether the address was the right one.
	Address string

	// Dial opens a connection to an address and port; network is "udp" or "tcp".
	// Nil means a net.Dialer. Each Write to, and each Read from, a connection for
	// "udp" is one datagram; it serves one query.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Timeout is how long to wait for a reply over UDP, and again over TCP if the
	// query goes there, too. Over TLS and HTTPS it includes the time to connect.
	// 0 means 5 seconds. A context that ends earlier counts.
	Timeout time.Duration

	// Attempts is how often to wait that long if no reply comes over UDP. If it is
	// more than one, the last attempt is over TCP, which gets through networks that
	// lose or block UDP. 0 means 2. Both defaults are those of resolv.conf(5).
	Attempts int

	// TLS is the base of the configuration for TLS and HTTPS, above all for roots
	// other than the system's. Nil means the zero tls.Config. It is not changed. The
	// server is always verified as Address says, and the version is at least TLS 1.2,
	// whatever the base says.
	TLS *tls.Config

	// KeepCase sends names as they stand in the query. By default each letter goes
	// out over UDP in upper or lower case at random, which a forger would have to
	// guess (draft-vixie-dnsext-dns0x20). That is wrong only for a server that takes
	// names of another case for other names, such as a mock resolver in a unit test,
	// and defends nothing where the server is on the same machine. See also
	// Query.KeepCase.
	KeepCase bool

	mu      sync.Mutex
	peer    peer
	sockets *sockets     // for UDP; nil until needed
	stream  *stream      // the connection for new queries, if there is one
	config  *tls.Config  // made of TLS for streams; nil until needed
	http    *http.Client // nil until needed
}

// String returns the address in the form that [Reply] has in Server: with the port, unless
// it is that of HTTPS. An Address that is not valid is returned as it is.
func (c *Client) String() string {
	e, err := parseAddress(c.Address)
	if err != nil {
		return c.Address
	}
	return e.String()
}

// Exchange sends the query and waits for the reply.
//
// Over UDP no other query uses the same port at the same time, and a port is used for five
// seconds at most (RFC 5452 §9.2). The name goes out in random case, unless KeepCase is
// set, and comes back as it stands in q.Msg. A query with an OPT record has a cookie over
// UDP (RFC 7873), and padding over TLS and HTTPS (RFC 7830). Both belong to the Client:
// those of q.Msg are not sent, and those of the server are taken out of the reply. A
// connection over TCP or TLS is closed when it has been idle for ten seconds.
//
// The error is [ErrExhausted] if the server is in q.Avoid, otherwise an [*Error].
func (c *Client) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	e, err := parseAddress(c.Address)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, q, &e, cmp.Or(c.Attempts, defaultAttempts))
}

// exchange is Exchange with the address parsed, and with so many attempts.
func (c *Client) exchange(ctx context.Context, q *Query, e *endpoint, attempts int) (*Reply, error) {
	server := e.String()
	if slices.Contains(q.Avoid, server) {
		return nil, ErrExhausted
	}
	exchange := clientExchanges.Get().(*clientExchange)
	if err := exchange.plain.set(q.Msg); err != nil {
		return nil, newError(server, "", q, err)
	}
	m := &exchange.plain.message
	m.keepCase = c.KeepCase || q.KeepCase
	start := time.Now()
	network := e.network
	var msg *dns.Msg
	var err error
	switch network {
	case "udp":
		msg, network, err = exchange.udp.overUDP(ctx, c, e, m)
		for tries := 2; tries < attempts && isTimeout(err) && ended(ctx) == nil; tries++ {
			msg, network, err = new(udpExchange).overUDP(ctx, c, e, m)
		}
		if network == "udp" && (wantsTCP(err) || isTimeout(err) && attempts > 1 && ended(ctx) == nil) {
			// RFC 7766 §5. TCP is also out of the reach of those who only guess.
			timeout := err
			network = "tcp"
			if msg, err = c.insteadOfUDP(ctx, e, m); err != nil && isTimeout(timeout) {
				network, err = "udp", fmt.Errorf("%w; over tcp: %w", timeout, err)
			}
		}
	case "https":
		msg, err = c.overHTTPS(ctx, e, m)
	default:
		msg, err = c.overStream(ctx, e, m)
	}
	if err != nil {
		return nil, newError(server, network, q, err)
	}
	if msg.IsEdns0() != nil {
		c.mu.Lock()
		c.peer.edns = true
		c.mu.Unlock()
	}
	takeOptions(msg)
	elapsed := time.Since(start)
	exchange.giveBack()
	return &Reply{Msg: msg, Server: server, Network: network, Elapsed: elapsed}, nil
}

// A clientExchange is one Exchange of a Client, in one piece, since most queries go over UDP.
type clientExchange struct {
	plain plainMessage
	udp   udpExchange
}

// clientExchanges are not in use.
var clientExchanges = sync.Pool{New: func() any { return new(clientExchange) }}

// giveBack makes it serve again, if nothing refers to it any more: if the first packet over UDP
// brought the reply, and no query went over TCP before. Errors and queries over TCP may go on
// using the rest.
func (e *clientExchange) giveBack() {
	if e.udp.quiet && !e.udp.sentOverTCP {
		*e = clientExchange{}
		clientExchanges.Put(e)
	}
}

// CloseIdleConnections closes the connections and sockets on which no query waits for a
// reply. They would close by themselves after ten seconds. A later query opens new ones.
func (c *Client) CloseIdleConnections() {
	c.mu.Lock()
	sockets, stream, web := c.sockets, c.stream, c.http
	c.mu.Unlock()
	if sockets != nil {
		sockets.closeAll()
	}
	if stream != nil {
		stream.closeIdle()
	}
	if web != nil {
		web.CloseIdleConnections()
	}
}

// newError returns the error of a query to a server.
func newError(server, network string, q *Query, err error) *Error {
	e := &Error{Server: server, Network: network, Err: err}
	if q.Msg != nil && len(q.Msg.Question) > 0 {
		e.Name, e.Type = q.Msg.Question[0].Name, q.Msg.Question[0].Qtype
	}
	return e
}

func (c *Client) timeout() time.Duration { return cmp.Or(c.Timeout, defaultTimeout) }

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// cause returns why a try ended: because the caller cancelled it, because it took longer
// than the Client or the caller allows, or else err.
func cause(caller, try context.Context, err error, late *timeoutError) error {
	switch {
	case errors.Is(caller.Err(), context.Canceled):
		return caller.Err()
	case try.Err() != nil, isTimeout(err):
		return late
	}
	return err
}

// ended returns why a context has ended. A deadline that is over counts, even if the
// context does not say so yet: reads have the same deadline, and their timer may be the
// quicker one.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}
