package dnssec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// What proved one denial proves others (RFC 8198 §5).
func TestAggressiveDenial(t *testing.T) {
	t.Parallel()
	const records = `
b A 192.0.2.1
d A 192.0.2.2
a.ent A 192.0.2.3
alias CNAME b
tree DNAME b
*.wild A 192.0.2.4`
	for _, tt := range []struct {
		name, rfc  string
		zone       dnssectest.Zone
		first      string // asked before
		question   string
		queries    int
		status     dnssec.Status
		rcode      int
		recordsMin int
	}{
		{name: "a name in the same span", rfc: "RFC 8198 §5.1", first: "ba.zone.test. A", question: "c.zone.test. MX", status: dnssec.Secure, rcode: dns.RcodeNameError},
		{name: "a name below it", rfc: "RFC 8198 §5.1", first: "ba.zone.test. A", question: "_25._tcp.c.zone.test. TLSA", status: dnssec.Secure, rcode: dns.RcodeNameError},
		{name: "another type of the name", rfc: "RFC 8198 §5.1", first: "b.zone.test. MX", question: "b.zone.test. AAAA", status: dnssec.Secure},
		{name: "a name below one without names below", rfc: "RFC 8198 §5.1", first: "b.zone.test. MX", question: "_25._tcp.b.zone.test. TLSA", status: dnssec.Secure, rcode: dns.RcodeNameError},
		{name: "an empty non-terminal", rfc: "RFC 8198 §5.1", first: "da.zone.test. A", question: "ent.zone.test. A", status: dnssec.Secure},
		{name: "a type that is there", rfc: "RFC 8198 §5.1", first: "b.zone.test. MX", question: "b.zone.test. A", queries: 1, status: dnssec.Secure, recordsMin: 1},
		{name: "a name that is there", rfc: "RFC 8198 §5.1", first: "ba.zone.test. A", question: "d.zone.test. A", queries: 1, status: dnssec.Secure, recordsMin: 1},
		{name: "an alias", rfc: "RFC 6840 §4.3", first: "alias.zone.test. DS", question: "alias.zone.test. A", queries: 2, status: dnssec.Secure, recordsMin: 1},
		{name: "a name below a DNAME", rfc: "RFC 6840 §4.1", first: "tree.zone.test. A", question: "x.tree.zone.test. A", queries: 2, status: dnssec.Secure, rcode: dns.RcodeNameError},
		{name: "a name that a wildcard matches", rfc: "RFC 8198 §5.3", first: "wa.zone.test. A", question: "x.wild.zone.test. A", queries: 1, status: dnssec.Secure, recordsMin: 1},
		{name: "a delegation", rfc: "RFC 6840 §4.1", first: "child.zone.test. DS", question: "child.zone.test. A", queries: 1, status: dnssec.Insecure, recordsMin: 1},
		{name: "a name below a delegation", rfc: "RFC 6840 §4.1", first: "child.zone.test. DS", question: "no.child.zone.test. A", queries: 1, status: dnssec.Insecure, rcode: dns.RcodeNameError},
		{name: "DS records are asked for", rfc: "RFC 4035 §5.2", first: "ba.zone.test. A", question: "c.zone.test. DS", queries: 1, status: dnssec.Secure, rcode: dns.RcodeNameError},

		{name: "a name in the same span of hashes", rfc: "RFC 8198 §5.2", zone: dnssectest.Zone{Denial: dnssectest.NSEC3}, first: "*", question: "nothing.zone.test. MX", status: dnssec.Secure, rcode: dns.RcodeNameError},
		{name: "a name below one that has none", rfc: "RFC 8198 §5.2", zone: dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 5, Salt: "ab"}, first: "*", question: "_25._tcp.b.zone.test. TLSA", status: dnssec.Secure, rcode: dns.RcodeNameError},
		{name: "a type that is there, by hash", rfc: "RFC 8198 §5.2", zone: dnssectest.Zone{Denial: dnssectest.NSEC3}, first: "*", question: "b.zone.test. A", queries: 1, status: dnssec.Secure, recordsMin: 1},
		{name: "a name that a wildcard matches, by hash", rfc: "RFC 8198 §5.3", zone: dnssectest.Zone{Denial: dnssectest.NSEC3}, first: "*", question: "x.wild.zone.test. A", queries: 1, status: dnssec.Secure, recordsMin: 1},
		{name: "a name below a delegation, by hash", rfc: "RFC 5155 §8.3", zone: dnssectest.Zone{Denial: dnssectest.NSEC3}, first: "*", question: "no.child.zone.test. A", queries: 1, status: dnssec.Insecure, rcode: dns.RcodeNameError},
		{name: "an opt-out span", rfc: "RFC 8198 §5.2", zone: dnssectest.Zone{Denial: dnssectest.NSEC3OptOut}, first: "*", question: "nothing.zone.test. MX", queries: 1, status: dnssec.Insecure, rcode: dns.RcodeNameError},
		{name: "too many iterations to try", rfc: "RFC 9276 §3.1", zone: dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 20}, first: "*", question: "nothing.zone.test. MX", queries: 1, status: dnssec.Secure, rcode: dns.RcodeNameError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			zone := tt.zone
			zone.Name, zone.Records = "zone.test.", records
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, zone, dnssectest.Zone{Name: "child.zone.test.", Unsigned: true, Records: "@ A 192.0.2.5"})
			resolver := world.Resolver()
			if tt.first == "*" { // all spans of the zone, more or less
				for i := range 60 {
					resolver.Lookup(t.Context(), fmt.Sprintf("n%d.zone.test.", i), dns.TypeA)
				}
				resolver.Lookup(t.Context(), "zone.test.", dns.TypeTXT)
				resolver.Lookup(t.Context(), "b.zone.test.", dns.TypeTXT)
			} else if _, err := lookupBy(t.Context(), resolver, tt.first); err != nil {
				t.Fatal(err)
			}
			before := len(world.Questions())
			answer, err := lookupBy(t.Context(), resolver, tt.question)
			if err != nil || answer.Status != tt.status || answer.RCode != tt.rcode || len(answer.Records) < tt.recordsMin {
				t.Errorf("%s: %+v, %v", tt.rfc, answer, err)
			}
			asked := slices.DeleteFunc(world.Questions()[before:], func(q dns.Question) bool { return q.Qtype == dns.TypeDS && !strings.HasSuffix(tt.question, " DS") })
			if len(asked) != tt.queries {
				t.Errorf("%s: asked %v", tt.rfc, asked)
			}
			if tt.queries > 0 {
				return
			}
			if chain := answer.Chain(); len(chain) < 6 || chain[len(chain)-1].Type != dns.TypeNSEC && chain[len(chain)-1].Type != dns.TypeNSEC3 {
				t.Errorf("the evidence is %+v", chain)
			}
			if wait := time.Until(answer.Expires); wait <= 0 || wait > 300*time.Second {
				t.Errorf("it expires in %s", wait)
			}
		})
	}
}

// A denial proves nothing after its time.
func TestAggressiveDenialExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."})
	world.Time = func() time.Time { return now }
	resolver := world.Resolver()
	for _, tt := range []struct {
		name    string
		after   time.Duration
		queries bool
	}{
		{"a.test.", 0, true}, {"b.test.", 299 * time.Second, false}, {"c.test.", 2 * time.Second, true}, {"d.test.", 0, false},
	} {
		now = now.Add(tt.after)
		before := len(world.Questions())
		if answer, err := resolver.Lookup(t.Context(), tt.name, dns.TypeA); err != nil || answer.RCode != dns.RcodeNameError || !answer.Expires.After(now) {
			t.Errorf("%s: %+v, %v", tt.name, answer, err)
		}
		if asked := len(world.Questions()) > before; asked != tt.queries {
			t.Errorf("%s was asked: %v", tt.name, asked)
		}
	}
}

// Denials have no say below a negative trust anchor, nor while the clock is before them.
func TestDenialsThatMayNotBeUsed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."})
	world.Time = func() time.Time { return now }
	resolver := world.Resolver()
	resolver.NegativeAnchors = []dnssec.NegativeAnchor{{Zone: "neg.test.", Reason: "a test", Expires: now.Add(time.Hour)}}
	ask := func(question string) (status dnssec.Status, queries int) {
		t.Helper()
		before := len(world.Questions())
		answer, err := lookupBy(t.Context(), resolver, question)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status, len(world.Questions()) - before
	}
	if status, _ := ask("a.test. A"); status != dnssec.Secure {
		t.Fatalf("the first denial is %s", status)
	}
	if status, queries := ask("b.test. A"); status != dnssec.Secure || queries != 0 {
		t.Errorf("another name: %s by %d queries", status, queries)
	}
	if status, _ := ask("x.neg.test. A"); status != dnssec.Insecure {
		t.Errorf("below a negative trust anchor: %s", status)
	}
	now = now.Add(-10 * time.Minute)
	if _, queries := ask("c.test. A"); queries == 0 {
		t.Error("a denial of the future was used")
	}
}
