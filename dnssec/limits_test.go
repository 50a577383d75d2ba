package dnssec_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/internal/limittest"
)

// Every row of the table has a test: what is at the limit passes, and what lies beyond it
// ends as the row says.
func TestLimitsOfALookup(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../SECURITY.md", "One lookup (package dnssec", map[string]limittest.Row{
		"signature checks, of usual cost":           {Limit: "128", Check: limitOfSignatures},
		"NSEC3 hash work, in applications of SHA-1": {Limit: "16384", Check: limitOfHashes},
		"pairs of DS and DNSKEY with one tag":       {Limit: "128", Check: limitOfKeyPairs},
		"queries":                                   {Limit: "128", Check: limitOfQueries},
		"queries more for an answer that does not validate": {
			Limit: "2 to other servers, each of them once more along with the keys; 1 for which the server checks what it sends",
			Tests: []string{"TestOtherServersAreCounted"},
		},
		"memory of the replies, in octets":                                   {Limit: "4 MB", Tests: []string{"TestMemoryOfALookupIsBounded", "internal/validate/TestBudgetEnds"}},
		"of these, by one DS or DNSKEY query of the chain itself":            {Limit: "a quarter", Check: limitOfSpeculativeQueries},
		"aliases followed":                                                   {Limit: "12", Check: limitOfAliases},
		"records of a section of a reply":                                    {Limit: "5957, more than 65535 octets hold", Check: limitOfReplies},
		"records of an RRset":                                                {Limit: "as many as a message of 65535 octets holds", Check: limitOfRRsets},
		"keys of a zone, DS records of a delegation, signatures of an RRset": {Limit: "64 each", Check: limitOfKeys},
		"pairs of signature and key tried for an RRset":                      {Limit: "16", Check: limitOfPairs},
		"NSEC3 iterations":                                                   {Limit: "150", Check: limitOfIterations},
		"RSA keys": {
			Limit: "1009 to 4096 bits (127 to 512 octets), exponent up to 64 bits",
			Tests: []string{"internal/rrsig/TestUsableKey", "internal/rrsig/TestUnusualRSAKeys", "TestDelegationToSmallKey", "TestOrderOfFaultsOfKeys"},
		},
		"cache": {
			Limit: "32 MB of memory, 4 of them for proofs of denial",
			Tests: []string{"TestMemoryIsBounded", "TestMemoryOfKeysIsBounded", "internal/validate/TestMemoryOfTheNSECCacheIsBounded", "TestCacheIsBoundedByMemory"},
		},
		"signatures known to be good":       {Limit: "16384, in 0.6 MB of memory", Tests: []string{"internal/validate/TestMemoryOfTheSignatureCacheIsBounded", "internal/validate/TestSignatureCacheIsBounded"}},
		"questions asked ahead (WithAhead)": {Limit: "12, for the work of one lookup", Tests: []string{"TestAheadIsBounded"}},
		"time that anything is kept": {
			Limit: "a week; denials 3 hours; failures 5 seconds", Check: limitOfTime,
			Tests: []string{"TestDenialExpires", "internal/validate/TestNothingIsKeptForLongerThanAWeek"},
		},
	})
}

// wantEnd asks and compares how that ends.
func wantEnd(t *testing.T, world *dnssectest.Internet, question string, status dnssec.Status, cause error) {
	t.Helper()
	answer, err := lookupBy(t.Context(), world.Resolver(), question)
	failed := status != dnssec.Secure && status != dnssec.Insecure
	if answer == nil || answer.Status != status || (err != nil) != failed || cause != nil && !errors.Is(err, cause) {
		t.Errorf("%s: %+v, %v; want %s, %v", question, answer, err, status, cause)
	}
}

func limitOfAliases(t *testing.T) {
	records := "a0 A 192.0.2.1\n"
	for i := range 13 {
		records += fmt.Sprintf("a%d CNAME a%d\n", i+1, i)
	}
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: records})
	wantEnd(t, world, "a12.test. A", dnssec.Secure, nil)
	wantEnd(t, world, "a13.test. A", dnssec.Indeterminate, nil)
}

// wantBudget asks by a budget that others have a share of: the last question finds nothing left.
func wantBudget(ctx context.Context, t *testing.T, resolver *dnssec.Resolver, questions ...string) {
	t.Helper()
	for i, question := range questions {
		answer, err := lookupBy(ctx, resolver, question)
		if last := i == len(questions)-1; errors.Is(err, dnssec.ErrBudget) != last || last != (err != nil) {
			t.Fatalf("%s, the question %d of %d: %+v, %v", question, i+1, len(questions), answer, err)
		}
	}
}

// limitOfSignatures has one signature for the keys of the root and n for a name with n in it.
func limitOfSignatures(t *testing.T) {
	world := dnssectest.New(t, dnssectest.Zone{Name: ".", Records: "*.n1 A 192.0.2.1\n*.n14 A 192.0.2.1\n*.n16 A 192.0.2.1"})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		var signatures int
		if _, err := fmt.Sscanf(q.Name, "x%d.", &signatures); err != nil {
			return
		}
		record := parseRR(t, q.Name+" 300 A 192.0.2.1")
		good := world.Sign(".", record)
		reply.Rcode, reply.Answer, reply.Ns = dns.RcodeSuccess, []dns.RR{record}, nil
		for i := range signatures - 1 {
			bad := *good
			bad.OrigTtl += uint32(i) + 1
			reply.Answer = append(reply.Answer, &bad)
		}
		reply.Answer = append(reply.Answer, good)
	}
	var questions []string
	for i := range 7 {
		questions = append(questions, fmt.Sprintf("x16.n%d. A", i))
	}
	// 1 + 7*16 + 14 + 1 = 128
	questions = append(questions, "x14.n. A", "x1.n. A", "x1.m. A")
	wantBudget(dnssec.WithBudget(t.Context(), 1), t, world.Resolver(), questions...)
}

func limitOfHashes(t *testing.T) {
	for iterations, cause := range map[uint16]error{16383: nil, 16384: dnssec.ErrBudget} {
		world := dnssectest.New(t, dnssectest.Zone{Name: ".", Denial: dnssectest.NSEC3, Iterations: iterations, Records: "www A 192.0.2.1"})
		resolver := world.Resolver()
		resolver.MaxIterations = 1 << 15
		if answer, err := lookupBy(t.Context(), resolver, "www. MX"); !errors.Is(err, cause) {
			t.Errorf("%d iterations: %+v, %v", iterations, answer, err)
		}
	}
}

// pairs is a world of zones whose DS records all have the tag of their key: n of them where
// the name says so.
func pairs(t *testing.T, counts ...int) (world *dnssectest.Internet, questions []string) {
	var zones []dnssectest.Zone
	for i, n := range counts {
		name := fmt.Sprintf("x%d.z%d.", n, i)
		zones = append(zones, dnssectest.Zone{Name: name, Records: "@ A 192.0.2.1"})
		questions = append(questions, name+" A")
	}
	world = dnssectest.New(t, zones...)
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		var n int
		if _, err := fmt.Sscanf(q.Name, "x%d.", &n); err != nil || q.Qtype != dns.TypeDS {
			return
		}
		own := reply.Answer[0].(*dns.DS)
		set := []dns.RR{own}
		for i := range n - 1 {
			other := *own
			other.Digest = fmt.Sprintf("%064x", i)
			set = append(set, &other)
		}
		reply.Answer = append(set, world.Sign(".", set...))
	}
	return world, questions
}

// limitOfKeyPairs has one pair for the root and n for a zone with n in its name.
func limitOfKeyPairs(t *testing.T) {
	world, questions := pairs(t, 16, 16, 16, 16, 16, 16, 16, 14, 1, 1) // 1 + 7*16 + 14 + 1 = 128
	wantBudget(dnssec.WithBudget(t.Context(), 1), t, world.Resolver(), questions...)
}

func limitOfSpeculativeQueries(t *testing.T) {
	world, questions := pairs(t, 32, 33)
	wantBudget(t.Context(), t, world.Resolver(), questions...)
}

// limitOfQueries asks for names below no anchor, which cost a query each and nothing else.
func limitOfQueries(t *testing.T) {
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Unsigned: true, Records: "* A 192.0.2.1"}, dnssectest.Zone{Name: "anchored."})
	anchors := world.Anchors()
	anchors[0].Zone = "anchored."
	resolver, ctx := &dnssec.Resolver{Exchanger: world, Anchors: anchors}, dnssec.WithBudget(t.Context(), 1)
	for i := 0; ; i++ {
		if _, err := resolver.Lookup(ctx, fmt.Sprintf("n%d.test.", i), dns.TypeA); err != nil {
			if n := len(world.Questions()); n != 128 || !errors.Is(err, dnssec.ErrBudget) {
				t.Errorf("%v after %d queries", err, n)
			}
			return
		}
	}
}

// limitOfTime: TestDenialExpires has the denials.
func limitOfTime(t *testing.T) {
	now := time.Now()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1", Faults: map[string]dnssectest.Fault{"@ A": dnssectest.BadSignature}})
	resolver := world.Resolver()
	resolver.Time = func() time.Time { return now }
	asked := 0
	for _, tt := range []struct {
		after time.Duration
		again bool
	}{{0, true}, {5*time.Second - 1, false}, {1, true}} {
		now = now.Add(tt.after)
		if answer, err := lookupBy(t.Context(), resolver, "test. A"); err == nil {
			t.Fatal(answer)
		}
		if again := len(world.Questions()) > asked; again != tt.again {
			t.Errorf("asked again: %t, want %t", again, tt.again)
		}
		asked = len(world.Questions())
	}
}

func limitOfReplies(t *testing.T) {
	for before, status := range map[int]dnssec.Status{5955: dnssec.Secure, 5957: dnssec.Bogus} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeA {
				reply.Answer = append(slices.Repeat([]dns.RR{parseRR(t, "other.test. TXT x")}, before), reply.Answer...)
			}
		}
		wantEnd(t, world, "test. A", status, nil)
	}
}

func limitOfKeys(t *testing.T) {
	for n, status := range map[int]dnssec.Status{64: dnssec.Secure, 65: dnssec.Bogus} {
		keys, records := "", ""
		for i := range n - 1 {
			keys += fmt.Sprintf("@ DNSKEY 256 3 13 %04d%082d==\n", i, 0)
		}
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: keys + "@ A 192.0.2.1"})
		wantEnd(t, world, "test. A", status, nil)

		for i := range n - 1 {
			records += fmt.Sprintf("child DS %d 13 2 %064d\n", i, i)
		}
		world = dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: records}, dnssectest.Zone{Name: "child.test.", Records: "@ A 192.0.2.1"})
		wantEnd(t, world, "child.test. A", status, nil)

		world = dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeA && len(reply.Answer) == 2 {
				other := dns.Copy(reply.Answer[1]).(*dns.RRSIG)
				other.KeyTag++
				reply.Answer = append(slices.Repeat([]dns.RR{other}, n-1), reply.Answer...)
			}
		}
		wantEnd(t, world, "test. A", status, nil)
	}
}

func limitOfPairs(t *testing.T) {
	for n, status := range map[int]dnssec.Status{16: dnssec.Secure, 17: dnssec.Indeterminate} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeA && len(reply.Answer) == 2 {
				for i := range n - 1 {
					other := dns.Copy(reply.Answer[len(reply.Answer)-1]).(*dns.RRSIG)
					other.OrigTtl += uint32(i) + 1
					reply.Answer = append([]dns.RR{other}, reply.Answer...)
				}
			}
		}
		var cause error
		if status == dnssec.Indeterminate {
			cause = dnssec.ErrBudget
		}
		wantEnd(t, world, "test. A", status, cause)
	}
}

func limitOfIterations(t *testing.T) {
	for n, status := range map[uint16]dnssec.Status{150: dnssec.Secure, 151: dnssec.Insecure} {
		zone := dnssectest.Zone{Name: "test.", Denial: dnssectest.NSEC3, Iterations: n}
		wantEnd(t, dnssectest.New(t, zone), "no.test. A", status, nil)
	}
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: dnssectest.NSEC3, Iterations: 151})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Ns {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeNSEC3 {
				sig.OrigTtl++
			}
		}
	}
	wantEnd(t, world, "no.test. A", dnssec.Bogus, nil)
}

// limitOfRRsets fills a message with one RRset. One that holds more fits into none, so nobody
// can send it; what an Exchanger made of another source is cut, and its signature fails.
func limitOfRRsets(t *testing.T) {
	records := func(n int) string {
		var lines strings.Builder
		for i := range n {
			fmt.Fprintf(&lines, "@ A 192.0.%d.%d\n", i/256, i%256)
		}
		return lines.String()
	}
	const most = 4087 // of sixteen octets each, beside a header, a question, a signature and EDNS
	world := dnssectest.New(t, dnssectest.Zone{Name: "t.", Records: records(most)})
	sent := 0
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if q.Qtype == dns.TypeA {
			reply.Compress = true
			sent = reply.Len()
		}
	}
	wantEnd(t, world, "t. A", dnssec.Secure, nil)
	if sent > 65535 || sent < 65535-2*16 {
		t.Errorf("the message has %d octets", sent)
	}
	wantEnd(t, dnssectest.New(t, dnssectest.Zone{Name: "t.", Records: records(5958)}), "t. A", dnssec.Bogus, nil)
}
