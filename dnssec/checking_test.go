package dnssec_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A validatingCache is servers that resolve for others: what they send depends on whether
// they are to check it.
type validatingCache struct {
	world     *dnssectest.Internet
	names     []string                                  // of the servers, in the order they are asked
	unchecked func(q dns.Question, reply *dns.Msg)      // changes replies to queries with CD
	checked   func(q dns.Question, reply *dns.Msg)      // and to those without; nil for not at all
	fails     map[string]error                          // instead of a reply, by name of the server
	asked     map[dns.Question]int                      // queries without CD
	avoiding  int                                       // queries without CD that name servers to avoid
	cancel    func(q dns.Question, checking bool) error // ends a query; nil for none
}

func (c *validatingCache) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	at := slices.IndexFunc(c.names, func(name string) bool { return !slices.Contains(q.Avoid, name) })
	if at < 0 {
		return nil, upstream.ErrExhausted
	}
	if err := c.fails[c.names[at]]; err != nil {
		return nil, err
	}
	reply, err := c.world.Exchange(ctx, &upstream.Query{Msg: q.Msg})
	if err != nil {
		return nil, err
	}
	reply.Server = c.names[at]
	asked, change := q.Msg.Question[0], c.unchecked
	if !q.Msg.CheckingDisabled {
		if c.asked == nil {
			c.asked = make(map[dns.Question]int)
		}
		c.asked[asked]++
		c.avoiding += len(q.Avoid)
		change = c.checked
	}
	if change != nil {
		change(asked, reply.Msg)
	}
	if c.cancel != nil {
		if err := c.cancel(asked, !q.Msg.CheckingDisabled); err != nil {
			return nil, err
		}
	}
	return reply, nil
}

// denying returns a change that has a record deny the name none.test.
func denying(t *testing.T, world *dnssectest.Internet, nsec string) func(dns.Question, *dns.Msg) {
	t.Helper()
	rr := parseRR(t, nsec)
	sig := world.Sign("test.", rr)
	return func(q dns.Question, reply *dns.Msg) {
		if q.Name == "none.test." {
			reply.Rcode, reply.Answer, reply.Ns = dns.RcodeSuccess, nil, []dns.RR{rr, sig}
		}
	}
}

// What Knot's module onlinesign sends at a name without records, for each type.
const (
	deniesA    = `none.test. 300 IN NSEC \000.none.test. AAAA RRSIG NSEC`
	deniesAAAA = `none.test. 300 IN NSEC \000.none.test. A RRSIG NSEC`
)

// Unbound 1.17 sends the denial of another type where it is not to check what it sends, and
// the right one once it has checked it. That costs no mail, and one query.
func TestDenialOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		names []string
		fails map[string]error
	}{
		{name: "one server", names: []string{"a"}},
		{name: "all servers are alike", names: []string{"a", "b"}},
		{name: "more servers than are asked", names: []string{"a", "b", "c", "d"}},
		{name: "the other server is dead", names: []string{"a", "b"}, fails: map[string]error{"b": errors.New("refused")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."})
			cache := &validatingCache{world: world, names: tt.names, fails: tt.fails,
				unchecked: denying(t, world, deniesAAAA), checked: denying(t, world, deniesA)}
			resolver := &dnssec.Resolver{Exchanger: cache, Anchors: world.Anchors()}
			for range 2 { // the second time by the cache
				answer, err := resolver.Lookup(t.Context(), "none.test.", dns.TypeA)
				if err != nil || answer.Status != dnssec.Secure || len(answer.Records) > 0 {
					t.Errorf("%+v, %v", answer, err)
				}
			}
			if asked := cache.asked[dns.Question{Name: "none.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET}]; asked != 1 || len(cache.asked) != 1 || cache.avoiding > 0 {
				t.Errorf("without CD: %v, %d servers to avoid; want the question once, and of any server", cache.asked, cache.avoiding)
			}
		})
	}
}

// The keys and DS records on the way are no better off: what is wrong with them is put right
// in the same way.
func TestUncheckedChain(t *testing.T) {
	t.Parallel()
	for _, qtype := range []uint16{dns.TypeDNSKEY, dns.TypeDS} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "mail.test.", Records: "@ A 192.0.2.1"})
		cache := &validatingCache{world: world, names: []string{"a"}, unchecked: func(q dns.Question, reply *dns.Msg) {
			if q.Name == "mail.test." && q.Qtype == qtype {
				withoutSignatures(reply)
			}
		}}
		answer, err := (&dnssec.Resolver{Exchanger: cache, Anchors: world.Anchors()}).Lookup(t.Context(), "mail.test.", dns.TypeA)
		if err != nil || answer.Status != dnssec.Secure {
			t.Errorf("%s: %+v, %v", dns.Type(qtype), answer, err)
		}
		if len(cache.asked) != 1 {
			t.Errorf("%s: without CD: %v, want one question", dns.Type(qtype), cache.asked)
		}
	}
}

func withoutSignatures(reply *dns.Msg) {
	reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
}

// Who answers queries without CD differently gains nothing by it: whatever he says, and
// whatever he claims to have checked, is judged as with CD, and the first verdict stays.
func TestCheckedReplyIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(world *dnssectest.Internet) func(dns.Question, *dns.Msg)
	}{
		{"forged records, with AD", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(q dns.Question, reply *dns.Msg) {
				reply.AuthenticatedData = true
				spoil(q, reply)
				reply.Answer = reply.Answer[:1]
			}
		}},
		{"records without signatures, with AD", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(_ dns.Question, reply *dns.Msg) {
				reply.AuthenticatedData = true
				withoutSignatures(reply)
			}
		}},
		{"nothing at all, with AD", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(_ dns.Question, reply *dns.Msg) {
				reply.AuthenticatedData, reply.Answer, reply.Ns = true, nil, nil
			}
		}},
		{"no such name, with AD", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(_ dns.Question, reply *dns.Msg) {
				reply.AuthenticatedData, reply.Rcode, reply.Answer, reply.Ns = true, dns.RcodeNameError, nil, nil
			}
		}},
		{"an alias to a zone of his own", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(q dns.Question, reply *dns.Msg) {
				reply.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 300}, Target: "evil.test."}}
			}
		}},
		{"records that the key of another zone signed", func(world *dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(q dns.Question, reply *dns.Msg) {
				forged := &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: []byte{192, 0, 2, 66}}
				reply.Answer = []dns.RR{forged, world.Sign("evil.test.", forged)}
			}
		}},
		{"SERVFAIL", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) {
			return func(_ dns.Question, reply *dns.Msg) { reply.Rcode = dns.RcodeServerFailure }
		}},
		{"the same records", func(*dnssectest.Internet) func(dns.Question, *dns.Msg) { return spoil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "victim.test.", Records: "@ A 192.0.2.1"},
				dnssectest.Zone{Name: "evil.test.", Records: "@ A 192.0.2.66"})
			change := tt.change(world)
			cache := &validatingCache{world: world, names: []string{"a"}, unchecked: spoil, checked: func(q dns.Question, reply *dns.Msg) {
				if q.Name == "victim.test." && q.Qtype == dns.TypeA {
					change(q, reply)
				}
			}}
			answer, err := (&dnssec.Resolver{Exchanger: cache, Anchors: world.Anchors()}).Lookup(t.Context(), "victim.test.", dns.TypeA)
			if err == nil || answer.Status != dnssec.Bogus {
				t.Errorf("%+v, %v", answer, err)
			}
			alone := &validatingCache{world: world, names: []string{"a"}, unchecked: spoil, checked: spoil}
			want, _ := (&dnssec.Resolver{Exchanger: alone, Anchors: world.Anchors()}).Lookup(t.Context(), "victim.test.", dns.TypeA)
			if answer.Reason != want.Reason {
				t.Errorf("reason %s, want that of the first reply: %s", answer.Reason, want.Reason)
			}
			if asked := cache.asked[dns.Question{Name: "victim.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET}]; asked != 1 {
				t.Errorf("asked without CD %d times, want 1", asked)
			}
		})
	}
}

// Queries have CD where nothing has failed to validate, and to servers that do not resolve
// for others, to which CD means nothing.
func TestCheckingServerIsAskedLast(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1\n@ MX 10 mail"}, dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "@ A 192.0.2.1"},
		dnssectest.Zone{Name: "servfail.test.", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.ServFail}})
	for _, tt := range []struct {
		name     string
		question string
		change   func(dns.Question, *dns.Msg)
	}{
		{"a secure answer", "test. MX", nil},
		{"an insecure answer", "unsigned.test. A", nil},
		{"no answer", "servfail.test. A", nil},
		{"a server that does not resolve", "test. A", func(q dns.Question, reply *dns.Msg) {
			reply.RecursionAvailable = false
			spoil(q, reply)
		}},
	} {
		cache := &validatingCache{world: world, names: []string{"a"}, unchecked: tt.change}
		answer, err := lookupBy(t.Context(), &dnssec.Resolver{Exchanger: cache, Anchors: world.Anchors()}, tt.question)
		if len(cache.asked) > 0 {
			t.Errorf("%s: asked without CD: %v; %+v, %v", tt.name, cache.asked, answer, err)
		}
	}
}

// What does not validate anywhere costs two queries to other servers, twice each, and one
// without CD; and no more of them for the same question.
func TestOtherServersAreCounted(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
	queries := 0
	count := func(q dns.Question, reply *dns.Msg) {
		if q.Qtype == dns.TypeA {
			queries++
			spoil(q, reply)
		}
	}
	cache := &validatingCache{world: world, names: []string{"a", "b", "c", "d"}, unchecked: count, checked: count}
	answer, err := (&dnssec.Resolver{Exchanger: cache, Anchors: world.Anchors()}).Lookup(t.Context(), "test.", dns.TypeA)
	if answer.Status != dnssec.Bogus || queries != 1+2*2+1 {
		t.Errorf("%d queries; %+v, %v", queries, answer, err)
	}
}

// A caller who had no time for the last query has not found out that the zone is bogus.
func TestUnfinishedCheckIsNotCached(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."})
	ctx, cancel := context.WithCancel(t.Context())
	cache := &validatingCache{world: world, names: []string{"a"}, unchecked: denying(t, world, deniesAAAA), checked: denying(t, world, deniesA)}
	cache.cancel = func(_ dns.Question, checking bool) error {
		if checking {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	resolver := &dnssec.Resolver{Exchanger: cache, Anchors: world.Anchors()}
	if answer, err := resolver.Lookup(ctx, "none.test.", dns.TypeA); err == nil {
		t.Fatalf("%+v", answer)
	}
	cache.cancel = nil
	if answer, err := resolver.Lookup(t.Context(), "none.test.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
		t.Errorf("%+v, %v", answer, err)
	}
}
