package dnssec_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// BenchmarkHostile is the cost of a lookup with an empty cache, in a normal zone and
// in those that are made to be expensive (CVE-2023-50387, CVE-2023-50868). Most of it
// is crypto.
func BenchmarkHostile(b *testing.B) {
	random := make([]byte, 512)
	rand.Read(random)
	for _, bench := range []struct {
		label string
		world func() *dnssectest.Internet
		name  string // asked for
	}{
		{"normal", func() *dnssectest.Internet { return trap(b, nil) }, "www.trap."},
		{"KeyTrap, Ed25519", func() *dnssectest.Internet {
			return trap(b, func(key *dns.DNSKEY) (public, signature []byte) {
				key.Algorithm = dns.ED25519
				return slices.Clone(random[:32]), make([]byte, 64)
			})
		}, "www.trap."},
		{"KeyTrap, P-384", func() *dnssectest.Internet {
			return trap(b, func(key *dns.DNSKEY) (public, signature []byte) {
				key.Algorithm = dns.ECDSAP384SHA384
				return slices.Clone(random[:96]), random[100:196]
			})
		}, "www.trap."},
		{"KeyTrap, RSA with the largest keys and exponents", func() *dnssectest.Internet {
			return trap(b, func(key *dns.DNSKEY) (public, signature []byte) {
				key.Algorithm = dns.RSASHA512
				public = append([]byte{8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, random[:510]...)
				public = append(public, 0xff)
				return public, append([]byte{0}, random[:511]...)
			})
		}, "www.trap."},
		{"NSEC3 with the most iterations and labels", func() *dnssectest.Internet {
			return dnssectest.NewInternet(dnssectest.Zone{Name: "trap.", Denial: dnssectest.NSEC3, Iterations: 150, Salt: strings.Repeat("ab", 255), Records: "@ A 192.0.2.1"})
		}, strings.Repeat("a.", 120) + "trap."},
	} {
		b.Run(bench.label, func(b *testing.B) {
			world := bench.world()
			world.Anchors()
			b.ReportAllocs()
			for b.Loop() {
				answer, err := world.Resolver().Lookup(b.Context(), bench.name, dns.TypeA)
				if answer == nil || err != nil && !errors.Is(err, dnssec.ErrBudget) && answer.Status != dnssec.Bogus {
					b.Fatal(err)
				}
			}
		})
	}
}

// trap is a zone whose keys all have the tag of the one that is good, and whose
// signatures all name it. Without forge it is a normal one.
func trap(tb testing.TB, forge func(*dns.DNSKEY) (public, signature []byte)) *dnssectest.Internet {
	world := dnssectest.New(tb, dnssectest.Zone{Name: "trap.", Records: "@ A 192.0.2.1\nwww A 192.0.2.1"})
	if forge == nil {
		return world
	}
	answer, err := world.Resolver().Lookup(tb.Context(), "trap.", dns.TypeDNSKEY)
	if err != nil {
		tb.Fatal(err)
	}
	own := answer.Records[0].(*dns.DNSKEY)
	set := []dns.RR{own}
	signature := ""
	for i := range 16 {
		other := dns.Copy(own).(*dns.DNSKEY)
		public, sig := forge(other)
		public[len(public)-2] = byte(i)
		signature = base64.StdEncoding.EncodeToString(sig)
		at := len(public)/2 + 1
		for other.PublicKey = ""; other.KeyTag() != own.KeyTag() || other.PublicKey == ""; {
			if public[at]++; public[at] == 0 {
				public[at+1]++
			}
			other.PublicKey = base64.StdEncoding.EncodeToString(public)
		}
		set = append(set, other)
	}
	var sigs []*dns.RRSIG
	a := parseRR(tb, "www.trap. 300 IN A 192.0.2.66")
	for range 20 {
		sig := world.Sign("trap.", a)
		sig.Algorithm, sig.Signature = set[1].(*dns.DNSKEY).Algorithm, signature
		sigs = append(sigs, sig)
	}
	keysSig := world.Sign("trap.", set...)
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		switch {
		case q.Name == "trap." && q.Qtype == dns.TypeDNSKEY:
			reply.Answer = append(slices.Clone(set), keysSig)
		case q.Name == "www.trap.":
			reply.Answer = []dns.RR{a}
			for _, sig := range sigs {
				reply.Answer = append(reply.Answer, sig)
			}
		}
	}
	return world
}

// BenchmarkLookupCached is a lookup that the cache answers.
func BenchmarkLookupCached(b *testing.B) {
	world := dnssectest.New(b, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "zone.test.", Records: `
@ MX 10 mail
@ MX 20 mail2
mail A 192.0.2.25
mail AAAA 2001:db8::25
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
@ TXT "text"`})
	resolver := world.Resolver()
	for _, bench := range []struct {
		name  string
		qtype uint16
	}{
		{"zone.test.", dns.TypeMX},
		{"mail.zone.test.", dns.TypeA},
		{"mail.zone.test.", dns.TypeAAAA},
		{"_25._tcp.mail.zone.test.", dns.TypeTLSA},
		{"zone.test.", dns.TypeTXT},
		{"no.zone.test.", dns.TypeA},
	} {
		b.Run(dns.Type(bench.qtype).String()+" "+bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if answer, err := resolver.Lookup(b.Context(), bench.name, bench.qtype); err != nil || answer.Status != dnssec.Secure {
					b.Fatal(answer, err)
				}
			}
		})
	}
	b.Run("in parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := resolver.Lookup(b.Context(), "zone.test.", dns.TypeMX); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkLookupCold is all that a sender asks of a domain of which nothing is known, by
// a forwarder at some distance: how many round trips it takes one after the other, how
// many queries, and the work.
func BenchmarkLookupCold(b *testing.B) {
	world := dnssectest.New(b, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "zone.test.", Records: `
@ MX 10 mail
mail A 192.0.2.25
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef`})
	forwarder := &distant{Exchanger: world}
	b.ReportAllocs()
	for b.Loop() {
		resolver := &dnssec.Resolver{Exchanger: forwarder, Anchors: world.Anchors()}
		for _, question := range []string{"zone.test. MX", "mail.zone.test. A", "mail.zone.test. AAAA", "_25._tcp.mail.zone.test. TLSA"} {
			if answer, err := lookupBy(dnssec.WithAhead(b.Context(), mailHosts), resolver, question); err != nil || answer.Status != dnssec.Secure {
				b.Fatal(answer, err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(roundTrip), "rounds/op")
	b.ReportMetric(float64(forwarder.queries.Load())/float64(b.N), "queries/op")
}
