package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// What a client sets in its query.
type set struct{ ad, do, cd, noEDNS, noRD bool }

func (s set) query(name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.AuthenticatedData, q.CheckingDisabled, q.RecursionDesired = s.ad, s.cd, !s.noRD
	if !s.noEDNS {
		q.SetEdns0(1232, s.do)
	}
	return q
}

// seen is what matters of a reply.
type seen struct {
	RCode   string
	AD      bool
	Records []string // types
	EDE     int      // -1: there is none
}

func look(reply *dns.Msg) seen {
	s := seen{RCode: dns.RcodeToString[reply.Rcode], AD: reply.AuthenticatedData, EDE: ede(reply)}
	for _, rr := range reply.Answer {
		s.Records = append(s.Records, dns.Type(rr.Header().Rrtype).String())
	}
	return s
}

// lookAt is look for what respond returns.
func lookAt(reply *dns.Msg, _ time.Time) seen { return look(reply) }

func TestAnswers(t *testing.T) {
	at := start(t, dnssectest.New(t, zones()...))
	a := []string{"A"}
	for _, tt := range []struct {
		why   string
		name  string
		qtype uint16
		set   set
		want  seen
	}{
		{"secure, for who sets AD (RFC 6840 §5.7)", "www.signed.", dns.TypeA, set{ad: true}, seen{"NOERROR", true, a, -1}},
		{"secure, for who sets DO: AD, and no signatures", "www.signed.", dns.TypeA, set{do: true}, seen{"NOERROR", true, a, -1}},
		{"secure, for who sets neither", "www.signed.", dns.TypeA, set{}, seen{"NOERROR", false, a, -1}},
		{"secure, without EDNS", "www.signed.", dns.TypeA, set{ad: true, noEDNS: true}, seen{"NOERROR", true, a, -1}},
		{"secure, in another letter case", "WWW.signed.", dns.TypeA, set{ad: true}, seen{"NOERROR", true, a, -1}},
		{"secure, unchecked", "www.signed.", dns.TypeA, set{ad: true, cd: true}, seen{"NOERROR", true, a, -1}},
		{"an alias within the zone", "alias.signed.", dns.TypeA, set{ad: true}, seen{"NOERROR", true, []string{"CNAME", "A"}, -1}},
		{"a DNAME gives a CNAME", "www.tree.signed.", dns.TypeA, set{ad: true}, seen{"NOERROR", true, []string{"CNAME", "A"}, -1}},
		{"an alias to where nothing is signed", "out.signed.", dns.TypeA, set{ad: true}, seen{"NOERROR", false, []string{"CNAME", "A"}, -1}},
		{"the type is not there", "www.signed.", dns.TypeTXT, set{ad: true}, seen{"NOERROR", true, nil, -1}},
		{"the name is not there", "nosuch.signed.", dns.TypeA, set{ad: true}, seen{"NXDOMAIN", true, nil, -1}},
		{"an alias, and the type is not there", "alias.signed.", dns.TypeTXT, set{ad: true}, seen{"NOERROR", true, []string{"CNAME"}, -1}},
		{"not signed", "www.unsigned.", dns.TypeA, set{ad: true, do: true}, seen{"NOERROR", false, a, -1}},
		{"too many iterations, which the owner may want to know", "nosuch.iterations.", dns.TypeA, set{ad: true}, seen{"NXDOMAIN", false, nil, 27}},
		{"an expired signature", "www.expired.", dns.TypeA, set{ad: true}, seen{"SERVFAIL", false, nil, 7}},
		{"the same for who does not know what AD is", "www.expired.", dns.TypeA, set{noEDNS: true}, seen{"SERVFAIL", false, nil, -1}},
		{"the same, unchecked: the data, no AD, and the reason", "www.expired.", dns.TypeA, set{ad: true, cd: true}, seen{"NOERROR", false, a, 7}},
		{"an alias to it", "alias.expired.", dns.TypeA, set{ad: true}, seen{"SERVFAIL", false, nil, 7}},
		{"the same, unchecked", "broken.signed.", dns.TypeA, set{ad: true, cd: true}, seen{"NOERROR", false, []string{"CNAME", "A"}, 7}},
		{"signatures are missing", "www.stripped.", dns.TypeA, set{do: true}, seen{"SERVFAIL", false, nil, 10}},
		{"the keys are others'", "www.wrong-ds.", dns.TypeA, set{do: true}, seen{"SERVFAIL", false, nil, 9}},
		{"nobody has the keys", "www.keyless.", dns.TypeA, set{ad: true}, seen{"SERVFAIL", false, nil, 9}},
		{"the same, unchecked", "www.keyless.", dns.TypeA, set{ad: true, cd: true}, seen{"NOERROR", false, a, 9}},
		{"nobody has an answer", "www.down.", dns.TypeA, set{ad: true}, seen{"SERVFAIL", false, nil, 22}},
		{"nobody has, unchecked either", "www.down.", dns.TypeA, set{ad: true, cd: true}, seen{"SERVFAIL", false, nil, 22}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			query := tt.set.query(tt.name, tt.qtype)
			for _, network := range []string{"udp", "tcp"} {
				reply := ask(t, network, at, query)
				if diff := cmp.Diff(tt.want, look(reply)); diff != "" {
					t.Errorf("%s: -want +got\n%s%v", network, diff, reply)
				}
				if !reply.RecursionAvailable || reply.CheckingDisabled != tt.set.cd || reply.Question[0] != query.Question[0] {
					t.Errorf("%s: the header or the question is wrong:\n%v", network, reply)
				}
				if opt := reply.IsEdns0(); (opt == nil) != tt.set.noEDNS || opt != nil && opt.Do() != tt.set.do {
					t.Errorf("%s: the OPT record does not go with the query's (RFC 6891 §6.1.1):\n%v", network, reply)
				}
				if len(reply.Answer) > 0 && reply.Answer[0].Header().Name != tt.name {
					t.Errorf("%s: the first record is of %s, want the name that was asked for", network, reply.Answer[0].Header().Name)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	at := start(t, dnssectest.New(t, zones()...))
	standard := set{ad: true}
	for _, tt := range []struct {
		why    string
		change func(*dns.Msg)
		want   int
	}{
		{"no recursion is wanted", func(q *dns.Msg) { q.RecursionDesired = false }, dns.RcodeRefused},
		{"another class", func(q *dns.Msg) { q.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		{"a transfer", func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeRefused},
		{"whatever there is", func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeANY }, dns.RcodeNotImplemented},
		{"signatures alone", func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeRRSIG }, dns.RcodeNotImplemented},
		{"no type", func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeNone }, dns.RcodeFormatError},
		{"no question", func(q *dns.Msg) { q.Question = nil }, dns.RcodeFormatError},
		{"two questions", func(q *dns.Msg) { q.Question = append(q.Question, q.Question[0]) }, dns.RcodeFormatError},
		{"another version of EDNS", func(q *dns.Msg) { q.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
		{"two OPT records", func(q *dns.Msg) { q.Extra = append(q.Extra, q.Extra[0]) }, dns.RcodeFormatError},
		{"an update", func(q *dns.Msg) { q.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
	} {
		t.Run(tt.why, func(t *testing.T) {
			query := standard.query("www.signed.", dns.TypeA)
			tt.change(query)
			for _, network := range []string{"udp", "tcp"} {
				reply := ask(t, network, at, query)
				if reply.Rcode != tt.want || reply.AuthenticatedData || len(reply.Answer) > 0 {
					t.Errorf("%s: want %s, got\n%v", network, dns.RcodeToString[tt.want], reply)
				}
			}
		})
	}
}

// TestExtraText: the text of an extended error is UTF-8 (RFC 8914 §2), however long the reason is.
func TestExtraText(t *testing.T) {
	for _, text := range []string{"short", strings.Repeat("x", 500), "x" + strings.Repeat("ü", 500)} {
		reply := new(dns.Msg).SetEdns0(1232, false)
		extend(reply, dnssec.EDEOther, text)
		got := reply.IsEdns0().Option[0].(*dns.EDNS0_EDE).ExtraText
		if !utf8.ValidString(got) || len(got) > maxExtraText || len(got) < min(len(text), maxExtraText-1) {
			t.Errorf("%d octets: %q", len(got), got)
		}
	}
}

// TestContract has a client that believes AD look through the program at the world. It must
// see what a dnssec.Resolver sees.
func TestContract(t *testing.T) {
	dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
		return dnssec.TrustAD{Exchanger: &upstream.Client{Address: start(t, world)}}
	})
}

// TestTooManyAtOnce has the answers held back.
func TestTooManyAtOnce(t *testing.T) {
	world := dnssectest.NewInternet(zones()...)
	hold := make(chan struct{})
	world.Tamper = func(dns.Question, *dns.Msg) { <-hold }
	resolver := world.Resolver()
	r := &responder{resolver: resolver, exchanger: world, timeout: defaultTimeout, inFlight: make(chan struct{}, 3), log: quiet()}
	replies := make(chan *dns.Msg)
	for i := range 3 {
		go func() {
			reply, _ := r.respond(t.Context(), set{ad: true}.query(fmt.Sprintf("nosuch%d.signed.", i), dns.TypeA))
			replies <- reply
		}()
	}
	for len(r.inFlight) < 3 {
	}
	if got := lookAt(r.respond(t.Context(), set{}.query("www.signed.", dns.TypeA))); got.RCode != "SERVFAIL" || got.EDE != 0 {
		t.Errorf("one more gets %v", got)
	}
	close(hold)
	for range 3 {
		if got := look(<-replies); got.RCode != "NXDOMAIN" || !got.AD {
			t.Errorf("those before get %v", got)
		}
	}
	if got := lookAt(r.respond(t.Context(), set{ad: true}.query("www.signed.", dns.TypeA))); got.RCode != "NOERROR" {
		t.Errorf("afterwards one gets %v", got)
	}
}
