package dnssec_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/limittest"
)

// BenchmarkHeapOfDomains is what each domain takes in the caches of a resolver, when its mail hosts
// are known: MX, addresses, TLSA, keys, and the denial of another name.
func BenchmarkHeapOfDomains(b *testing.B) {
	const domains = 1000
	zones := []dnssectest.Zone{{Name: "test."}}
	for i := range domains {
		zones = append(zones, dnssectest.Zone{Name: fmt.Sprintf("d%d.test.", i), Records: `
@ MX 10 mail
mail A 192.0.2.25
mail AAAA 2001:db8::25
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef`})
	}
	world := dnssectest.New(b, zones...)
	received := asReceived{world}
	anchors := world.Anchors()
	questions := []string{
		"d%d.test. MX", "mail.d%d.test. A", "mail.d%d.test. AAAA", "_25._tcp.mail.d%d.test. TLSA", "no.d%d.test. A",
	}
	for b.Loop() {
		heap := limittest.HeapOf(func() any {
			resolver := &dnssec.Resolver{Exchanger: received, Anchors: anchors}
			for i := range domains {
				for _, question := range questions {
					answer, err := lookupBy(b.Context(), resolver, fmt.Sprintf(question, i))
					if err != nil || answer.Status != dnssec.Secure {
						b.Fatal(answer, err)
					}
				}
			}
			return resolver
		})
		b.ReportMetric(float64(heap)/domains, "heap-B/domain")
	}
}

// asReceived is an Exchanger whose replies are read from the wire, as those of a network.
type asReceived struct{ upstream.Exchanger }

func (a asReceived) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := a.Exchanger.Exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	wire, err := reply.Msg.Pack()
	if err != nil {
		return nil, err
	}
	own := *reply
	own.Msg, err = wireform.Unpack(wire)
	return &own, err
}
