package dnssec_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// The zone that RFC 4035 §A and RFC 5155 §A share, without the delegations, in which they
// differ.
const (
	referenceZone = `
@ 3600 SOA ns1 bugs.x.w 1 3600 300 3600000 3600
@ 3600 NS ns1
@ 3600 NS ns2
@ 3600 MX 1 xx
ai 3600 A 192.0.2.9
ai 3600 HINFO "KLH-10" "ITS"
ai 3600 AAAA 2001:db8::f00:baa9
ns1 3600 A 192.0.2.1
ns2 3600 A 192.0.2.2
*.w 3600 MX 1 ai
x.w 3600 MX 1 xx
x.y.w 3600 MX 1 xx
xx 3600 A 192.0.2.10
xx 3600 HINFO "KLH-10" "TOPS-20"
xx 3600 AAAA 2001:db8::f00:baaa`

	// What its child zones have: the RFCs print the addresses alone.
	referenceChild = `
@ NS ns1
@ NS ns2
ns1 A 192.0.2.5
ns2 A 192.0.2.6
mc MX 1 mail`
)

// checkChain compares the NSEC or NSEC3 records that a zone gets with those of its RFC.
func checkChain(t *testing.T, z *sign.Zone, records, want string) {
	t.Helper()
	key, err := sign.NewKey(z.Apex, dns.ED25519, sign.KSK)
	if err != nil {
		t.Fatal(err)
	}
	z.KSK, z.Records = key, zoneRecords(t, z.Apex, records)
	z.Inception, z.Expiration = time.Now(), time.Now().Add(time.Hour)
	signed, err := z.Sign()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(proofs(zoneRecords(t, z.Apex, want)), proofs(signed)); diff != "" {
		t.Error(diff)
	}
}

func zoneRecords(t *testing.T, origin, text string) []dns.RR {
	t.Helper()
	parser := dns.NewZoneParser(strings.NewReader(text+"\n"), origin, "")
	parser.SetDefaultTTL(3600)
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// rrsetOf names the RRset that a record belongs to.
func rrsetOf(rr dns.RR) string { return rr.Header().Name + " " + dns.Type(rr.Header().Rrtype).String() }

// proofs returns the NSEC and NSEC3 records as text, and the names of DS RRsets, since
// their digests are those of our own keys.
func proofs(records []dns.RR) []string {
	var lines []string
	for _, rr := range records {
		switch rr.Header().Rrtype {
		case dns.TypeDS:
			lines = append(lines, rrsetOf(rr))
		case dns.TypeNSEC, dns.TypeNSEC3:
			lines = append(lines, strings.ToLower(rr.String()))
		}
	}
	slices.Sort(lines)
	return lines
}

// A referenceCase is a question of an RFC with the proof that comes with the reply.
type referenceCase struct {
	name     string // the section
	question string
	rcode    int
	status   dnssec.Status
	proof    []string // the NSEC, NSEC3 and DS RRsets of the authority section
	child    bool     // the DS record is asked from the child's server, which denies it

	// What our server sends beyond the RFC's, and what of the proof is no loss: the
	// status is the same without it.
	more, spare []string
}

// checkReference puts the questions to the server of a zone, whose chain of NSEC or NSEC3
// records is given, and to a Resolver; and to one for which a record of the proof is
// missing.
func checkReference(t *testing.T, world *dnssectest.Internet, zone, server, chain string, cases []referenceCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			world.Tamper = nil
			if tt.child {
				world.Tamper = func(q dns.Question, reply *dns.Msg) {
					if q.Name == zone && q.Qtype == dns.TypeDS {
						reply.Rcode, reply.Answer, reply.Ns = dns.RcodeSuccess, nil, childDenial(t, world, zone)
					}
				}
			}

			reply := askServer(t, world, server, tt.question)
			var want, needed []dns.RR
			for _, rr := range zoneRecords(t, zone, chain) {
				if slices.Contains(slices.Concat(tt.proof, tt.more), rrsetOf(rr)) {
					want = append(want, rr)
				}
				if slices.Contains(tt.proof, rrsetOf(rr)) {
					needed = append(needed, rr)
				}
			}
			if diff := cmp.Diff(proofs(want), proofs(reply.Ns)); diff != "" || len(want) != len(tt.proof)+len(tt.more) || reply.Rcode != tt.rcode {
				t.Errorf("the server's reply, rcode %d: %s", reply.Rcode, diff)
			}

			answer, err := lookup(t, world, tt.question)
			if answer == nil || answer.Status != tt.status || (err != nil) != (tt.status == dnssec.Bogus) || err == nil && answer.RCode != tt.rcode {
				t.Fatalf("%+v, %v", answer, err)
			}
			if tt.status == dnssec.Bogus {
				return
			}
			var rests []dns.RR // what the verdict rests on
			for _, link := range answer.Chain() {
				if link.Zone == zone {
					rests = append(rests, link.Records...)
				}
			}
			if diff := cmp.Diff(proofs(needed), proofs(rests)); diff != "" {
				t.Errorf("the Resolver's proof: %s", diff)
			}
			for _, missing := range slices.Concat(tt.proof, tt.more) {
				status := dnssec.Bogus
				if slices.Contains(slices.Concat(tt.more, tt.spare), missing) {
					status = tt.status
				}
				for _, signature := range []bool{false, true} {
					world.Tamper = without(missing, signature)
					if answer, err := lookup(t, world, tt.question); answer == nil || answer.Status != status || (err != nil) != (status == dnssec.Bogus) {
						t.Errorf("without %s (its signature alone: %t): %+v, %v", missing, signature, answer, err)
					}
				}
			}
		})
	}
}

// without leaves an RRset, or its signature, out of all replies.
func without(rrset string, signature bool) func(dns.Question, *dns.Msg) {
	return func(_ dns.Question, reply *dns.Msg) {
		for n := range 2 {
			s := section(reply, n)
			*s = slices.DeleteFunc(*s, func(rr dns.RR) bool {
				if sig, ok := rr.(*dns.RRSIG); ok && signature {
					return sig.Hdr.Name+" "+dns.Type(sig.TypeCovered).String() == rrset
				}
				return !signature && rrsetOf(rr) == rrset
			})
		}
	}
}

// askServer asks a server of a zone as a resolver does that follows referrals.
func askServer(t *testing.T, world *dnssectest.Internet, server, question string) *dns.Msg {
	t.Helper()
	name, qtype, _ := strings.Cut(question, " ")
	pipe, err := world.Dial(t.Context(), "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	conn := &dns.Conn{Conn: pipe}
	defer conn.Close()
	query := new(dns.Msg).SetQuestion(name, dns.StringToType[qtype])
	query.SetEdns0(4096, true)
	if err := conn.WriteMsg(query); err != nil {
		t.Fatal(err)
	}
	reply, err := conn.ReadMsg()
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// childDenial is how the server of a zone that does not serve its parent denies the DS
// record: as any other type that the apex does not have.
func childDenial(t *testing.T, world *dnssectest.Internet, zone string) []dns.RR {
	t.Helper()
	query := new(dns.Msg).SetQuestion(zone, dns.TypeAAAA)
	query.SetEdns0(4096, true)
	honest(t, world, query)
	return query.Ns
}
