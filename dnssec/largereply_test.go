package dnssec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// largeReplies are what a hostile zone can put into one message over TCP, with owners of one
// label of four octets, by their sections.
var largeReplies = []struct {
	name    string
	records func(tb testing.TB, world *dnssectest.Internet, i int) (answer, authority []dns.RR)
}{
	{"one RRset, in reverse order", func(tb testing.TB, _ *dnssectest.Internet, i int) ([]dns.RR, []dns.RR) {
		return []dns.RR{parseRR(tb, fmt.Sprintf("www.test. 300 A 192.0.%d.%d", 255-i/256, 255-i%256))}, nil
	}},
	{"RRsets of other names", func(tb testing.TB, _ *dnssectest.Internet, i int) ([]dns.RR, []dns.RR) {
		return []dns.RR{parseRR(tb, fmt.Sprintf("n%03x.test. 300 A 192.0.2.1", i))}, nil
	}},
	{"NSEC records that all cover the name", func(tb testing.TB, _ *dnssectest.Internet, i int) ([]dns.RR, []dns.RR) {
		return nil, []dns.RR{parseRR(tb, fmt.Sprintf("n%03x.test. 300 NSEC z.test. A", i))}
	}},
	{"NSEC3 records", func(tb testing.TB, _ *dnssectest.Internet, i int) ([]dns.RR, []dns.RR) {
		return nil, []dns.RR{parseRR(tb, fmt.Sprintf("%032x.test. 300 NSEC3 1 0 150 - %032x A", i, i+1<<20))}
	}},
	{"signatures of other names", func(tb testing.TB, _ *dnssectest.Internet, i int) ([]dns.RR, []dns.RR) {
		return nil, []dns.RR{parseRR(tb, fmt.Sprintf("n%03x.test. 300 NSEC z.test. A", i/2)), parseRR(tb, fmt.Sprintf("n%03x.test. 300 RRSIG NSEC 13 2 300 20400101000000 20200101000000 1 test. AAAA", i/2))}
	}},
}

// fullReply fills a message.
func fullReply(tb testing.TB, world *dnssectest.Internet, records func(testing.TB, *dnssectest.Internet, int) (answer, authority []dns.RR)) *dns.Msg {
	msg := &dns.Msg{Compress: true}
	for i, size := 0, 0; size < 60_000 && i < 4000; i++ {
		answer, authority := records(tb, world, i)
		for _, rr := range append(answer, authority...) {
			size += 2 + dns.Len(rr) - len(rr.Header().Name) - 1
			if label, _, _ := strings.Cut(rr.Header().Name, "."); label != "www" {
				size += len(label) + 1
			}
		}
		msg.Answer, msg.Ns = append(msg.Answer, answer...), append(msg.Ns, authority...)
	}
	return msg
}

// largeReply is a world in which one name has such a reply.
func largeReply(tb testing.TB, records func(testing.TB, *dnssectest.Internet, int) (answer, authority []dns.RR)) *dnssectest.Internet {
	world := dnssectest.New(tb, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.1"})
	full := fullReply(tb, world, records)
	sigs := []dns.RR{}
	if len(full.Answer) > 0 && full.Answer[0].Header().Name == "www.test." {
		for i := range 16 {
			sig := world.Sign("test.", full.Answer...)
			sig.OrigTtl += 1 + uint32(i)
			sigs = append(sigs, sig)
		}
	}
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if q.Name == "www.test." && q.Qtype == dns.TypeA {
			reply.Answer, reply.Ns = append(sigs, full.Answer...), full.Ns
		}
	}
	return world
}

// A reply that is as large as a message can be proves no more for that.
func TestLargeReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range largeReplies {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer, err := lookup(t, largeReply(t, tt.records), "www.test. A")
			if err == nil || answer.Status != dnssec.Bogus && !errors.Is(err, dnssec.ErrBudget) {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
}

// BenchmarkLargeReply is the cost of a lookup whose one reply is as large as a message can be.
func BenchmarkLargeReply(b *testing.B) {
	for _, bench := range largeReplies {
		b.Run(bench.name, func(b *testing.B) {
			world := largeReply(b, bench.records)
			b.ReportAllocs()
			for b.Loop() {
				if answer, err := world.Resolver().Lookup(b.Context(), "www.test.", dns.TypeA); err == nil {
					b.Fatal(answer)
				}
			}
		})
	}
}
