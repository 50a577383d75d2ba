package dnssec_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// mailHosts names what a sender asks after the MX records: the addresses of the best hosts,
// and after these, or at once, their TLSA records: where a zone that signs the reply
// encloses the host, and its address is likely to be secure.
func mailHosts(reply *dns.Msg) []dns.Question {
	var hosts []*dns.MX
	var signers []string
	for _, rr := range reply.Answer {
		switch rr := rr.(type) {
		case *dns.MX:
			hosts = append(hosts, rr)
		case *dns.RRSIG:
			signers = append(signers, rr.SignerName)
		}
	}
	slices.SortStableFunc(hosts, func(a, b *dns.MX) int { return int(a.Preference) - int(b.Preference) })
	var next []dns.Question
	ask := func(name string, qtype uint16) {
		next = append(next, dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET})
	}
	askTLSA := func(host string) {
		if slices.ContainsFunc(signers, func(zone string) bool { return dns.IsSubDomain(zone, host) }) {
			ask("_25._tcp."+host, dns.TypeTLSA)
		}
	}
	for _, mx := range hosts[:min(len(hosts), 4)] {
		ask(mx.Mx, dns.TypeA)
		ask(mx.Mx, dns.TypeAAAA)
		askTLSA(mx.Mx)
	}
	if len(reply.Question) == 1 && reply.Question[0].Qtype == dns.TypeA {
		askTLSA(reply.Question[0].Name)
	}
	return next
}

// All that is asked of a domain takes two round trips where the MX host lies in its zone,
// and three where it lies in another one.
func TestAheadRoundTrips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		host := "@ MX 10 mail\nmail A 192.0.2.1\n_25._tcp.mail TLSA 3 1 1 00"
		world := dnssectest.New(t, dnssectest.Zone{Name: "test."},
			dnssectest.Zone{Name: "one.test.", Records: host}, dnssectest.Zone{Name: "two.test.", Denial: dnssectest.NSEC3, Records: host},
			dnssectest.Zone{Name: "away.test.", Records: "@ MX 10 mail.three.test."}, dnssectest.Zone{Name: "three.test.", Records: host})
		forwarder := &distant{Exchanger: world}
		resolver := &dnssec.Resolver{Exchanger: forwarder, Anchors: world.Anchors()}
		for _, tt := range []struct {
			domain, host string
			roundTrips   time.Duration
			queries      int32
		}{
			{"one.test.", "mail.one.test.", 2, 9}, // MX, A, AAAA and TLSA; keys of three zones, and two DS
			{"two.test.", "mail.two.test.", 2, 6},
			{"away.test.", "mail.three.test.", 3, 8},
		} {
			before, start := forwarder.queries.Load(), time.Now()
			if _, err := resolver.Lookup(dnssec.WithAhead(t.Context(), mailHosts), tt.domain, dns.TypeMX); err != nil {
				t.Fatal(err)
			}
			for _, question := range []string{tt.host + " A", tt.host + " AAAA", "_25._tcp." + tt.host + " TLSA"} {
				if answer, err := lookupBy(t.Context(), resolver, question); err != nil || answer.Status != dnssec.Secure {
					t.Errorf("%s: %+v, %v", question, answer, err)
				}
			}
			if got := time.Since(start); got != tt.roundTrips*roundTrip {
				t.Errorf("%s took %s, want %d round trips", tt.domain, got, tt.roundTrips)
			}
			if got := forwarder.queries.Load() - before; got != tt.queries {
				t.Errorf("%s took %d queries, want %d", tt.domain, got, tt.queries)
			}
		}
	})
}

// Whatever becomes of the questions asked ahead, the answer is the same, at the same time.
func TestAheadChangesNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []dnssec.Status{dnssec.Secure, dnssec.Insecure} {
		for label, fault := range map[string]dnssectest.Fault{"": 0, "silent": dnssectest.Silent, "failing": dnssectest.ServFail, "bogus": dnssectest.BadSignature} {
			t.Run(fmt.Sprintf("%s, TLSA %s", status, label), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					zone := dnssectest.Zone{Name: "zone.test.", Unsigned: status == dnssec.Insecure, Records: "@ MX 10 mail\nmail A 192.0.2.1\n_25._tcp.mail TLSA 3 1 1 00"}
					if label != "" {
						zone.Faults = map[string]dnssectest.Fault{"_25._tcp.mail TLSA": fault, "mail A": fault}
					}
					world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, zone)
					resolver := &dnssec.Resolver{Exchanger: &distant{Exchanger: world}, Anchors: world.Anchors()}
					ctx, cancel := context.WithCancel(t.Context())
					start := time.Now()
					answer, err := resolver.Lookup(dnssec.WithAhead(ctx, mailHosts), "zone.test.", dns.TypeMX)
					if err != nil || answer.Status != status || len(answer.Records) != 1 || time.Since(start) != 2*roundTrip {
						t.Errorf("%+v, %v after %s", answer, err, time.Since(start))
					}
					// Nothing goes on after the context.
					synctest.Wait()
					cancel()
					synctest.Wait()
					if time.Since(start) != 2*roundTrip {
						t.Errorf("it took until %s", time.Since(start))
					}
				})
			})
		}
	}
}

// What a forged reply suggests is asked, but neither it nor the forged reply is believed.
func TestAheadBelievesNothing(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail\nmail A 192.0.2.1"}, dnssectest.Zone{Name: "evil.", Records: "mail A 192.0.2.66"})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			switch rr := rr.(type) {
			case *dns.MX:
				rr.Mx = "mail.evil."
			case *dns.A:
				rr.A[3] = 99
			}
		}
	}
	resolver := world.Resolver()
	seen := make(chan string, 1)
	ctx := dnssec.WithAhead(t.Context(), func(reply *dns.Msg) []dns.Question {
		mx, ok := reply.Answer[0].(*dns.MX)
		if !ok {
			return nil
		}
		seen <- mx.Mx
		mx.Mx = "mail.test." // its own copy
		return []dns.Question{{Name: "mail.evil.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
	})
	if answer, err := resolver.Lookup(ctx, "test.", dns.TypeMX); err == nil || len(answer.Records) != 0 {
		t.Errorf("%+v, %v", answer, err)
	}
	if host := <-seen; host != "mail.evil." {
		t.Errorf("the reply had %s", host)
	}
	if answer, err := resolver.Lookup(t.Context(), "mail.evil.", dns.TypeA); err == nil || len(answer.Records) != 0 {
		t.Errorf("%+v, %v", answer, err)
	}
}

// However many questions are suggested, twelve are asked, and paid by the lookup.
func TestAheadIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "a CNAME b\nb CNAME c\nc A 192.0.2.1\n*.wild A 192.0.2.2"})
		var calls atomic.Int32
		ctx := dnssec.WithAhead(dnssec.WithBudget(t.Context(), 1), func(*dns.Msg) []dns.Question {
			call := calls.Add(1)
			next := []dns.Question{{Name: "c.", Qtype: dns.TypeTXT, Qclass: dns.ClassCHAOS}, {Name: "a..", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
			for i := range 1000 {
				next = append(next, dns.Question{Name: fmt.Sprintf("n%d-%d.wild.test.", call, i), Qtype: dns.TypeA, Qclass: dns.ClassINET})
			}
			return next
		})
		resolver := world.Resolver()
		if _, err := resolver.Lookup(ctx, "a.test.", dns.TypeA); err != nil || calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, calls.Load()) // with one there is enough
		}
		synctest.Wait()
		ahead := slices.DeleteFunc(world.Questions(), func(q dns.Question) bool { return q.Name[0] != 'n' || q.Qclass != dns.ClassINET })
		if len(ahead) != 11 { // one of the twelve is no question
			t.Errorf("%d questions were asked ahead", len(ahead))
		}
		asked := len(world.Questions())
		for i := 0; ; i++ {
			if _, err := resolver.Lookup(ctx, fmt.Sprintf("more%d.wild.test.", i), dns.TypeA); err != nil {
				break
			}
		}
		if total := len(world.Questions()); total > 129 || total < asked {
			t.Errorf("%d queries by the budget of one lookup", total)
		}
	})
}

// The hook gets a copy: what it does to the reply is no matter.
func TestSuggestingChangesNoReply(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail"})
	ctx := dnssec.WithAhead(t.Context(), func(reply *dns.Msg) []dns.Question {
		if len(reply.Ns)+len(reply.Extra) > 0 {
			t.Errorf("the hook got more than the answer: %s", reply)
		}
		for _, rr := range reply.Answer {
			rr.Header().Ttl = 0
			if mx, ok := rr.(*dns.MX); ok {
				mx.Mx = "evil.example."
			}
		}
		return nil
	})
	answer, err := world.Resolver().Lookup(ctx, "test.", dns.TypeMX)
	if err != nil || answer.Status != dnssec.Secure || len(answer.Records) != 1 || answer.Records[0].(*dns.MX).Mx != "mail.test." {
		t.Errorf("%+v, %v", answer, err)
	}
}

// When the context of WithAhead ends, what was asked ahead goes on for those alone who wait for it.
func TestAheadGoesOnForOthers(t *testing.T) {
	t.Parallel()
	for label, others := range map[string]int{"nobody else": 0, "one": 1, "two": 2} {
		t.Run(label, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail\nmail A 192.0.2.1"})
				resolver := &dnssec.Resolver{Exchanger: &distant{Exchanger: world}, Anchors: world.Anchors()}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var all sync.WaitGroup
				all.Go(func() { resolver.Lookup(dnssec.WithAhead(ctx, mailHosts), "test.", dns.TypeMX) })
				time.Sleep(roundTrip + roundTrip/2) // when the addresses have been asked for
				for range others {
					all.Go(func() {
						if answer, err := resolver.Lookup(t.Context(), "mail.test.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
							t.Errorf("%+v, %v", answer, err)
						}
					})
				}
				synctest.Wait()
				cancel()
				all.Wait()
				synctest.Wait()
				asked := slices.DeleteFunc(world.Questions(), func(q dns.Question) bool { return q.Name != "mail.test." || q.Qtype != dns.TypeA })
				if want := min(others, 1); len(asked) != want { // it gets through half a round trip later
					t.Errorf("the address was asked for %d times, want %d", len(asked), want)
				}
				if n := dnssec.InFlight(resolver); n != 0 {
					t.Errorf("%d questions are left in flight", n)
				}
			})
		})
	}
}

// What is asked ahead ends by itself, though its context does not.
func TestAheadEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := dnssectest.New(t, dnssectest.Zone{
			Name: "test.", Records: "@ MX 10 mail\nmail CNAME host\nhost A 192.0.2.1",
			Faults: map[string]dnssectest.Fault{"host A": dnssectest.Silent, "host AAAA": dnssectest.Silent},
		})
		resolver := &dnssec.Resolver{Exchanger: &distant{Exchanger: world}, Anchors: world.Anchors()}
		if _, err := resolver.Lookup(dnssec.WithAhead(t.Context(), mailHosts), "test.", dns.TypeMX); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * roundTrip)
		if dnssec.InFlight(resolver) == 0 {
			t.Error("nothing waits for the server that is silent")
		}
		time.Sleep(time.Minute)
		if n := dnssec.InFlight(resolver); n != 0 {
			t.Errorf("%d questions are in flight after a minute", n)
		}
	})
}
