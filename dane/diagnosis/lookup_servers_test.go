package diagnosis_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// faulty is a serverTest in which all servers have a fault.
func faulty(where string, fault dnssectest.Fault) *serverTest {
	return &serverTest{zone: func(z *dnssectest.Zone) { z.Faults = map[string]dnssectest.Fault{where: fault} }}
}

// Once the name servers were asked by themselves, a lookup that failed by a resolver names them.
func TestFailedLookupNamesServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		result, servers := faulty("_25._tcp.mail TLSA", dnssectest.ServFail).run(t)
		without := find(diagnosis.Diagnose(result, diagnosis.Options{}), diagnosis.CodeTLSAQueryFails)
		with := find(diagnosis.Diagnose(result, diagnosis.Options{Servers: servers}), diagnosis.CodeTLSAQueryFails)
		if without == nil || with == nil {
			t.Fatal("it is not found")
		}
		if hint := "check -compare names that one"; !strings.Contains(without.Fix, hint) || strings.Contains(with.Fix, hint) {
			t.Errorf("without: %s\nwith: %s", without.Fix, with.Fix)
		}
		if want := "(" + firstServer + ") answers SERVFAIL"; !strings.Contains(with.Text, want) || strings.Contains(without.Text, want) {
			t.Errorf("with %q: %s\nwithout: %s", want, with.Text, without.Text)
		}
	})
}

// A resolver may leave out what the zone's servers send, as Knot Resolver 5.6.0 without validation does with
// the proofs of wildcards. It is said where nobody knows better, and where they were asked and are right.
func TestMissingProofNamesResolver(t *testing.T) {
	t.Parallel()
	sound := danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}}
	withoutSignatures := func(q dns.Question, reply *dns.Msg) {
		if q.Qtype == dns.TypeMX {
			reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
		}
	}
	for _, tt := range []struct {
		name   string
		tamper func(dns.Question, *dns.Msg)
		code   diagnosis.Code
	}{
		{"denials", withoutDenials, diagnosis.CodeDenialBroken},
		{"signatures", withoutSignatures, diagnosis.CodeSignatureMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, right := (&serverTest{}).run(t)
				_, wrong := (&serverTest{all: func(reply *dns.Msg) { tt.tamper(reply.Question[0], reply) }}).run(t)
				w := world{domains: oneHost(sound, "").domains, tamper: tt.tamper}
				result, _ := w.checker(t).Verify(t.Context(), "a.example")
				for _, o := range []struct {
					name    string
					options diagnosis.Options
					want    string // "" for no word of the resolver
				}{
					{"nobody was asked", diagnosis.Options{}, " If internet is a resolver, it may be what leaves"},
					{"they are right", diagnosis.Options{Servers: right}, "each asked by itself, prove what they say: what leaves it out is internet"},
					{"they leave it out, too", diagnosis.Options{Servers: wrong}, ""},
					{"there is no resolver", diagnosis.Options{Direct: true}, ""},
				} {
					f := find(diagnosis.Diagnose(result, o.options), tt.code)
					if f == nil {
						t.Fatalf("%s: it is not found", o.name)
					}
					if told := strings.Contains(f.Fix, "leave") && strings.Contains(f.Fix, "internet"); told != (o.want != "") || !strings.Contains(f.Fix, o.want) {
						t.Errorf("%s, want %q: %s", o.name, o.want, f.Fix)
					}
				}
			})
		})
	}
}

// The DS record that would be right is printed, as far as the name servers agree.
func TestDSWithoutKeyPrintsDS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		result, servers := faulty(dnssectest.WholeZone, dnssectest.WrongDS).run(t)
		f := find(diagnosis.Diagnose(result, diagnosis.Options{}), diagnosis.CodeDSWithoutKey)
		if f == nil || len(f.Publish) != 0 || !strings.Contains(f.Fix, "dig +cd +dnssec DNSKEY a.example | dnssec-dsfromkey") {
			t.Errorf("without the servers: %+v", f)
		}
		var want []string
		for i := range servers.Zones {
			if z := &servers.Zones[i]; z.Name == "a.example." {
				for _, text := range z.Servers[0].Answer(compare.Question{Name: z.Name, Type: dns.TypeDNSKEY}).Records {
					if rr, err := dns.NewRR(z.Name + " IN DNSKEY " + text); err == nil && rr.(*dns.DNSKEY).Flags == 257 {
						want = append(want, strings.ToLower(rr.(*dns.DNSKEY).ToDS(dns.SHA256).Digest))
					}
				}
			}
		}
		f = find(diagnosis.Diagnose(result, diagnosis.Options{Servers: servers}), diagnosis.CodeDSWithoutKey)
		if f == nil || len(f.Publish) != 1 || len(want) != 1 || !strings.HasPrefix(f.Publish[0], "a.example. IN DS ") || !strings.HasSuffix(strings.ToLower(f.Publish[0]), " 2 "+want[0]) || !strings.Contains(f.Fix, "compare it") {
			t.Errorf("want %q: %+v", want, f)
		}
	})
}

// An extended error that no server has sent is not told as one, and what a resolver would have
// meant is not said of a zone's own server.
func TestNoErrorIsMadeUp(t *testing.T) {
	t.Parallel()
	w := oneHost(danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}}, "").faulty("_25._tcp.mail TLSA", dnssectest.ServFail)
	result, _ := w.checker(t).Verify(t.Context(), "a.example")
	for direct, guess := range map[bool]bool{false: true, true: false} {
		f := find(diagnosis.Diagnose(result, diagnosis.Options{Direct: direct}), diagnosis.CodeTLSAQueryFails)
		if f == nil {
			t.Fatal("it is not found")
		}
		all := f.Text + f.Fix + strings.Join(f.Evidence, "\n")
		if strings.Contains(all, "EDE 22") || strings.Contains(all, dnssec.EDENoReachableAuthority.String()) {
			t.Errorf("an error that nobody has sent: %s", all)
		}
		if strings.Contains(all, "it got no answer from") != guess || strings.Contains(all, "is a resolver") != guess {
			t.Errorf("direct %t: %s", direct, all)
		}
	}
}
