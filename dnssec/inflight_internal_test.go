package dnssec

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A question in flight waits for those nearer the anchor alone, and so for none that waits for it.
func TestNearerQuestionsAreWaitedFor(t *testing.T) {
	t.Parallel()
	var fromTheAnchor []validate.Question
	for _, text := range []string{".", "test.", "zone.test.", "mail.zone.test."} {
		name, err := canonical.ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, qtype := range []uint16{dns.TypeDS, dns.TypeDNSKEY, dns.TypeMX} {
			fromTheAnchor = append(fromTheAnchor, validate.Question{Name: name, Type: qtype})
		}
	}
	for i, q := range fromTheAnchor {
		for j, other := range fromTheAnchor {
			l := &lookup{inflight: &inflight{inflightKey: inflightKey{Question: q}}}
			if l.mayAwait(other) != (j < i) {
				t.Errorf("%s %s may wait for %s %s: %v", q.Name, dns.Type(q.Type), other.Name, dns.Type(other.Type), j >= i)
			}
		}
	}
	if caller := (&lookup{}); !caller.mayAwait(fromTheAnchor[11]) {
		t.Error("a caller's lookup does not share")
	}
}

// refusing answers at once, or never, that it does not answer.
type refusing struct{ silent bool }

func (r refusing) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if r.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	msg := new(dns.Msg).SetReply(q.Msg)
	if q.Msg.Question[0].Qtype == dns.TypeDNSKEY {
		msg.Rcode = dns.RcodeServerFailure
	}
	return &upstream.Reply{Msg: msg, Server: "test"}, nil
}

// No question in flight is held after the lookups that needed it.
func TestNothingStaysInFlight(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		r := &Resolver{Exchanger: refusing{silent}}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
				defer cancel()
				r.Lookup(ctx, fmt.Sprintf("mail.sub%d.example.", i%3), dns.TypeA)
			})
		}
		all.Wait()
		if n := len(r.inflights.byKey); n > 0 {
			t.Errorf("%d questions are left", n)
		}
	}
}

// What a lookup found or waited for is not in memory, nor known to another lookup, after its end.
func TestLookupsAreGivenBackEmpty(t *testing.T) {
	r := &Resolver{Exchanger: refusing{}}
	for range 10 {
		r.Lookup(t.Context(), "mail.sub.example.", dns.TypeA)
		if l := lookups.Get().(*lookup); !reflect.DeepEqual(l, new(lookup)) {
			t.Fatalf("a lookup has %+v", l)
		}
	}
}
