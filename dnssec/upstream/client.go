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

// A Client asks one server: over UDP, and over TCP if the reply is truncated or doubtful; or
// over TCP, TLS or HTTPS alone, as its Address says. It returns whatever the server
// replies, SERVFAIL and replies without DNSSEC records included; a Pool, even of
// one, is for those who validate (see Servers).
//
// Address must be set. A Client is safe for concurrent use, and must not be
// changed during it, nor copied after its first use.
type Client struct {
	// Address of the server, in one of these forms, where 192.0.2.1 may be any IP
	// address; an IPv6 address that a port follows is in brackets.
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
	// The host name in a URL is looked up by Dial. By default that is the system's
	// doing; the certificate shows whether the address was the right one.
	Address string

	// Dial opens a connection to an address and port; network is "udp" or "tcp".
	// Nil means a net.Dialer. Each Write to, and each Read from, a connection for
	// "udp" is one datagram; it serves one query.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Timeout is how long to wait for a reply over UDP, with the query sent five
	// times within it, and again over TCP if it comes to that; or how long it takes
	// at most to connect and get a reply otherwise. 0 means 5 seconds. A context
	// that ends earlier counts.
	Timeout time.Duration

	// Attempts is how often that long is waited where no reply comes over UDP; if it
	// is more than one, the last time is over TCP, which gets through networks that
	// lose or block UDP. 0 means 2. Both defaults are those of resolv.conf(5).
	Attempts int

	// TLS is the base of the configuration for TLS and HTTPS, for roots other than
	// the system's above all. Nil means the zero tls.Config. It is not changed. The
	// server is always verified as Address says, and the version is at least TLS
	// 1.2, whatever stands in it.
	TLS *tls.Config

	// KeepCase sends names as they stand in the query. By default each letter goes
	// out over UDP in upper or lower case at random, which a forger would have to
	// guess (draft-vixie-dnsext-dns0x20). That is wrong only for a server that takes
	// names of another case for other names, such as a mock resolver in a unit test,
	// and defends nothing where the server is on the same machine. See also
	// [Query.KeepCase].
	KeepCase bool

	mu      sync.Mutex
	peer    peer
	sockets *sockets     // for UDP; nil until needed
	stream  *stream      // the connection for new queries; nil if there is none
	config  *tls.Config  // made of TLS for streams; nil until needed
	http    *http.Client // nil until needed
}

// String returns the address in canonical form, as in Reply.Server: with the port,
// but for that of HTTPS. If Address is none, it comes as it is.
func (c *Client) String() string {
	e, err := parseAddress(c.Address)
	if err != nil {
		return c.Address
	}
	return e.String()
}

// Exchange sends the query and waits for the reply. Over UDP it comes from a port that
// has no other query meanwhile, and none after its first five seconds, with a random ID
// (RFC 5452 §9.2), the name in random case (see KeepCase), and a cookie if it has an OPT record (RFC
// 7873); the reply has the name as it stands in q.Msg.
// Packets that are no reply to the query are ignored. Over TCP and TLS queries
// share a connection that is closed when it was idle for ten seconds. Cookies and
// padding (RFC 7830) are options of the Client's own: those of q.Msg are not sent,
// and those of the server are taken out of the reply.
//
// The error is ErrExhausted if the server is in q.Avoid, otherwise an *Error.
func (c *Client) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	e, err := parseAddress(c.Address)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, q, e, cmp.Or(c.Attempts, defaultAttempts))
}

func (c *Client) exchange(ctx context.Context, q *Query, e endpoint, attempts int) (*Reply, error) {
	server := e.String()
	if slices.Contains(q.Avoid, server) {
		return nil, ErrExhausted
	}
	m, err := newMessage(q.Msg)
	if err != nil {
		return nil, newError(server, "", q, err)
	}
	m.keepCase = c.KeepCase || q.KeepCase
	start := time.Now()
	network := e.network
	var msg *dns.Msg
	switch network {
	case "udp":
		for range max(attempts-1, 1) {
			if msg, network, err = c.overUDP(ctx, e, m); err == nil || !isTimeout(err) || ended(ctx) != nil {
				break
			}
		}
		if network == "udp" && (wantsTCP(err) || isTimeout(err) && attempts > 1 && ended(ctx) == nil) {
			// RFC 7766 §5. TCP is also out of the reach of those who only guess.
			silence := err
			network = "tcp"
			if msg, err = c.insteadOfUDP(ctx, e, m); err != nil && isTimeout(silence) {
				network, err = "udp", fmt.Errorf("%w; over tcp: %w", silence, err)
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
	return &Reply{Msg: msg, Server: server, Network: network, Elapsed: time.Since(start)}, nil
}

// CloseIdleConnections closes the connections and sockets that nobody waits at. They
// close by themselves after ten seconds. It does not prevent new ones.
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

// ended returns why a context has ended, or is about to: its deadline is that of reads,
// too, whose timer may be the quicker one.
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
