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
