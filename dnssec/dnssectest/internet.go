package dnssectest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// An Internet is a DNS of signed zones in memory, with a root of its own. Make one with [New]
// or [NewInternet]. It is safe for concurrent use. Its fields must not be changed after the
// first use.
type Internet struct {
	// Zones of the Internet. Each is delegated from the closest zone above it. The
	// root is added if it is missing.
	Zones []Zone

	// Time is the clock by which the zones are signed, at the first use: signatures are
	// valid from a day before until 30 days after. Nil means time.Now. The resolver that
	// Resolver returns has the same clock.
	Time func() time.Time

	// Tamper may change each reply before it is sent. It must be safe for concurrent
	// use. It may be nil.
	Tamper func(question dns.Question, reply *dns.Msg)

	// TamperAt may change each reply of the name server at one address, as Dial connects to
	// it, so that a zone's servers disagree. If it returns false, nothing is sent. It must be
	// safe for concurrent use. It may be nil.
	TamperAt func(server netip.Addr, question dns.Question, reply *dns.Msg) bool

	once        sync.Once
	zones       map[canonical.Name]*zone
	authorities map[netip.Addr][]*zone // the zones that are served at an address
	mu          sync.Mutex
	queries     []dns.Question
	servers     []*dns.Server
}

// NewInternet returns an [Internet] of these zones. A mistake in one, which is one of the
// test's author, is a panic at the first use.
func NewInternet(zones ...Zone) *Internet { return &Internet{Zones: zones} }

// New returns an [Internet] of these zones that is closed when the test ends.
func New(t testing.TB, zones ...Zone) *Internet {
	i := NewInternet(zones...)
	t.Cleanup(i.Close)
	return i
}

// Resolver returns a new resolver with an empty cache, which asks the Internet and trusts its
// root.
func (i *Internet) Resolver() *dnssec.Resolver {
	return &dnssec.Resolver{Exchanger: i, Anchors: i.Anchors(), Time: i.Time}
}

// Anchors returns the trust anchor of the Internet's root.
func (i *Internet) Anchors() anchor.Set {
	i.once.Do(i.build)
	var set anchor.Set
	for _, ds := range i.zones[canonical.Root].signer.DS(dns.SHA256) {
		set = append(set, anchor.Anchor{Zone: ".", DS: ds})
	}
	return set
}

// Questions returns the questions asked so far, in order.
func (i *Internet) Questions() []dns.Question {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.queries)
}

// Sign returns a signature by a zone's key over an RRset of any owner, as an attacker with a
// zone of his own could make it. It panics if there is no signed zone of that name.
func (i *Internet) Sign(zone string, set ...dns.RR) *dns.RRSIG {
	i.once.Do(i.build)
	apex, err := canonical.ParseName(zone)
	if err != nil || i.zones[apex] == nil || i.zones[apex].signer.KSK == nil {
		panic("dnssectest: no signed zone " + zone)
	}
	z := i.zones[apex]
	sig, err := z.signer.Key(set[0].Header().Rrtype).Sign(set, z.signer.Inception, z.signer.Expiration)
	if err != nil {
		panic("dnssectest: " + err.Error())
	}
	return sig
}

// Exchange answers a query like a forwarder that does not validate: it follows aliases, and
// passes DNSSEC records on if the query has the DO bit. Reply.Server is "internet".
func (i *Internet) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if slices.Contains(q.Avoid, "internet") {
		return nil, upstream.ErrExhausted
	}
	reply := i.reply(q.Msg)
	if reply == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &upstream.Reply{Msg: reply, Server: "internet", Network: "udp"}, nil
}

// build makes the zones. It panics on mistakes in them.
func (i *Internet) build() {
	now := time.Now()
	if i.Time != nil {
		now = i.Time()
	}
	i.zones = make(map[canonical.Name]*zone)
	for n, z := range i.Zones {
		built, err := newZone(z, n+2)
		if err == nil && i.zones[built.apex] != nil {
			err = fmt.Errorf("zone %s is there twice", built.Name)
		}
		if err != nil {
			panic("dnssectest: " + err.Error())
		}
		i.zones[built.apex] = built
	}
	if i.zones[canonical.Root] == nil {
		root, err := newZone(Zone{Name: "."}, 1)
		if err != nil {
			panic("dnssectest: " + err.Error())
		}
		i.zones[canonical.Root] = root
	}
	for _, child := range i.zones {
		if child.apex != canonical.Root {
			i.enclosing(child.apex.Parent()).delegate(child)
		}
	}
	for _, z := range i.zones {
		if err := z.finish(now); err != nil {
			panic("dnssectest: " + err.Error())
		}
	}
	if err := i.findAuthorities(); err != nil {
		panic("dnssectest: " + err.Error())
	}
}

// enclosing returns the closest zone that a name lies in.
func (i *Internet) enclosing(name canonical.Name) *zone {
	for ; ; name = name.Parent() {
		if z := i.zones[name]; z != nil {
			return z
		}
	}
}

// enclosed returns a name in the zone that answers. For DS records that is the zone above
// (RFC 4035 §3.1.4.1).
func enclosed(name canonical.Name, qtype uint16) canonical.Name {
	if qtype == dns.TypeDS && !name.IsRoot() {
		return name.Parent()
	}
	return name
}

// maxAliases is how many aliases are followed for one reply.
const maxAliases = 16

// reply answers a query like a forwarder. It returns nil if the servers of the zone do not
// answer.
func (i *Internet) reply(query *dns.Msg) *dns.Msg { return i.answer(query, i.resolve) }

// answer answers a query by what respond puts into the reply. It returns nil if respond
// reports false.
func (i *Internet) answer(query *dns.Msg, respond func(dns.Question, canonical.Name, *dns.Msg) bool) *dns.Msg {
	i.once.Do(i.build)
	reply := new(dns.Msg)
	reply.SetReply(query)
	reply.RecursionAvailable = true
	if len(query.Question) != 1 {
		reply.Rcode = dns.RcodeFormatError
		return reply
	}
	question := query.Question[0]
	name, err := canonical.ParseName(question.Name)
	if err != nil {
		reply.Rcode = dns.RcodeFormatError
		return reply
	}
	question.Name = name.String() // the case of letters may be a nonce
	i.mu.Lock()
	i.queries = append(i.queries, question)
	i.mu.Unlock()
	opt := query.IsEdns0()
	switch {
	case opt != nil && opt.Version() > 0: // RFC 6891 §6.1.3
		reply.Rcode = dns.RcodeBadVers
	case !respond(question, name, reply):
		return nil
	}
	if opt != nil {
		reply.SetEdns0(wireform.UDPSize, opt.Do())
	}
	if opt == nil || !opt.Do() {
		withoutDNSSEC(question.Qtype, reply)
	}
	if i.Tamper != nil {
		i.Tamper(question, reply)
	}
	return reply
}

// resolve follows the aliases from the question, and reports whether the servers of the zones
// answer.
func (i *Internet) resolve(question dns.Question, name canonical.Name, reply *dns.Msg) bool {
	for range maxAliases {
		z := i.enclosing(enclosed(name, question.Qtype))
		if z.forQuery(name, question.Qtype) == Silent {
			return false
		}
		target, alias := z.respond(name, question.Qtype, reply)
		if !alias {
			break
		}
		name = target
	}
	return true
}

// withoutDNSSEC drops the records that a query without the DO bit does not get (RFC 4035
// §3.2.1).
func withoutDNSSEC(qtype uint16, reply *dns.Msg) {
	for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
		*section = slices.DeleteFunc(*section, func(rr dns.RR) bool {
			switch rrtype := rr.Header().Rrtype; rrtype {
			case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
				return rrtype != qtype
			}
			return false
		})
	}
}
