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

// A Recursor resolves iteratively (RFC 1034 §5.3.3): it follows the delegations from the
// root servers down, and returns the reply of one authoritative server. With it no other
// DNS server is needed. It does not follow aliases and does not validate; both are left to
// the caller. Some networks answer in place of the servers, without DNSSEC records: a
// [Pool] with the Recursor as its only Exchanger finds that out.
//
// This is how a question is resolved. It starts at the closest zone in the cache of delegations, or
// at the root. One of the zone's servers is asked, the fastest first, for one label more
// than the zone has (RFC 9156). If the reply is a referral, its delegation goes into the
// cache, and the zone below is next; if there is no zone cut at that name, the next label
// is asked for, until it is the whole question. A server that is silent, refuses or does
// not serve the zone is followed by the next one, and goes to the end of the list for some
// minutes. If none of them answers, and it is some minutes since the zone above named them, it is
// asked whether the zone has others by now. If no address of a zone's servers is known, the addresses of a few of them are
// looked for, in the same way. All of this together is limited in queries and depth.
//
// The zero Recursor starts from the built-in addresses of the root servers. A Recursor is
// safe for concurrent use. It must not be copied or changed after its first use. It keeps
// delegations and what it learned of servers in memory, up to some 25 MB.
type Recursor struct {
	// Hints are the addresses of root servers. Nil means the built-in ones; see
	// ReadHints. They serve until the root servers' own list is there, which is asked
	// for together with the first query (RFC 8109).
	Hints []netip.AddrPort

	// Dial connects to name servers, as Client has it. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Admit is called before each query to a name server, and may wait for the server's turn;
	// done is called when the query is over, with what came of it: Reply.Network is "tcp" if it
	// went there, too. It must neither change the Reply nor keep it, and may be nil. With an error
	// the server is not asked, which says nothing about it. Nil admits every query at once.
	Admit func(ctx context.Context, server netip.Addr) (done func(*Reply, error), err error)

	// Allow reports whether a name server may be asked at an address that stands in the
	// DNS. Nil refuses multicast, reserved and unspecified addresses, and loopback and
	// link-local ones unless a hint is of that kind, as in a private Internet. It also
	// refuses addresses of translators and tunnels (NAT64, 6to4, Teredo, ISATAP) that
	// lead to one of these.
	Allow func(netip.Addr) bool

	// FullNames asks every server the full question. Otherwise servers above the zone
	// that answers see no more of the name than they need (RFC 9156).
	FullNames bool

	// Time is the clock by which what was learned expires. Nil means time.Now, and that time in
	// which the machine sleeps counts.
	Time func() time.Time

	clock       clock // in place of Time
	once        sync.Once
	hints       *delegation // of the root
	filter      addressFilter
	priming     priming
	delegations delegationCache
	failures    failureCache
	servers     serverCache
}

// A resolution is one Exchange. Lookups of name servers are part of it, and share its
// limits.
type resolution struct {
	*Recursor
	query   *Query
	first   task         // has the question of the query
	queries atomic.Int32 // sent
	tries   atomic.Int32 // to send one
	lookups atomic.Int32 // of name servers

	firstQuery zoneQuery // of the first task
}

// A task is one question on its way down from the root. The first task of a resolution has
// the question of the query; the others look for addresses of name servers.
type task struct {
	question dns.Question
	avoid    []string
	pending  []string         // name servers whose lookup this task is a part of
	dropped  []netip.AddrPort // servers of the zone that did not answer a minimised question
}

// Why a lookup of a name server failed within a resolution. By itself it might succeed, so
// these are not remembered.
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
	return r.clock.now()
}

// Exchange asks the servers of the zone that the question belongs to. For DS records that
// is the zone above the cut (RFC 4035 §3.1.4.1), and no server is asked if they came with
// the delegation. Reply.Server is the address and port of the server that gave the answer,
// followed by " by referral" if the answer came with a delegation. As with a [Pool], a
// refusal comes as a reply if no server did better, and Reply.PassedOver has the servers
// that were asked before without success.
//
// The error is [ErrExhausted] if all servers of the zone are in q.Avoid, otherwise an
// [*Error].
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
	resolution := resolutions.Get().(*resolution)
	defer resolution.giveBack()
	resolution.Recursor, resolution.query, resolution.first = r, q, task{question: question, avoid: q.Avoid}
	reply, err := resolution.run(ctx)
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
	reply.Msg.Question = append(reply.Msg.Question[:0], q.Msg.Question[0])
	return reply, nil
}

// run goes down from the closest zone that is known, and primes the root if it has to.
func (r *resolution) run(ctx context.Context) (*Reply, error) {
	defer r.prime(ctx)()
	return r.resolve(ctx, &r.first)
}

// resolutions are not in use.
var resolutions = sync.Pool{New: func() any { return new(resolution) }}

// giveBack makes it serve again, when run has returned: lookups of name servers have ended with it,
// errors and replies have what they say of their own, and Clients send copies of the query.
func (r *resolution) giveBack() {
	*r = resolution{}
	resolutions.Put(r)
}

// resolve goes down from the closest zone that is known.
func (r *resolution) resolve(ctx context.Context, t *task) (*Reply, error) {
	if len(t.pending) > maxDepth {
		return nil, errCircular
	}
	if t.question.Qtype == dns.TypeDS {
		if reply := r.fromReferral(t); reply != nil {
			return reply, nil
		}
	}
	z := &r.firstQuery
	if t != &r.first {
		z = new(zoneQuery)
	}
	zone := r.startZone(t)
	within := zone.name // the longest name that is known not to lie in a zone below
	between := false    // whether to look label by label for the zone above the cut
	var moved detour
	for range maxReferrals {
		question := t.question
		if between || r.minimises(zone) {
			question = minimise(t.question, zone.name, within)
		}
		minimised := question != t.question
		z.set(r, t, zone, question)
		o, err := z.run(ctx)
		switch {
		case o.next != nil && moved.isInVain(o.next, r.now()):
			return moved.reply, moved.err
		case o.next != nil:
			zone, between = o.next, false
			within = zone.name
			t.dropped = nil
			if moved.left != nil {
				r.failures.forget(failureKey{zone: zone.name, question: t.question})
			}
		case minimised && between && err == nil:
			within = question.Name
		case minimised && (o.reply != nil || o.failed):
			// There is no zone cut at that name. Or the servers have trouble with such
			// questions (RFC 9156 §2.3): some drop them, and some answer NXDOMAIN for
			// empty non-terminals. Or those that were asked are dead, and others are not.
			within = question.Name
			if err != nil || o.reply.Msg.Rcode != dns.RcodeSuccess || dns.CountLabel(zone.name) >= minAnsweringLabels {
				within = t.question.Name
			}
			if err == nil && o.reply.Msg.Rcode == dns.RcodeSuccess && dns.CountLabel(zone.name) >= minAnsweringLabels {
				zone.answers.Store(true)
			}
		case o.childSide && !between && minimise(t.question, zone.name, zone.name) != t.question:
			// A server that has the zone below the cut and one further up, but not the
			// one between, answers from the wrong zone (RFC 4035 §3.1.4.1, §4.2).
			between, within = true, zone.name
		case moved.begin(ctx, r, t, zone, o.reply, err):
			zone, between = r.closestDelegation(parent(zone.name)), false
			within = zone.name
			t.dropped = nil
		case moved.isAbove(zone) && isZoneFailure(o.reply, err):
			return moved.reply, moved.err
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
		// The delegation may be what is wrong, so it is asked for again.
		zone = r.closestDelegation(parent(zone.name))
	}
	return zone
}

// minimises reports whether a zone's servers are asked for less than the whole name. They
// are not if the zone is known to answer for the names below it, or one of its servers to
// drop such questions.
func (r *resolution) minimises(zone *delegation) bool {
	return !r.FullNames && !zone.answers.Load() && !r.servers.dropsMinimised(zone)
}

// minimise returns what a zone's servers need to see of a question in order to refer to the
// zone below (RFC 9156 §2.3): one label more than the name that is known not to be a zone
// cut. If that is the whole name, it is the question itself. There are no zone cuts at
// names like _25._tcp, so those labels come in one step.
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

// closestDelegation returns the closest known zone that encloses a name, which may be the
// root.
func (r *Recursor) closestDelegation(name string) *delegation {
	now := r.now()
	for ; name != "."; name = parent(name) {
		if d := r.delegations.get(name, now); d != nil {
			return d
		}
	}
	return r.root(now)
}

// byReferral marks a server in Reply.Server whose answer was in a referral. For Query.Avoid
// that is another server: if the referral proves too little, the same server's answer to the
// question itself may prove everything.
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

// setUp makes the delegation of the root and what depends on the fields, at the first use.
func (r *Recursor) setUp() {
	hints := slices.Clone(r.Hints)
	if r.Hints == nil {
		for _, text := range rootServers {
			hints = append(hints, netip.AddrPortFrom(netip.MustParseAddr(text), port))
		}
	}
	r.servers.dial, r.servers.admit, r.servers.now = r.Dial, r.Admit, r.now
	r.filter.allow = r.Allow
	r.hints = &delegation{name: ".", servers: []nameServer{{name: ".", addresses: hints}}}
	for _, hint := range hints {
		r.filter.loopback = r.filter.loopback || hint.Addr().IsLoopback()
		r.filter.linkLocal = r.filter.linkLocal || hint.Addr().IsLinkLocalUnicast()
	}
}
