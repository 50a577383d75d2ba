package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Causes of an [*Error] of an [Authority].
var (
	// ErrLame: the server replied, but does not serve the zone. It refers to other servers,
	// or its reply is of another zone or of none.
	ErrLame = errors.New("server does not serve the zone")
	// ErrNotAllowed: the address is not one that data in the DNS may lead to.
	ErrNotAllowed = errors.New("address may not be asked")
)

// An Authority is one name server of a zone, at one of its addresses, and asks nobody else.
// A [Recursor] asks the fastest server and goes on to another if that fails; those who
// publish want to know what each of them says.
//
// Queries go out without the RD bit. A reply counts if it is an answer from the zone: data,
// an alias, or a denial. A refusal, such as SERVFAIL, is returned as a reply. A server that
// does not know EDNS fails at queries that have it, as it fails those who validate.
//
// Zone and Address must be set. An Authority is safe for concurrent use. It must not be
// copied or changed after its first use.
type Authority struct {
	// Zone that the server is asked about. Questions for other zones are an error.
	Zone string

	// Address of the server, and its port: 53 except in tests.
	Address netip.AddrPort

	// Dial connects to the server, as Client has it. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Allow reports whether the address may be asked. Nil refuses what a Recursor refuses
	// on the Internet: addresses of this machine and its link, and those of no single host.
	Allow func(netip.Addr) bool

	// Timeout is how long to wait for a reply over UDP, and again over TCP. 0 means five
	// seconds.
	Timeout time.Duration

	// TCP asks over TCP alone. Otherwise that is for what UDP does not carry.
	TCP bool

	// Verbatim returns every reply as it came: the referral of a server to the zones below
	// its own, and what a server says that does not serve the zone. Then ErrLame is no error.
	Verbatim bool

	once   sync.Once
	client *Client
}

var _ Exchanger = (*Authority)(nil)

// Exchange asks the server. The error is [ErrExhausted] if it is in q.Avoid, otherwise an
// [*Error], whose cause may be [ErrLame] or [ErrNotAllowed].
func (a *Authority) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	a.once.Do(a.setUp)
	server := a.client.String()
	if q.Msg == nil || len(q.Msg.Question) != 1 {
		return nil, newError(server, "", q, errNoQuestion)
	}
	zone, question := dns.CanonicalName(a.Zone), q.Msg.Question[0]
	question.Name = dns.CanonicalName(question.Name)
	if !isBelow(zone, question.Name) {
		return nil, newError(server, "", q, errOutside)
	}
	filter := addressFilter{allow: a.Allow}
	if !filter.allows(a.Address.Addr().Unmap()) {
		return nil, newError(server, "", q, ErrNotAllowed)
	}
	msg := *q.Msg // which a Client does not change
	msg.RecursionDesired = false
	own := *q
	own.Msg = &msg
	reply, err := a.client.Exchange(ctx, &own)
	if err != nil || a.Verbatim {
		return reply, err
	}
	switch kind, _ := classify(zone, question, reply.Msg); kind {
	case answer:
		keepBailiwick(zone, reply.Msg)
		return reply, nil
	case refused:
		return reply, nil
	}
	return nil, newError(server, reply.Network, q, ErrLame)
}

// CloseIdleConnections closes the connections on which no query waits for a reply, as that of
// a [Client].
func (a *Authority) CloseIdleConnections() {
	a.once.Do(a.setUp)
	a.client.CloseIdleConnections()
}

func (a *Authority) setUp() {
	a.client = &Client{Address: a.Address.String(), Dial: a.Dial, Timeout: a.Timeout}
	if a.TCP {
		a.client.Address = "tcp://" + a.client.Address
	}
}

var errOutside = errors.New("the name is not in the zone")
