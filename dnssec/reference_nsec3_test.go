package dnssec_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// checkHash compares the hash of a name with the owner of a record that is like the one
// given: it denies a type of the name if that is its hash, and only then.
func checkHash(t *testing.T, like *dns.NSEC3, zone, owner, hash string) {
	t.Helper()
	free := denial.Cost{Iterations: denial.MaxIterations, Spend: func(int, int) error { return nil }}
	for label, good := range map[string]bool{hash: true, hash[:len(hash)-1] + "0": hash[len(hash)-1] == '0'} {
		record := dns.Copy(like).(*dns.NSEC3)
		record.Hdr.Name, record.TypeBitMap = label+"."+zone, []uint16{dns.TypeA}
		_, err := denial.New(name(t, zone), []dns.RR{record}, free).NoData(name(t, owner), dns.TypeMX)
		if (err == nil) != good {
			t.Errorf("is %s the hash of %s? %v", label, owner, err)
		}
	}
}

// A part is what one NSEC3 record does in a proof.
type part struct {
	owner   string // its hash
	matches string // a name that has this hash
	covers  string // a name with a hash in its span
}

type nsec3Case struct {
	referenceCase
	parts []part
}

// checkNSEC3 is checkReference, and compares what the records match and cover.
func checkNSEC3(t *testing.T, world *dnssectest.Internet, zone, server, chain string, cases []nsec3Case) {
	t.Helper()
	records := make(map[string]*dns.NSEC3)
	for _, rr := range zoneRecords(t, zone, chain) {
		if nsec3, ok := rr.(*dns.NSEC3); ok {
			records[nsec3.Hdr.Name] = nsec3
		}
	}
	var plain []referenceCase
	for _, tt := range cases {
		for _, p := range tt.parts {
			owner := p.owner + "." + zone
			tt.proof = append(tt.proof, owner+" NSEC3")
			switch record := records[owner]; {
			case record == nil:
				t.Errorf("%s: %s is not in the chain", tt.name, p.owner)
			case p.matches != "" && !record.Match(p.matches):
				t.Errorf("%s: %s does not match %s", tt.name, p.owner, p.matches)
			case p.covers != "" && !record.Cover(p.covers):
				t.Errorf("%s: %s does not cover %s", tt.name, p.owner, p.covers)
			}
		}
		plain = append(plain, tt.referenceCase)
	}
	checkReference(t, world, zone, server, chain, plain)
}

// The zone and the hashes of RFC 5155 §A, with keys of our own, and the responses of
// RFC 5155 §B.
func TestRFC5155(t *testing.T) {
	t.Parallel()
	const (
		// An address whose owner has the label that is the hash of ns1.example.
		records = referenceZone + "\n2t7b4g4vsa5smi47k61mv5bv1a22bojr 3600 A 192.0.2.127"

		delegations = `
a NS ns1.a
a NS ns2.a
a DS 58470 5 1 3079f1593ebad6dc121e202a8b766a6a4837206c
ns1.a A 192.0.2.5
ns2.a A 192.0.2.6
c NS ns1.c
c NS ns2.c
ns1.c A 192.0.2.7
ns2.c A 192.0.2.8`
		chain = `
a DS 58470 5 1 3079f1593ebad6dc121e202a8b766a6a4837206c
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM
2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
2vptu5timamqttgl4luu9kg21e0aor3s NSEC3 1 1 12 aabbccdd 35mthgpgcu1qg68fab165klnsnk3dpvl MX RRSIG
35mthgpgcu1qg68fab165klnsnk3dpvl NSEC3 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG
b4um86eghhds6nea196smvmlo4ors995 NSEC3 1 1 12 aabbccdd gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG
gjeqe526plbf1g8mklp59enfd789njgi NSEC3 1 1 12 aabbccdd ji6neoaepv8b5o6k4ev33abha8ht9fgc A HINFO AAAA RRSIG
ji6neoaepv8b5o6k4ev33abha8ht9fgc NSEC3 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h
k8udemvp1j2f7eg6jebps17vp3n8i58h NSEC3 1 1 12 aabbccdd kohar7mbb8dc2ce8a9qvl8hon4k53uhi
kohar7mbb8dc2ce8a9qvl8hon4k53uhi NSEC3 1 1 12 aabbccdd q04jkcevqvmu85r014c7dkba38o0ji5r A RRSIG
q04jkcevqvmu85r014c7dkba38o0ji5r NSEC3 1 1 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG
r53bq7cc2uvmubfu5ocmm6pers9tk9en NSEC3 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv MX RRSIG
t644ebqk9bibcna874givr6joj62mlhv NSEC3 1 1 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A HINFO AAAA RRSIG`

		apex, ns1, a, xw, yw = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr", "35mthgpgcu1qg68fab165klnsnk3dpvl", "b4um86eghhds6nea196smvmlo4ors995", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"
		w, ns2, wildcard     = "k8udemvp1j2f7eg6jebps17vp3n8i58h", "q04jkcevqvmu85r014c7dkba38o0ji5r", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"
	)
	like := parseRR(t, apex+".example. NSEC3 1 1 12 aabbccdd "+ns1).(*dns.NSEC3)
	for owner, hash := range map[string]string{
		"example.": apex, "a.example.": a, "ai.example.": "gjeqe526plbf1g8mklp59enfd789njgi", "ns1.example.": ns1, "ns2.example.": ns2,
		"w.example.": w, "*.w.example.": wildcard, "x.w.example.": xw, "y.w.example.": yw,
		"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s", "xx.example.": "t644ebqk9bibcna874givr6joj62mlhv", ns1 + ".example.": "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
		// Of RFC 5155 §B.
		"c.x.w.example.": "0va5bpr2ou0vk0lbqeeljri88laipsfh", "*.x.w.example.": "92pqneegtaue7pjatc3l3qnk738c6v5m",
		"c.example.": "4g6p9u5gvfshp30pqecj98b3maqbn1ck", "z.w.example.": "qlu7gtfaeh0ek0c05ksfhdpbcgglbe03",
	} {
		checkHash(t, like, "example.", owner, hash)
	}
	checkChain(t, &sign.Zone{Apex: "example.", Denial: sign.NSEC3OptOut, Salt: "aabbccdd", Iterations: 12}, records+delegations, chain)

	// What an opt-out span covers may exist as an unsigned delegation: RFC 5155 §9.2
	// has it that such an answer is not authentic, and so it is Insecure.
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "example.", Records: records, Algorithm: dns.RSASHA1NSEC3SHA1, TwoKeys: true, Denial: dnssectest.NSEC3OptOut, Salt: "aabbccdd", Iterations: 12},
		dnssectest.Zone{Name: "a.example.", Records: referenceChild},
		dnssectest.Zone{Name: "c.example.", Records: referenceChild, Unsigned: true})
	checkNSEC3(t, world, "example.", "192.0.2.1:53", chain, []nsec3Case{
		{referenceCase{name: "RFC 5155 §B.1 name error", question: "a.c.x.w.example. A", rcode: dns.RcodeNameError, status: dnssec.Insecure},
			[]part{{apex, "", "c.x.w.example."}, {xw, "x.w.example.", ""}, {a, "", "*.x.w.example."}}},
		{referenceCase{name: "RFC 5155 §B.2 no data error", question: "ns1.example. MX", status: dnssec.Secure},
			[]part{{ns1, "ns1.example.", ""}}},
		{referenceCase{name: "RFC 5155 §B.2.1 no data error, empty non-terminal", question: "y.w.example. A", status: dnssec.Secure},
			[]part{{yw, "y.w.example.", ""}}},
		{referenceCase{name: "RFC 5155 §B.3 referral to an opt-out unsigned zone", question: "mc.c.example. MX", status: dnssec.Insecure},
			[]part{{a, "", "c.example."}, {apex, "example.", ""}}},
		{referenceCase{name: "RFC 5155 §B.4 wildcard expansion", question: "a.z.w.example. MX", status: dnssec.Insecure, more: []string{w + ".example. NSEC3"}},
			[]part{{ns2, "", "z.w.example."}}},
		{referenceCase{name: "RFC 5155 §B.5 wildcard no data error", question: "a.z.w.example. AAAA", status: dnssec.Insecure,
			spare: []string{wildcard + ".example. NSEC3"}}, // the name may be an unsigned delegation, whatever the wildcard has
			[]part{{w, "w.example.", ""}, {ns2, "", "z.w.example."}, {wildcard, "*.w.example.", ""}}},
		{referenceCase{name: "RFC 5155 §B.6 DS child zone no data error", question: "example. DS", status: dnssec.Bogus, child: true},
			[]part{{apex, "example.", ""}}},
	})
}

// The zone of RFC 7129 §5.5 as far as its hashes tell: the apex, 1.h and 3.3 with the empty
// non-terminals between. Its name servers are elsewhere, for the chain has no hash of one.
func TestRFC7129NameError(t *testing.T) {
	t.Parallel()
	const (
		records = `
@ 3600 SOA ns.example.net. hostmaster 1 3600 300 3600000 3600
@ 3600 NS ns.example.net.
1.h 3600 TXT "1.h record"
3.3 3600 TXT "3.3 record"`
		chain = `
117gercprcjgg8j04ev1ndrk8d1jt14k NSEC3 1 0 2 dead 15bg9l6359f5ch23e34ddua6n1rihl9h TXT RRSIG
15bg9l6359f5ch23e34ddua6n1rihl9h NSEC3 1 0 2 dead 1avvqn74sg75ukfvf25dgcethgq638ek NS SOA RRSIG DNSKEY NSEC3PARAM
1avvqn74sg75ukfvf25dgcethgq638ek NSEC3 1 0 2 dead 75b9id679qqov6ldfhd8ocshsssb6jvq
75b9id679qqov6ldfhd8ocshsssb6jvq NSEC3 1 0 2 dead 8555t7qegau7pjtksnbchg4td2m0jnpj
8555t7qegau7pjtksnbchg4td2m0jnpj NSEC3 1 0 2 dead 117gercprcjgg8j04ev1ndrk8d1jt14k TXT RRSIG`

		apex, h, three = "15bg9l6359f5ch23e34ddua6n1rihl9h", "1avvqn74sg75ukfvf25dgcethgq638ek", "75b9id679qqov6ldfhd8ocshsssb6jvq"
	)
	like := parseRR(t, apex+".example.org. NSEC3 1 0 2 dead "+h).(*dns.NSEC3)
	for owner, hash := range map[string]string{
		"example.org.": apex, "h.example.org.": h, "3.example.org.": three,
		"1.h.example.org.": "117gercprcjgg8j04ev1ndrk8d1jt14k", "3.3.example.org.": "8555t7qegau7pjtksnbchg4td2m0jnpj",
		"2.example.org.": "7t70drg4ekc28v93q7gnbleopa7vlp6q", "x.2.example.org.": "ndtu6dste50pr4a1f2qvr1v31g00i2i1",
		"*.example.org.": "22670trplhsr72pqqmedltg1kdqeolb7",
	} {
		checkHash(t, like, "example.org.", owner, hash)
	}
	checkChain(t, &sign.Zone{Apex: "example.org.", Denial: sign.NSEC3, Salt: "dead", Iterations: 2}, records, chain)

	world := dnssectest.New(t,
		dnssectest.Zone{Name: "example.org.", Records: records, Denial: dnssectest.NSEC3, Salt: "dead", Iterations: 2},
		dnssectest.Zone{Name: "example.net.", Records: "ns A 192.0.2.53"})
	checkNSEC3(t, world, "example.org.", "192.0.2.53:53", chain, []nsec3Case{
		{referenceCase{name: "RFC 7129 §5.5 name error", question: "x.2.example.org. TXT", rcode: dns.RcodeNameError, status: dnssec.Secure},
			[]part{{apex, "example.org.", ""}, {three, "", "2.example.org."}, {h, "", "*.example.org."}}},
	})
}

// RFC 7129 §5.4: a chain of aliases takes a denial for each wildcard.
func TestRFC7129Aliases(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "example.org.", Records: "w CNAME w.a\n*.a CNAME w.b\n*.b CNAME w.c\n*.c A 192.0.2.1"})
	answer, err := lookup(t, world, "w.example.org. A")
	if err != nil || answer.Status != dnssec.Secure || len(answer.Records) != 1 || len(answer.Aliases) != 3 {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, missing := range []string{"*.a.example.org. NSEC", "*.b.example.org. NSEC", "*.c.example.org. NSEC"} {
		for _, signature := range []bool{false, true} {
			world.Tamper = without(missing, signature)
			if answer, err := lookup(t, world, "w.example.org. A"); err == nil || answer.Status != dnssec.Bogus {
				t.Errorf("without %s (its signature alone: %t): %+v, %v", missing, signature, answer, err)
			}
		}
	}
}
