package dnssec_test

import (
	"encoding/base32"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// hashPlus returns the NSEC3 hash of a name, and n added.
func hashPlus(name string, n int64) string {
	encoding := base32.HexEncoding.WithPadding(base32.NoPadding)
	octets, err := encoding.DecodeString(dns.HashName(name, dns.SHA1, 0, ""))
	if err != nil {
		panic(err)
	}
	sum := new(big.Int).Add(new(big.Int).SetBytes(octets), big.NewInt(n))
	return encoding.EncodeToString(sum.FillBytes(make([]byte, 20)))
}

// madeNSEC3 is a record from the hash of a name to another hash, "" for none.
func madeNSEC3(name string, from, to int64, types string) string {
	return fmt.Sprintf("%s.test. 300 IN NSEC3 1 0 0 - %s %s", strings.ToLower(hashPlus(name, from)), hashPlus(name, to), types)
}

// A list of types answers the question that it was sent for, and no other: signers that make
// records on the fly leave out what was not asked for.
func TestTypeListsAnswerOneQuestion(t *testing.T) {
	t.Parallel()
	const wide = 1 << 62 // far from its own hash, but not as far as the next name's
	for _, tt := range []struct {
		name, source string
		first        string
		rcode        int
		denial       []string // of the first question
		question     string
		absent       bool // the second answer is none either
		queries      int
	}{
		{
			name: "a list without the types below the apex", source: "CoreDNS 1.12.4, plugin dnssec",
			first: "mail.test. AAAA", denial: []string{`mail.test. 300 IN NSEC \000.mail.test. TXT RRSIG NSEC`}, question: "mail.test. MX", queries: 1,
		},
		{
			name: "a list with one type only", source: "DVE-2018-0003",
			first: "mail.test. AAAA", denial: []string{madeNSEC3("mail.test.", 0, 1, "TXT RRSIG")}, question: "mail.test. A", queries: 1,
		},
		{
			name: "such a list that covers more", source: "DVE-2018-0003",
			first: "mail.test. AAAA", denial: []string{madeNSEC3("mail.test.", 0, wide, "TXT RRSIG")}, question: "mail.test. A", queries: 1,
		},
		{
			name: "a closest encloser without types", source: "DVE-2021-0001",
			first: "_25._tcp.mail.test. TLSA", rcode: dns.RcodeNameError,
			denial:   []string{madeNSEC3("mail.test.", 0, 1, ""), madeNSEC3("_tcp.mail.test.", -1, 1, ""), madeNSEC3("*.mail.test.", -1, 1, "")},
			question: "mail.test. A", queries: 1,
		},
		{
			name: "such a one that covers more", source: "DVE-2021-0001",
			first: "_25._tcp.mail.test. TLSA", rcode: dns.RcodeNameError,
			denial:   []string{madeNSEC3("mail.test.", 0, wide, ""), madeNSEC3("_tcp.mail.test.", -wide, wide, ""), madeNSEC3("*.mail.test.", -wide, wide, "")},
			question: "mail.test. A", queries: 1,
		},
		{
			name: "an empty list for a DNAME", source: "RFC 5155 §8.3",
			first: "tree.test. A", denial: []string{madeNSEC3("tree.test.", 0, -1, "")}, question: "x.tree.test. MX", queries: 2,
		},
		{
			name: "a span to the next name that is not below", source: "RFC 4471 §3",
			first: "mail.test. AAAA", denial: []string{`mail.test. 300 IN NSEC mail\000.test. TXT RRSIG NSEC`}, question: "mail.test. A", queries: 1,
		},
		{
			name: "an NSEC list without RRSIG and NSEC", source: "RFC 4035 §2.3",
			first: "mail.test. AAAA", denial: []string{`mail.test. 300 IN NSEC tree.test. TXT`}, question: "mail.test. A", queries: 1,
		},
		{
			name: "an NSEC list without RRSIG", source: "RFC 4035 §2.3",
			first: "mail.test. AAAA", denial: []string{`mail.test. 300 IN NSEC tree.test. TXT NSEC`}, question: "mail.test. A", queries: 1,
		},
		{
			name: "a list of a name that the zone says not to exist", source: "RFC 9824 §3.1",
			first: "mail.test. AAAA", rcode: dns.RcodeNameError, denial: []string{`mail.test. 300 IN NSEC tree.test. RRSIG NSEC TYPE128`}, question: "mail.test. A", queries: 1,
		},
		{
			name: "a wildcard's list", source: "RFC 5155 §8.7",
			first: "x.wild.test. AAAA", denial: []string{madeNSEC3("wild.test.", 0, wide, ""), madeNSEC3("x.wild.test.", -wide, wide, ""), madeNSEC3("*.wild.test.", 0, wide, "TXT RRSIG")},
			question: "x.wild.test. A", queries: 1,
		},
		{
			name: "a minimal span proves nothing of its neighbours", source: "RFC 7129 §B",
			first: "no.test. A", rcode: dns.RcodeNameError,
			denial:   []string{madeNSEC3("test.", 0, 1, "NS SOA RRSIG DNSKEY"), madeNSEC3("no.test.", -1, 1, ""), madeNSEC3("*.test.", -1, 1, "")},
			question: "a.no.test. A", absent: true, queries: 1,
		},
		{
			name: "a complete list is used", source: "RFC 8198 §5.1",
			first: "mail.test. AAAA", denial: []string{`mail.test. 300 IN NSEC tree.test. A MX RRSIG NSEC`}, question: "mail.test. TXT", absent: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			zone := dnssectest.Zone{Name: "test.", Records: "mail A 192.0.2.1\nmail MX 10 mail\ntree DNAME other\nx.other MX 10 mail\n*.wild A 192.0.2.2"}
			if strings.Contains(tt.denial[0], "NSEC3") {
				zone.Denial = dnssectest.NSEC3
			}
			world := dnssectest.New(t, zone)
			first := tt.first
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				if q.Name+" "+dns.Type(q.Qtype).String() != first {
					return
				}
				reply.Rcode, reply.Answer, reply.Ns = tt.rcode, nil, nil
				for _, text := range append([]string{"test. 300 IN SOA ns.test. h.test. 1 7200 3600 1209600 300"}, tt.denial...) {
					rr := parseRR(t, text)
					reply.Ns = append(reply.Ns, rr, world.Sign("test.", rr))
				}
			}
			resolver := world.Resolver()
			if answer, err := lookupBy(t.Context(), resolver, tt.first); err != nil || answer.Status != dnssec.Secure || answer.RCode != tt.rcode {
				t.Fatalf("first: %+v, %v", answer, err)
			}
			before := len(world.Questions())
			answer, err := lookupBy(t.Context(), resolver, tt.question)
			if err != nil || answer.Status != dnssec.Secure || (len(answer.Records) == 0) != tt.absent {
				t.Errorf("%s: %+v, %v", tt.source, answer, err)
			}
			if asked := len(world.Questions()) - before; asked != tt.queries {
				t.Errorf("%s: %d queries", tt.source, asked)
			}
		})
	}
}

// RFC 8198 is a matter of choice: without it every name is asked for.
func TestNoAggressiveUse(t *testing.T) {
	t.Parallel()
	for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: denial, Records: "mail A 192.0.2.1"})
		resolver := world.Resolver()
		resolver.NoAggressiveUse = true
		for i := range 20 {
			question := fmt.Sprintf("n%d.test. A", i)
			before := len(world.Questions())
			for range 2 {
				if answer, err := lookupBy(t.Context(), resolver, question); err != nil || answer.Status != dnssec.Secure || answer.RCode != dns.RcodeNameError {
					t.Fatalf("%+v, %v", answer, err)
				}
			}
			if asked := len(world.Questions()) - before; i > 0 && asked != 1 {
				t.Errorf("%s took %d queries", question, asked)
			}
		}
	}
}
