package dnssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A verdict that rests on other anchors than today's does not count.
func TestAnchorsChange(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "island.", NoDS: true, Records: "@ A 192.0.2.1"}, dnssectest.Zone{Name: "other.", Records: "@ A 192.0.2.1"})
	keys, err := world.Resolver().Lookup(t.Context(), "island.", dns.TypeDNSKEY)
	if err != nil {
		t.Fatal(err)
	}
	island := anchor.Set{{Zone: "island.", Key: keys.Records[0].(*dns.DNSKEY)}}
	source := &anchorsNow{island}
	resolver := &dnssec.Resolver{Exchanger: world, Anchors: source}
	for _, step := range []struct {
		anchors anchor.Set
		want    dnssec.Status
	}{{island, dnssec.Insecure}, {world.Anchors(), dnssec.Secure}, {island, dnssec.Insecure}} {
		source.AnchorSource = step.anchors
		answer, err := resolver.Lookup(t.Context(), "other.", dns.TypeA)
		if err != nil || answer.Status != step.want {
			t.Errorf("%+v, %v; want %s", answer, err, step.want)
		}
	}
}

// anchorsNow is a source of anchors that changes.
type anchorsNow struct{ dnssec.AnchorSource }

// Where anchors are nested, the one above may prove what is secure, and nothing less
// (RFC 6840 §5.10).
func TestNestedAnchors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		above dnssectest.Zone
		want  dnssec.Status
	}{
		{"a signed denial that the zone exists", dnssectest.Zone{Name: "corp."}, dnssec.Secure},
		{"one from an opt-out span", dnssectest.Zone{Name: "corp.", Denial: dnssectest.NSEC3OptOut}, dnssec.Bogus},
		{"one with too many iterations", dnssectest.Zone{Name: "corp.", Denial: dnssectest.NSEC3, Iterations: 151}, dnssec.Bogus},
		{"one from a zone without DS", dnssectest.Zone{Name: "corp.", NoDS: true}, dnssec.Bogus},
		{"one from an unsigned zone", dnssectest.Zone{Name: "corp.", Unsigned: true}, dnssec.Bogus},
		{"one with a bad signature", dnssectest.Zone{Name: "corp.", Faults: map[string]dnssectest.Fault{"*": dnssectest.BadSignature}}, dnssec.Bogus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, tt.above)
			island := world.Anchors()[0]
			island.Zone = "island.corp."
			resolver := &dnssec.Resolver{Exchanger: world, Anchors: append(world.Anchors(), island)}
			answer, err := resolver.Lookup(t.Context(), "www.island.corp.", dns.TypeA)
			if answer == nil || answer.Status != tt.want {
				t.Errorf("%+v, %v; want %s", answer, err, tt.want)
			}
			// Without an anchor above, there is only the one that does not fit.
			resolver = &dnssec.Resolver{Exchanger: world, Anchors: anchor.Set{island}}
			if answer, err := resolver.Lookup(t.Context(), "www.island.corp.", dns.TypeA); err == nil {
				t.Errorf("by the island alone: %+v", answer)
			}
		})
	}
}

// Beside an anchor of its own, the keys of a zone above have nothing to say for it that
// is less than secure; and without an anchor of theirs nothing at all.
func TestSignerAboveTheAnchor(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "victim.test.", Records: "www A 192.0.2.1"})
	answer, err := lookup(t, world, "victim.test. DS")
	if err != nil {
		t.Fatal(err)
	}
	island := anchor.Set{{Zone: "victim.test.", DS: answer.Records[0].(*dns.DS)}}
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if q.Name == "www.victim.test." {
			forged := parseRR(t, "www.victim.test. 300 IN A 192.0.2.66")
			reply.Answer = []dns.RR{forged, world.Sign("test.", forged)}
		}
	}
	resolver := &dnssec.Resolver{Exchanger: world, Anchors: island}
	if answer, err := lookupBy(t.Context(), resolver, "www.victim.test. A"); answer.Status != dnssec.Bogus {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "island.", NoDS: true, Records: "@ A 192.0.2.1"}, dnssectest.Zone{Name: "other.", Records: "@ A 192.0.2.1"})
	keys, err := world.Resolver().Lookup(t.Context(), "island.", dns.TypeDNSKEY)
	if err != nil {
		t.Fatal(err)
	}
	island := anchor.Anchor{Zone: "island.", Key: keys.Records[0].(*dns.DNSKEY)}
	strange := world.Anchors()[0]
	strange.DS = dns.Copy(strange.DS).(*dns.DS)
	strange.DS.Algorithm = 200
	for _, tt := range []struct {
		name     string
		anchors  anchor.Set
		question string
		status   dnssec.Status
	}{
		{"an anchor of the root", world.Anchors(), "other.", dnssec.Secure},
		{"an anchor of an island", anchor.Set{island}, "island.", dnssec.Secure},
		{"the island beside the root", append(world.Anchors(), island), "island.", dnssec.Secure},
		{"the island by the root alone", world.Anchors(), "island.", dnssec.Insecure},
		{"a name outside all anchors", anchor.Set{island}, "other.", dnssec.Insecure},
		{"no anchor", anchor.Set{}, "other.", dnssec.Indeterminate},
		{"the root keys of another Internet", anchor.Root(), "other.", dnssec.Bogus},
		{"no anchor that can be followed", anchor.Set{strange}, "other.", dnssec.Indeterminate},
	} {
		r := &dnssec.Resolver{Exchanger: world, Anchors: tt.anchors}
		answer, err := r.Lookup(t.Context(), tt.question, dns.TypeA)
		status := dnssec.Indeterminate
		if answer != nil {
			status = answer.Status
		}
		if status != tt.status {
			t.Errorf("%s: %s, %v; want %s", tt.name, status, err, tt.status)
		}
	}
}

func TestNegativeAnchors(t *testing.T) {
	t.Parallel()
	expired := map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Expired}
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test."},
		dnssectest.Zone{Name: "good.test.", Records: "@ MX 10 mail\nto CNAME www.broken.test."},
		dnssectest.Zone{Name: "broken.test.", Records: "@ MX 10 mail\nwww A 192.0.2.1", Faults: expired},
		dnssectest.Zone{Name: "sub.broken.test.", Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "notbroken.test.", Records: "@ MX 10 mail", Faults: expired},
	)
	soon := time.Now().Add(100 * time.Second)
	negative := func(zone string, expires time.Time) []dnssec.NegativeAnchor {
		return []dnssec.NegativeAnchor{{Zone: zone, Reason: "keys were lost", Expires: expires}}
	}
	for _, tt := range []struct {
		name     string
		negative []dnssec.NegativeAnchor
		anchors  []string // zones with trust anchors of their own
		question string
		want     dnssec.Status
	}{
		{"without one", nil, nil, "broken.test. MX", dnssec.Bogus},
		{"the zone is insecure", negative("Broken.TEST", soon), nil, "broken.test. MX", dnssec.Insecure},
		{"and its denials are", negative("broken.test.", soon), nil, "none.broken.test. A", dnssec.Insecure},
		{"so is what is below", negative("broken.test.", soon), nil, "sub.broken.test. MX", dnssec.Insecure},
		{"an alias into it is", negative("broken.test.", soon), nil, "to.good.test. A", dnssec.Insecure},
		{"so is a name that is no zone", negative("to.good.test.", soon), nil, "to.good.test. CNAME", dnssec.Insecure},
		{"the zone above is not", negative("broken.test.", soon), nil, "test. SOA", dnssec.Secure},
		{"nor are its DS records, which are of the zone above", negative("broken.test.", soon), nil, "broken.test. DS", dnssec.Secure},
		{"nor is a zone with a longer label", negative("broken.test.", soon), nil, "notbroken.test. MX", dnssec.Bogus},
		{"it has expired", negative("broken.test.", time.Now().Add(-time.Second)), nil, "broken.test. MX", dnssec.Bogus},
		{"it has no expiry", negative("broken.test.", time.Time{}), nil, "broken.test. MX", dnssec.Bogus},
		{"the root cannot be switched off", negative(".", soon), nil, "broken.test. MX", dnssec.Bogus},
		{"no name", negative("..", soon), nil, "broken.test. MX", dnssec.Bogus},
		{"a trust anchor below it counts", negative("test.", soon), []string{"good.test."}, "good.test. MX", dnssec.Secure},
		{"a trust anchor of the same zone counts", negative("good.test.", soon), []string{"good.test."}, "good.test. MX", dnssec.Secure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resolver := world.Resolver()
			resolver.NegativeAnchors = tt.negative
			set := world.Anchors()
			for _, zone := range tt.anchors {
				answer, err := lookup(t, world, zone+" DS")
				if err != nil {
					t.Fatal(err)
				}
				set = append(set, anchor.Anchor{Zone: zone, DS: answer.Records[0].(*dns.DS)})
			}
			resolver.Anchors = set
			answer, err := lookupBy(t.Context(), resolver, tt.question)
			if answer == nil || answer.Status != tt.want {
				t.Fatalf("%+v, %v; want %s", answer, err, tt.want)
			}
			if tt.want == dnssec.Insecure && (!strings.Contains(answer.Reason.Text, "keys were lost") || answer.Expires.After(soon)) {
				t.Errorf("%+v, until %s", answer.Reason, answer.Expires)
			}
		})
	}
}
