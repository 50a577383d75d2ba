package upstream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Pool asks several servers, the first one first, until one gives a reply that
// is of use. A query with the DO bit, which is that of a validator, gets no reply
// that lacks signatures only because the server drops them; see Exchange.
//
// The zero Pool has no servers, and fails. A Pool is safe for concurrent use, and
// must not be copied or changed after its first use.
type Pool struct {
	// Exchangers in order of priority. One with a String method is named by it in
	// errors.
	Exchangers []Exchanger

	// Equal: the order means nothing, and each query goes to one of them at random,
	// so that they share the load. A Pool of equals can be one Exchanger of a Pool
	// with priorities.
	Equal bool

	// Time is the clock for how long servers rest and what is known of them lasts.
	// Nil means time.Now.
	Time func() time.Time

	once    sync.Once
	mu      sync.Mutex
	servers []*poolServer
}

// Servers returns a Pool of Clients for these addresses, in order of priority. See
// Client.Address for their form; space around one is ignored. The error is an
// *Error, and names the address that is none.
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
	return time.Now()
}

// Exchange asks one server after the other. Each has its share of the time until
// the deadline of ctx, and five seconds at most, or ten if no other is left. The next one is asked if there is
// no reply in time, an rcode other than NOERROR and NXDOMAIN, or a referral. A
// server that does not reply is asked after all others for half a minute.
// Reply.PassedOver says what was wrong with those before the one that answered.
//
// If the query has the DO bit, a reply without any signature is held back until
// it is known that the server would have passed signatures on (see Probe), and one
// that would not, or of which that cannot be found out, is passed over.
//
// If no server has a good reply, the outcome is the first of these that applies:
//
//   - a *CapabilityError: a server is incapable of DNSSEC, and no capable one has
//     answered, be it with SERVFAIL, or as one that is in q.Avoid;
//   - a reply with the rcode SERVFAIL, or another rcode that is a refusal;
//   - an error for each server that failed;
//   - ErrExhausted: all are in q.Avoid.
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
