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
// first use. It keeps delegations and what it learned of servers in memory, up to some
// 25 MB.
type Recursor struct {
	// Hints are the addresses of root servers. Nil means the built-in ones; see
	// ReadHints. They are used at once; the root servers' own list, asked for
	// beside the first query, takes their place (RFC 8109).
	Hints []netip.AddrPort

	// Dial connects to name servers, as for a Client. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Allow is asked before an address is used that DNS data led to. Nil refuses
	// multicast, reserved and unspecified addresses; and loopback and link-local ones,
	// unless a hint is of that kind, as in a private Internet. So it does those of
	// translators and tunnels (NAT64, 6to4, Teredo, ISATAP) that lead to such an address.
	Allow func(netip.Addr) bool

	// FullNames: every server is asked the full question. Otherwise servers above
	// the zone that answers see no more of the name than they need (RFC 9156).
	FullNames bool

	// Time is the clock by which what was learned expires. Nil means time.Now.
	Time func() time.Time

	once        sync.Once
	hints       *delegation // of the root
	filter      addressFilter
	priming     priming
	delegations delegationCache
	failures    failureCache
	servers     serverCache
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
	above    []string         // name servers whose addresses are being looked for
	dropped  []netip.AddrPort // servers of the zone that were silent to a minimised question
}

// Why a question has no answer on the way on which it was asked, though it may have one
// when it is asked by itself.
var (
	errLimit    = errors.New("resolution takes too many steps")
	errCircular = errors.New("name servers are named after name servers")
)

// exchangeLimit is how much time a Pool gives a Recursor for a query.
func (*Recursor) exchangeLimit() time.Duration { return maxRecursion }

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
		return nil, newError("", "", q, errNoQuestion)
	}
	question := q.Msg.Question[0]
	question.Name = dns.CanonicalName(question.Name)
	if _, ok := dns.IsDomainName(question.Name); !ok || question.Qclass != dns.ClassINET {
		return nil, newError("", "", q, errMalformed)
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
		return nil, newError("", "", q, err)
	}
	// The question as it was asked, whatever was sent to whom.
	reply.Msg.Question = []dns.Question{q.Msg.Question[0]}
	return reply, nil
}

// resolve goes down from the closest zone that is known.
func (r *resolution) resolve(ctx context.Context, t *task) (*Reply, error) {
	if len(t.above) > maxDepth {
		return nil, errCircular
	}
	if t.question.Qtype == dns.TypeDS {
		if reply := r.fromReferral(t); reply != nil {
			return reply, nil
		}
	}
	zone := r.startZone(t)
	within := zone.name // the longest name that is known to lie in no zone below
	between := false    // whether the zone above the cut is looked for label by label
	for range maxReferrals {
		question := t.question
		if between || r.minimises(zone) {
			question = minimise(t.question, zone.name, within)
		}
		minimised := question != t.question
		o, err := r.askZone(ctx, t, zone, question)
		switch {
		case o.next != nil:
			zone, between = o.next, false
			within = zone.name
			t.dropped = nil
		case minimised && between && err == nil:
			within = question.Name
		case minimised && (o.replied || o.silent):
			// There is no cut at that name. Or the servers have trouble with such
			// questions (RFC 9156 §2.3): some drop them, and some call names that only
			// have names below them nonexistent.
			within = question.Name
			if err != nil || o.reply.Msg.Rcode != dns.RcodeSuccess || dns.CountLabel(zone.name) >= minAnsweringLabels {
				within = t.question.Name
			}
			if err == nil && o.reply.Msg.Rcode == dns.RcodeSuccess && dns.CountLabel(zone.name) >= minAnsweringLabels {
				zone.answers.Store(true)
			}
		case o.childSide && !between && minimise(t.question, zone.name, zone.name) != t.question:
			// Whoever has the zone below the cut and one further up, but not the one
			// between, answers from the wrong one (RFC 4035 §3.1.4.1, §4.2).
			between, within = true, zone.name
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

// startZone returns the closest known zone that the question may belong to.
func (r *resolution) startZone(t *task) *delegation {
	enclosed := t.question.Name
	if t.question.Qtype == dns.TypeDS {
		enclosed = parent(enclosed)
	}
	zone := r.closestDelegation(enclosed)
	if len(t.avoid) > 0 && zone.name != "." {
		// What did not validate may be the fault of whom the delegation names, so it is
		// asked for again.
		zone = r.closestDelegation(parent(zone.name))
	}
	return zone
}

// minimises reports whether a zone's servers are asked for less than the whole name:
// not where it is known to answer for names below itself, or one of them to drop such
// questions.
func (r *resolution) minimises(zone *delegation) bool {
	return !r.FullNames && !zone.answers.Load() && !r.servers.dropsMinimised(zone)
}

// minimise returns what a zone's servers need to see of a question in order to
// refer to the zone below (RFC 9156 §2.3): one label more than the name that is
// known to be no cut. It is the question itself where that is all of its name. No
// zones are cut at names like _25._tcp, so those come in one step.
func minimise(question dns.Question, zone, within string) dns.Question {
	all, labels := dns.CountLabel(question.Name), dns.CountLabel(within)+1
	start, _ := dns.PrevLabel(question.Name, labels)
	for labels < all && question.Name[start] == '_' {
		labels++
		start, _ = dns.PrevLabel(question.Name, labels)
	}
	if labels >= all || labels-dns.CountLabel(zone) > maxMinimised {
		return question
	}
	return dns.Question{Name: question.Name[start:], Qtype: dns.TypeA, Qclass: question.Qclass}
}

// closestDelegation returns the closest known zone that encloses a name: the root at last.
func (r *Recursor) closestDelegation(name string) *delegation {
	now := r.now()
	for ; name != "."; name = parent(name) {
		if d := r.delegations.get(name, now); d != nil {
			return d
		}
	}
	return r.root(now)
}

// byReferral marks a server in Reply.Server whose answer was in a referral. It is not
// the same as the server: where a referral proves too little, the answer of the same
// server to the question itself may prove all.
const byReferral = " by referral"

// fromReferral answers a question for DS records by the referral to the zone.
func (r *resolution) fromReferral(t *task) *Reply {
	d := r.delegations.get(t.question.Name, r.now())
	if d == nil || len(d.proof) == 0 || slices.Contains(t.avoid, d.server+byReferral) {
		return nil
	}
	reply := d.answerDS(r.query, r.now())
	if reply != nil {
		reply.Server += byReferral
	}
	return reply
}

// setUp makes the root's delegation.
func (r *Recursor) setUp() {
	hints := slices.Clone(r.Hints)
	if r.Hints == nil {
		for _, text := range rootServers {
			hints = append(hints, netip.AddrPortFrom(netip.MustParseAddr(text), port))
		}
	}
	r.servers.dial, r.servers.now = r.Dial, r.now
	r.filter.allow = r.Allow
	r.hints = &delegation{name: ".", servers: []nameServer{{name: ".", addresses: hints}}}
	for _, hint := range hints {
		r.filter.loopback = r.filter.loopback || hint.Addr().IsLoopback()
		r.filter.linkLocal = r.filter.linkLocal || hint.Addr().IsLinkLocalUnicast()
	}
}
