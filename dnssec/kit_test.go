package dnssec_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

func parseRR(t testing.TB, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

func name(t *testing.T, text string) canonical.Name {
	t.Helper()
	name, err := canonical.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func lookup(t *testing.T, world *dnssectest.Internet, question string) (*dnssec.Answer, error) {
	t.Helper()
	name, qtype, _ := strings.Cut(question, " ")
	return world.Resolver().Lookup(t.Context(), name, dns.StringToType[qtype])
}

// exchangerFunc is an Exchanger that fails in its own way.
type exchangerFunc func(context.Context, *upstream.Query) (*upstream.Reply, error)

func (f exchangerFunc) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	return f(ctx, q)
}

func lookupBy(ctx context.Context, resolver *dnssec.Resolver, question string) (*dnssec.Answer, error) {
	name, qtype, _ := strings.Cut(question, " ")
	return resolver.Lookup(ctx, name, dns.StringToType[qtype])
}

func isSignature(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }

func texts(answer *dnssec.Answer) []string {
	var all []string
	for _, rr := range answer.Records {
		all = append(all, rr.String())
	}
	return all
}

// content is what an answer says.
func content(a *dnssec.Answer) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Name, a.RCode, a.Aliases)
	var lines []string
	for _, rr := range a.Records {
		rr = dns.Copy(rr)
		rr.Header().Ttl = 0
		lines = append(lines, strings.ToLower(rr.String()))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, "\n"))
	return b.String()
}

// A counting algorithm is RSA/SHA-256 that counts the signatures checked.
type counting struct {
	rrsig.Algorithm
	checked *atomic.Int32
}

func (c counting) Parse(public []byte) (rrsig.PublicKey, error) {
	key, err := c.Algorithm.Parse(public)
	return countingKey{key, c.checked}, err
}

type countingKey struct {
	rrsig.PublicKey
	checked *atomic.Int32
}

func (k countingKey) Verify(data, signature []byte) bool {
	k.checked.Add(1)
	return k.PublicKey.Verify(data, signature)
}

const day = 24 * time.Hour
