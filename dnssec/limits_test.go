package dnssec_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// limitCases are tests of the rows of SECURITY.md on one lookup: what is at the limit
// passes, and what lies beyond it ends as the row says. Rows with a test of their own name it.
var limitCases = map[string]func(t *testing.T){
	"signature checks, of usual cost":           nil, // TestBudgetEnds
	"NSEC3 hash work, in applications of SHA-1": nil, // TestBudgetEnds
	"pairs of DS and DNSKEY with one tag":       nil, // TestBudgetEnds
	"queries":                                   nil, // TestBudgetEnds, TestSpentBudgetStaysSpent
	"RSA keys":                                  nil, // of package rrsig
	"cache":                                     nil, // TestMemoryIsBounded, TestMemoryOfSpansIsBounded
	"signatures known to be good":               nil, // TestMemoryOfSignaturesIsBounded, TestVerifiedIsBounded
	"questions asked ahead (WithAhead)":         nil, // TestAheadIsBounded, TestAheadOfNeedCostsLittle
	"time that anything is kept":                nil, // TestDenialExpires, TestBudgetEnds
	"aliases followed":                          limitOfAliases,
	"records of a reply":                        limitOfReplies,
	"keys of a zone, DS records of a delegation, signatures of an RRset": limitOfKeys,
	"pairs of signature and key tried for an RRset":                      limitOfPairs,
	"NSEC3 iterations":                      limitOfIterations,
	"records of an RRset that is validated": limitOfRRsets,
}

// Every row of the table has a test.
func TestLimitsOfALookup(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(document), "One lookup (package dnssec")
	table, _, end := strings.Cut(table, "\n\nA file of trust anchors")
	if !found || !end {
		t.Fatal("SECURITY.md has no table of the limits of a lookup")
	}
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.TrimSpace(cells[1]) == "what" || strings.HasPrefix(cells[1], "---") {
			continue
		}
		rows++
		name := strings.TrimSpace(cells[1])
		check, ok := limitCases[name]
		if !ok {
			t.Errorf("no test of the limit of %s", name)
		}
		if check != nil {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t)
			})
		}
	}
	if rows != len(limitCases) {
		t.Errorf("%d rows, %d tests", rows, len(limitCases))
	}
}

// wantEnd asks and compares how that ends.
func wantEnd(t *testing.T, world *dnssectest.Internet, question string, status dnssec.Status, cause error) {
	t.Helper()
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

func limitOfReplies(t *testing.T) {
	for before, status := range map[int]dnssec.Status{998: dnssec.Secure, 1000: dnssec.Bogus} {
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

func limitOfRRsets(t *testing.T) {
	for n, status := range map[int]dnssec.Status{256: dnssec.Secure, 257: dnssec.Bogus} {
		records := ""
		for i := range n {
			records += fmt.Sprintf("@ A 192.0.%d.%d\n", 2+i/256, i%256)
		}
		wantEnd(t, dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: records}), "test. A", status, nil)
	}
}
