package dnssec_test

import (
	"crypto"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// wholeChain returns all NSEC or NSEC3 records of a zone, each followed by its signature.
func wholeChain(t *testing.T, world *dnssectest.Internet, zone string) []dns.RR {
	t.Helper()
	seen := make(map[string]bool)
	var chain []dns.RR
	for i := range 300 {
		query := new(dns.Msg)
		query.SetQuestion(fmt.Sprintf("h%d-.%s", i, zone), dns.TypeA)
		query.SetEdns0(1232, true)
		reply, err := world.Exchange(t.Context(), &upstream.Query{Msg: query})
		if err != nil {
			t.Fatal(err)
		}
		for _, rr := range reply.Msg.Ns {
			sig, isSig := rr.(*dns.RRSIG)
			denial := rr.Header().Rrtype == dns.TypeNSEC || rr.Header().Rrtype == dns.TypeNSEC3 ||
				isSig && (sig.TypeCovered == dns.TypeNSEC || sig.TypeCovered == dns.TypeNSEC3)
			if denial && !seen[rr.String()] {
				seen[rr.String()] = true
				chain = append(chain, rr)
			}
		}
	}
	return chain
}

// A proof is chosen by names and hashes from whatever a reply holds, and its signatures alone
// are verified.
func TestProofIsChosen(t *testing.T) {
	t.Parallel()
	records := "www A 192.0.2.1\n*.wild A 192.0.2.2\nlast CNAME nothing\n"
	for i := range 20 {
		records += fmt.Sprintf("h%d A 192.0.2.%d\n", i, i)
	}
	for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Algorithm: dns.RSASHA256, Denial: denial, Records: records})
		chain := wholeChain(t, world, "test.")
		if len(chain) < 2*20 {
			t.Fatalf("%d records of the chain", len(chain))
		}
		spoilt := make([]dns.RR, 0, len(chain)) // as if others had signed them
		unsigned := make([]dns.RR, 0, len(chain))
		otherSalt := make([]dns.RR, 0, len(chain))
		for _, rr := range chain {
			rr := dns.Copy(rr)
			if sig, ok := rr.(*dns.RRSIG); ok {
				sig.OrigTtl++
			} else {
				unsigned = append(unsigned, rr)
				if hashed, ok := rr.(*dns.NSEC3); ok && len(otherSalt) < 5 {
					salted := dns.Copy(hashed).(*dns.NSEC3)
					salted.Salt, salted.SaltLength = fmt.Sprintf("%02x", len(otherSalt)), 1
					salted.Hdr.Name = fmt.Sprintf("%032d.test.", len(otherSalt))
					otherSalt = append(otherSalt, salted)
				}
			}
			spoilt = append(spoilt, rr)
		}
		for _, tt := range []struct {
			name   string
			beside []dns.RR // stands before the authority of the reply
			checks int32    // of signatures, beside those of the keys
		}{
			{"alone", nil, 3},
			{"with the whole chain of the zone", chain, 3},
			{"with the chain as nobody signed it", unsigned[:5], 3},
			{"with unsigned records of another chain", otherSalt, 3},
			{"with records that are signed wrongly, some of them in the proof's place", spoilt[:10], 3 + 8},
			{"with the denials of other zones", denialsOfOthers(world, 20), 3},
		} {
			for _, asked := range []struct {
				question string
				rcode    int
			}{
				{"no.test. A", dns.RcodeNameError}, {"a.no.test. MX", dns.RcodeNameError}, {"www.test. MX", dns.RcodeSuccess},
				{"wild.test. A", dns.RcodeSuccess}, {"x.wild.test. MX", dns.RcodeSuccess}, {"x.wild.test. A", dns.RcodeSuccess},
			} {
				t.Run(fmt.Sprintf("%d, %s, %s", denial, tt.name, asked.question), func(t *testing.T) {
					var checked atomic.Int32
					resolver := world.Resolver()
					resolver.Algorithms = rrsig.Add(resolver.Algorithms, dns.RSASHA256, counting{rrsig.RSA{Hash: crypto.SHA256, MinBits: 1024}, &checked})
					if _, err := resolver.Lookup(t.Context(), "test.", dns.TypeDNSKEY); err != nil {
						t.Fatal(err)
					}
					before := checked.Load()
					world.Tamper = func(q dns.Question, reply *dns.Msg) {
						if q.Qtype != dns.TypeDNSKEY {
							reply.Ns = append(slices.Clone(tt.beside), reply.Ns...)
						}
					}
					answer, err := lookupBy(t.Context(), resolver, asked.question)
					if err != nil || answer.Status != dnssec.Secure || answer.RCode != asked.rcode {
						t.Errorf("%+v, %v", answer, err)
					}
					if n := checked.Load() - before; n < 1 || n > tt.checks {
						t.Errorf("%d signatures were checked, want at most %d", n, tt.checks)
					}
				})
			}
		}
	}
}

// denialsOfOthers are those that a reply holds for the aliases that led to its name.
func denialsOfOthers(world *dnssectest.Internet, n int) []dns.RR {
	var all []dns.RR
	for i := range n {
		rr, err := dns.NewRR(fmt.Sprintf("a.z%d.example. 300 IN NSEC b.z%d.example. A RRSIG NSEC", i, i))
		if err != nil {
			panic(err)
		}
		sig := world.Sign("test.", rr)
		sig.SignerName = fmt.Sprintf("z%d.example.", i)
		all = append(all, rr, sig)
	}
	return all
}

// What a bad record would prevent is proven without it, within bounds.
func TestDenialsThatDoNotHold(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Algorithm: dns.RSASHA256, Records: "www A 192.0.2.1"})
	for _, tt := range []struct {
		name   string
		bad    int
		status dnssec.Status
	}{{"six", 6, dnssec.Secure}, {"a hundred", 100, dnssec.Bogus}} {
		t.Run(tt.name, func(t *testing.T) {
			var checked atomic.Int32
			resolver := world.Resolver()
			resolver.Algorithms = rrsig.Add(resolver.Algorithms, dns.RSASHA256, counting{rrsig.RSA{Hash: crypto.SHA256, MinBits: 1024}, &checked})
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				for i := range tt.bad * min(1, len(reply.Ns)) {
					rr := parseRR(t, fmt.Sprintf("a%d.test. 300 IN NSEC z.test. A RRSIG NSEC", i))
					sig := world.Sign("test.", rr)
					sig.OrigTtl++
					reply.Ns = append([]dns.RR{rr, sig}, reply.Ns...)
				}
			}
			answer, err := resolver.Lookup(t.Context(), "no.test.", dns.TypeA)
			if answer == nil || answer.Status != tt.status || (err != nil) != (tt.status == dnssec.Bogus) {
				t.Errorf("%+v, %v", answer, err)
			}
			if n := checked.Load(); n > 100 {
				t.Errorf("%d signatures were checked", n)
			}
		})
	}
}
