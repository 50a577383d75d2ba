package dnssec_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// One budget for several lookups ends them all when it is spent.
func TestSharedBudget(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
	ctx := dnssec.WithBudget(t.Context(), 1)
	resolver := world.Resolver()
	var err error
	for i := 0; i < 1000 && err == nil; i++ {
		_, err = resolver.Lookup(ctx, fmt.Sprintf("n%d.test.", i), dns.TypeA)
	}
	if !errors.Is(err, dnssec.ErrBudget) {
		t.Errorf("error %v", err)
	}
	if _, err := resolver.Lookup(t.Context(), "other.test.", dns.TypeA); err != nil {
		t.Errorf("another lookup: %v", err)
	}
}
