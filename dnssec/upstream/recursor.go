package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// A Recursor resolves iteratively (RFC 1034 §5.3.3): it follows the delegations
// from the root servers down, and returns the reply of one authoritative server.
// With it no other DNS server is needed. It follows no aliases and validates
// nothing; both are the work of who asks. Where the network itself may answer in place
// of the servers, without DNSSEC records, a Pool of one Recursor finds that out.
//
// The zero Recursor starts from the built-in addresses of the root servers. A
// Recursor is safe for concurrent use, and must not be copied or changed after its
// first use. It keeps delegations and what it learned of servers in memory, within
// a bound.
type Recursor struct {
	// Hints are the addresses of root servers. Nil means the built-in ones; see
	// ReadHints. They are used at once; the root servers' own list, asked for
	// beside the first query, takes their place (RFC 8109).
	Hints []netip.AddrPort

	// Dial connects to name servers, as for a Client. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Allow is asked before an address is used that DNS data led to. Nil refuses
	// multicast and unspecified addresses; and loopback and link-local ones, unless
	// a hint is of that kind, as in a private Internet.
	Allow func(netip.Addr) bool

	// FullNames: every server is asked the full question. Otherwise servers above
	// the zone that answers see no more of the name than they need (RFC 9156).
	FullNames bool

	// Time is the clock by which what was learned expires. Nil means time.Now.
	Time func() time.Time

	once     sync.Once
	hints    *delegation // of the root
	kinds    addressKinds
	priming  priming
	cuts     cutCache
	silences silences
	servers  serverStates
	sockets  sockets
}

// A resolution is one Exchange. The lookups of name servers that it leads to share
// its limits.
type resolution struct {
	*Recursor
	query   *Query
	queries atomic.Int32 // sent
	tries   atomic.Int32 // to send one
	lookups atomic.Int32 // of name servers
}

// A task is one question on its way down. That of the resolution is the first; the
// others look for addresses of name servers.
type task struct {
	question dns.Question
	avoid    []string
	above    []string // name servers whose addresses are being looked for
}

// errLimit says that a resolution takes more work than it may.
var errLimit = errors.New("resolution takes too many steps")

func (r *Recursor) now() time.Time {
	if r.Time != nil {
		return r.Time()
	}
	return time.Now()
}

// Exchange asks the servers of the zone that the question belongs to; for DS
// records, of the zone above the cut (RFC 4035 §3.1.4.1), unless they came with
// the delegation. Reply.Server is the address and port of the server that gave the
// answer; " by referral" follows where that was in a delegation. As with a Pool, a
// refusal comes as a reply if no server did better, and Reply.PassedOver has the
// servers that were asked in vain.
//
// The error is ErrExhausted if all servers of the zone are in q.Avoid, otherwise an
// *Error.
func (r *Recursor) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	r.once.Do(r.setUp)
	if q.Msg == nil || len(q.Msg.Question) != 1 {
		return nil, failed("", "", q, errNoQuestion)
	}
	question := q.Msg.Question[0]
	question.Name = dns.CanonicalName(question.Name)
	if _, ok := dns.IsDomainName(question.Name); !ok || question.Qclass != dns.ClassINET {
		return nil, failed("", "", q, errMalformed)
	}
	resolution := &resolution{Recursor: r, query: q}
	defer resolution.prime(ctx)()
	reply, err := resolution.resolve(ctx, &task{question: question, avoid: q.Avoid})
	if err != nil {
		if errors.Is(err, ErrExhausted) {
			return nil, ErrExhausted
		}
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
			err = errors.Join(ctx.Err(), err)
		}
		return nil, failed("", "", q, err)
	}
	// The question as it was asked, whatever was sent to whom.
	reply.Msg.Question = []dns.Question{q.Msg.Question[0]}
	return reply, nil
}

// resolve goes down from the closest zone that is known.
func (r *resolution) resolve(ctx context.Context, t *task) (*Reply, error) {
	if len(t.above) > maxDepth {
		return nil, fmt.Errorf("%w: name servers named after name servers", errLimit)
	}
	enclosed := t.question.Name
	if t.question.Qtype == dns.TypeDS {
		if reply := r.fromReferral(t); reply != nil {
			return reply, nil
		}
		enclosed = parent(enclosed)
	}
	zone := r.closest(enclosed)
	if len(t.avoid) > 0 && zone.name != "." {
		// What did not validate may be the fault of whom the delegation names, so it is
		// asked for again.
		zone = r.closest(parent(zone.name))
	}
	within := zone.name // the longest name that is known to lie in no zone below
	for range maxReferrals {
		question := t.question
		if !r.FullNames {
			question = minimise(t.question, zone, within)
		}
		minimised := question != t.question
		o, err := r.askZone(ctx, t, zone, question)
		switch {
		case o.next != nil:
			zone = o.next
			within = zone.name
		case minimised && o.replied:
			// There is no cut at that name.
			switch {
			case err != nil || o.reply.Msg.Rcode != dns.RcodeSuccess:
				// Or the server has trouble with such questions (RFC 9156 §2.3); it may
				// call names that only have names below them nonexistent.
				within = t.question.Name
			case dns.CountLabel(zone.name) < minAnsweringLabels:
				within = question.Name
			default:
				zone.answers.Store(true)
				within = t.question.Name
			}
		case err != nil:
			return nil, err
		default:
			if len(o.reply.Msg.Answer) > 0 && dns.CountLabel(zone.name) >= minAnsweringLabels {
				// Most names below a zone that has data itself are its own, and the
				// others lie in zones of the same owner.
				zone.answers.Store(true)
			}
			return o.reply, nil
		}
	}
	return nil, fmt.Errorf("%w: more than %d delegations", errLimit, maxReferrals)
}

// minimise returns what a zone's servers need to see of a question in order to
// refer to the zone below (RFC 9156 §2.3): one label more than the name that is
// known to be no cut. It is the question itself where that is all of its name, or
// the zone is known to answer for names below itself. No zones are cut at names
// like _25._tcp, so those come in one step.
func minimise(question dns.Question, zone *delegation, within string) dns.Question {
	if zone.answers.Load() {
		return question
	}
	all, labels := dns.CountLabel(question.Name), dns.CountLabel(within)+1
	start, _ := dns.PrevLabel(question.Name, labels)
	for labels < all && question.Name[start] == '_' {
		labels++
		start, _ = dns.PrevLabel(question.Name, labels)
	}
	if labels >= all || labels-dns.CountLabel(zone.name) > maxMinimised {
		return question
	}
	return dns.Question{Name: question.Name[start:], Qtype: dns.TypeA, Qclass: question.Qclass}
}

// findServers looks for addresses of the zone's name servers that are not known,
// some names at a time, and reports whether it found any. One name's addresses are
// enough to go on. If gluelessOnly, those that came with addresses are left out.
func (r *resolution) findServers(ctx context.Context, t *task, zone *delegation, gluelessOnly bool) bool {
	names := zone.unknown(r.now(), t.above, gluelessOnly)
	if len(names) == 0 {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	found := make(chan bool, len(names))
	var all sync.WaitGroup
	defer all.Wait() // after cancel
	defer cancel()
	for _, name := range names {
		if r.lookups.Add(1) > maxLookups {
			found <- false
			continue
		}
		all.Go(func() {
			addresses, expires := r.addressesOf(ctx, t, zone, name)
			if ctx.Err() == nil || len(addresses) > 0 {
				zone.learn(name, addresses, expires, r.now())
				r.cuts.grown(zone)
			}
			found <- len(addresses) > 0
		})
	}
	for range names {
		if <-found {
			return true
		}
	}
	return false
}

// addressesOf looks for the addresses of one name server. Those of a server inside
// the zone that it serves are only known to the zone above, as glue.
func (r *resolution) addressesOf(ctx context.Context, t *task, zone *delegation, name string) ([]netip.AddrPort, time.Time) {
	above := append(slices.Clone(t.above), name)
	var both [2][]netip.AddrPort
	var expires [2]time.Time
	var all sync.WaitGroup
	for i, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		all.Go(func() {
			lookup := &task{question: dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}, above: above}
			if isBelow(zone.name, name) {
				both[i], expires[i] = r.askForGlue(ctx, lookup, zone)
				return
			}
			reply, err := r.resolve(ctx, lookup)
			if err == nil {
				both[i], expires[i] = r.addressesIn(reply.Msg.Answer, name)
			}
		})
	}
	all.Wait()
	switch {
	case len(both[1]) == 0:
		return both[0], expires[0]
	case len(both[0]) == 0:
		return both[1], expires[1]
	}
	return append(both[0], both[1]...), earliest(expires[0], expires[1])
}

// askForGlue asks the servers above a zone for the address of a server in it: not
// every referral has room for all (RFC 9471 §3.2).
func (r *resolution) askForGlue(ctx context.Context, t *task, zone *delegation) ([]netip.AddrPort, time.Time) {
	if zone.name == "." {
		return nil, time.Time{}
	}
	o, err := r.askZone(ctx, t, r.closest(parent(zone.name)), t.question)
	switch {
	case err != nil:
		return nil, time.Time{}
	case o.next != nil:
		return o.next.addressesOf(t.question.Name), o.next.expires
	}
	return r.addressesIn(o.reply.Msg.Answer, t.question.Name)
}

// addressesIn returns the addresses of a name among the records, and when they
// expire. An alias is none (RFC 2181 §10.3).
func (r *resolution) addressesIn(records []dns.RR, name string) ([]netip.AddrPort, time.Time) {
	var addresses []netip.AddrPort
	expires := r.now().Add(maxDelegationLife)
	for _, rr := range records {
		addr, ok := address(rr)
		if !ok || dns.CanonicalName(rr.Header().Name) != name || !r.allowed(addr) || len(addresses) == maxServerAddresses {
			continue
		}
		addresses = append(addresses, netip.AddrPortFrom(addr, port))
		expires = earliest(expires, r.now().Add(time.Duration(rr.Header().Ttl)*time.Second))
	}
	return addresses, expires
}
