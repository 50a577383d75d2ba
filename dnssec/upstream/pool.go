package upstream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Pool asks several servers, one after the other, until one gives a reply that is of use.
// A validator, whose queries have the DO bit, never gets a reply from it that lacks
// signatures only because the server drops them.
//
// This is what happens to a query. Servers that are known not to be capable of DNSSEC are
// left out. Those that did not answer a short time ago (they are in backoff) go to the end,
// and the rest are asked in order. If a server does not reply in its share of the time,
// refuses, or answers by a referral, the next one is asked: that is failover. A reply with a
// signature is taken as it is. One without is held back until a probe has shown whether the
// server passes signatures on; the result is kept for some minutes. See [Pool.Exchange] for
// what comes out when no server has a good reply.
//
// The zero Pool has no servers, and fails. A Pool is safe for concurrent use. It must not
// be copied or changed after its first use.
type Pool struct {
	// Exchangers in order of priority. Errors name one by its String method, if it has
	// one, or else by its number.
	Exchangers []Exchanger

	// Equal sends each query to one of them at random, so that they share the load;
	// the order means nothing then. A Pool of equals can be one Exchanger of a Pool
	// with priorities.
	Equal bool

	// Time is the clock by which servers are in backoff, and by which what is known of
	// them expires. Nil means time.Now, and that time in which the machine sleeps counts.
	Time func() time.Time

	clock   clock // in place of Time
	once    sync.Once
	mu      sync.Mutex
	servers []*poolServer
}

// Servers returns a [Pool] with a [Client] for each address, in order of priority. See
// Client for the forms of an address; space around one is ignored. The error is an
// [*Error] that names the address that is not valid.
func Servers(addresses ...string) (*Pool, error) {
	if len(addresses) == 0 {
		return nil, &Error{Err: errNoServers}
	}
	p := new(Pool)
	for _, address := range addresses {
		address = strings.TrimSpace(address)
		if _, err := parseAddress(address); err != nil {
			return nil, err
		}
		p.Exchangers = append(p.Exchangers, &Client{Address: address})
	}
	return p, nil
}

// setUp makes the list of servers, at the first use.
func (p *Pool) setUp() {
	for i, e := range p.Exchangers {
		name := fmt.Sprintf("server %d", i+1)
		if named, ok := e.(fmt.Stringer); ok {
			name = named.String()
		}
		p.servers = append(p.servers, &poolServer{
			exchanger: e, name: name,
			capabilities: make(map[string]capabilityEntry), probes: make(map[string]*inflightProbe),
		})
	}
}

func (p *Pool) now() time.Time {
	if p.Time != nil {
		return p.Time()
	}
	return p.clock.now()
}

// Exchange asks one server after the other. Each has its share of the time until the
// deadline of ctx, and five seconds at most, or ten if no other is left; a [Recursor] has
// thirty. The next one is asked if there is no reply in time, an rcode other than NOERROR
// and NXDOMAIN, or a referral. A server that does not reply is in backoff for half a
// minute: it is asked after all others. Reply.PassedOver says what was wrong with those
// before the one that answered.
//
// If the query has the DO bit, a reply without any signature is held back until it is known
// whether the server would have passed signatures on (see [Probe]). A server that would
// not, or of which that cannot be found out, is passed over.
//
// If no server has a good reply, the outcome is the first of these that applies:
//
//   - a [*CapabilityError]: a server is incapable of DNSSEC, and no capable one has
//     answered. SERVFAIL counts as an answer here, and so does what put a server into
//     q.Avoid;
//   - a reply with the rcode SERVFAIL, or another rcode that is a refusal;
//   - an error for each server that failed;
//   - [ErrExhausted]: all servers are in q.Avoid.
//
// A server in q.Avoid gave an answer that did not validate. If it turns out to be
// incapable, and no other one has a good reply, the error is a *CapabilityError.
func (p *Pool) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	p.once.Do(p.setUp)
	if len(p.servers) == 0 {
		return nil, &Error{Err: errNoServers}
	}
	if q.Msg == nil || len(q.Msg.Question) != 1 {
		return nil, newError("", "", q, errNoQuestion)
	}
	f := &failover{pool: p, query: q, zone: dns.CanonicalName(q.Anchor), validating: isValidating(q)}
	candidates := f.candidates()
	for i, s := range candidates {
		if reply := f.ask(ctx, s, len(candidates)-i); reply != nil {
			return f.accept(reply, candidates[i+1:]), nil
		}
		if ended(ctx) != nil {
			break
		}
	}
	return f.conclude(ctx)
}
