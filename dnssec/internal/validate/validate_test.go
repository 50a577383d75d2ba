package validate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

const judgedRecords = `
	@          MX 10 mail
	mail       A 192.0.2.25
	mail       A 192.0.2.26
	alias      CNAME mail
	tree       DNAME other
	x.other    A 192.0.2.1
	*.wild     A 192.0.2.2
	a.b.empty  A 192.0.2.3`

func judgedZones() []dnssectest.Zone {
	return []dnssectest.Zone{
		{Name: "test."},
		{Name: "nsec.test.", Records: judgedRecords},
		{Name: "nsec3.test.", Records: judgedRecords, Denial: dnssectest.NSEC3},
		{Name: "optout.test.", Records: judgedRecords + "\nunsigned NS ns.elsewhere.test.", Denial: dnssectest.NSEC3OptOut},
		{Name: "slow.test.", Records: judgedRecords, Denial: dnssectest.NSEC3, Iterations: 151},
		{Name: "plain.test.", Records: judgedRecords, Unsigned: true},
		{Name: "island.test.", Records: judgedRecords, NoDS: true},
		{Name: "wrongds.test.", Records: judgedRecords, Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}},
	}
}

// without leaves out the records of a type, and with RRSIG the signatures.
func without(rrtype uint16) func(*testing.T, *dns.Msg) {
	return func(_ *testing.T, reply *dns.Msg) {
		for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
			*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return rr.Header().Rrtype == rrtype })
		}
	}
}

// also adds a record to the answer.
func also(text string) func(*testing.T, *dns.Msg) {
	return func(t *testing.T, reply *dns.Msg) { reply.Answer = append(reply.Answer, parseRR(t, text)) }
}

func eachSignature(change func(*dns.RRSIG)) func(*testing.T, *dns.Msg) {
	return func(_ *testing.T, reply *dns.Msg) {
		for _, section := range [][]dns.RR{reply.Answer, reply.Ns} {
			for _, rr := range section {
				if sig, ok := rr.(*dns.RRSIG); ok {
					change(sig)
				}
			}
		}
	}
}

func answers(rcode int) func(*testing.T, *dns.Msg) {
	return func(_ *testing.T, reply *dns.Msg) { reply.Rcode, reply.Answer, reply.Ns = rcode, nil, nil }
}

// TestJudge judges one reply of a signed Internet, genuine or changed. There is no network
// behind it, no cache and no clock: all else that the judge asks for is in a map.
func TestJudge(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	for _, tt := range []struct {
		name     string
		question string
		change   func(*testing.T, *dns.Msg)
		status   validate.Status
		shape    validate.Shape
		code     validate.Code
	}{
		// What is genuine.
		{"data is secure by its signature", "nsec.test. MX", nil, validate.Secure, validate.Data, 0},
		{"the keys of a zone are secure by its DS record", "nsec.test. DNSKEY", nil, validate.Secure, validate.Data, 0},
		{"the root's keys are secure by the anchor", ". DNSKEY", nil, validate.Secure, validate.Data, 0},
		{"an alias is one step", "alias.nsec.test. A", nil, validate.Secure, validate.Aliased, 0},
		{"so is what follows from a DNAME", "x.tree.nsec.test. A", nil, validate.Secure, validate.Aliased, 0},
		{"which is data for a CNAME question", "x.tree.nsec.test. CNAME", nil, validate.Secure, validate.Data, 0},
		{"a wildcard's data needs the proof that the name is absent", "a.wild.nsec3.test. A", nil, validate.Secure, validate.Data, 0},
		{"a name is absent by NSEC", "no.nsec.test. A", nil, validate.Secure, validate.NameError, 0},
		{"a name is absent by NSEC3", "no.nsec3.test. A", nil, validate.Secure, validate.NameError, 0},
		{"a type is absent by NSEC", "mail.nsec.test. TXT", nil, validate.Secure, validate.NoData, 0},
		{"a type is absent by NSEC3", "mail.nsec3.test. TXT", nil, validate.Secure, validate.NoData, 0},
		{"an empty non-terminal has no data", "b.empty.nsec3.test. A", nil, validate.Secure, validate.NoData, 0},
		{"an unsigned delegation has no DS records, which is proven", "plain.test. DS", nil, validate.Secure, validate.NoData, 0},

		// What is proven to be unproven.
		{"below an unsigned delegation, data is insecure", "plain.test. MX", nil, validate.Insecure, validate.Data, validate.CodeOther},
		{"and so is a denial", "no.plain.test. A", nil, validate.Insecure, validate.NameError, validate.CodeOther},
		{"whatever signatures it has", "island.test. MX", nil, validate.Insecure, validate.Data, validate.CodeOther},
		{"an opt-out span proves no name absent", "no.optout.test. A", nil, validate.Insecure, validate.NameError, validate.CodeOther},
		{"too many iterations prove nothing", "no.slow.test. A", nil, validate.Insecure, validate.NameError, validate.CodeNSEC3IterationsTooBig},

		// What an attacker or a fault would change.
		{"data without a signature", "nsec.test. MX", without(dns.TypeRRSIG), validate.Bogus, validate.Data, validate.CodeRRSIGsMissing},
		{"one record more", "nsec.test. MX", also("nsec.test. 300 MX 0 evil.test."), validate.Bogus, validate.Data, validate.CodeBogus},
		{"an expired signature", "nsec.test. MX", eachSignature(func(sig *dns.RRSIG) { sig.Expiration = uint32(now.Unix() - 1) }), validate.Bogus, validate.Data, validate.CodeSignatureExpired},
		{"a signature of tomorrow", "nsec.test. MX", eachSignature(func(sig *dns.RRSIG) { sig.Inception = uint32(now.Unix() + 1) }), validate.Bogus, validate.Data, validate.CodeSignatureNotYetValid},
		{"a signature by a key that the zone does not have", "nsec.test. MX", eachSignature(func(sig *dns.RRSIG) { sig.KeyTag++ }), validate.Bogus, validate.Data, validate.CodeDNSKEYMissing},
		{"a signature by another zone", "nsec.test. MX", eachSignature(func(sig *dns.RRSIG) { sig.SignerName = "nsec3.test." }), validate.Bogus, validate.Data, validate.CodeRRSIGsMissing},
		{"a signature by a name that is not a zone", "mail.nsec.test. A", eachSignature(func(sig *dns.RRSIG) { sig.SignerName = "mail.nsec.test." }), validate.Bogus, validate.Data, validate.CodeBogus},
		{"data instead of an alias", "alias.nsec.test. A", also("alias.nsec.test. 300 A 192.0.2.66"), validate.Secure, validate.Aliased, 0},
		{"another CNAME than follows from the DNAME", "x.tree.nsec.test. A", func(t *testing.T, reply *dns.Msg) {
			for i, rr := range reply.Answer {
				if rr.Header().Rrtype == dns.TypeCNAME {
					reply.Answer[i] = parseRR(t, "x.tree.nsec.test. 300 CNAME evil.test.")
				}
			}
		}, validate.Bogus, validate.NoAnswer, validate.CodeBogus},
		{"a wildcard's data without the proof", "a.wild.nsec.test. A", without(dns.TypeNSEC), validate.Bogus, validate.Data, validate.CodeNSECMissing},
		{"NXDOMAIN without a proof", "no.nsec.test. A", without(dns.TypeNSEC), validate.Bogus, validate.NameError, validate.CodeNSECMissing},
		{"NXDOMAIN for a name that exists", "mail.nsec.test. TXT", func(_ *testing.T, reply *dns.Msg) { reply.Rcode = dns.RcodeNameError }, validate.Secure, validate.NoData, 0},
		{"an empty reply for data that exists", "nsec.test. MX", answers(dns.RcodeSuccess), validate.Bogus, validate.NoData, validate.CodeNSECMissing},
		{"an empty reply for the keys of a signed zone", "nsec.test. DNSKEY", answers(dns.RcodeSuccess), validate.Bogus, validate.NoAnswer, validate.CodeDNSKEYMissing},
		{"an unproven end of a delegation", "nsec.test. DS", answers(dns.RcodeSuccess), validate.Bogus, validate.NoData, validate.CodeNSECMissing},
		{"keys of which none matches the DS record", "wrongds.test. MX", nil, validate.Bogus, validate.Data, validate.CodeDNSKEYMissing},

		// What says nothing.
		{"SERVFAIL", "nsec.test. MX", answers(dns.RcodeServerFailure), validate.Indeterminate, validate.NoAnswer, validate.CodeNoReachableAuthority},
		{"REFUSED for the keys", "nsec.test. DNSKEY", answers(dns.RcodeRefused), validate.Indeterminate, validate.NoAnswer, validate.CodeDNSKEYMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := parseQuestion(t, tt.question)
			j := newJudge(t, world, record(t, world, q))
			if tt.change != nil {
				tt.change(t, j.replies[q])
			}
			v := j.verdict(t.Context(), q)
			if v.Status != tt.status || v.Shape != tt.shape || v.Why().Code != tt.code {
				t.Errorf("%s: status %d, shape %d, %+v; want status %d, shape %d, code %d", tt.question, v.Status, v.Shape, v.Why(), tt.status, tt.shape, tt.code)
			}
			if v.Status == validate.Secure && (v.Server != "server" || !v.Made.Equal(now) || !v.Expires.After(now) || len(v.Proof) == 0) {
				t.Errorf("by whom, when, until when, why? %+v", v)
			}
		})
	}
}

// What the judge asks for are keys and DS records above the question, and no other.
func TestJudgeAsksUpwards(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	for question, want := range map[string]string{
		". DNSKEY":          "",
		"test. DS":          ". DNSKEY",
		"nsec.test. DNSKEY": "nsec.test. DS, test. DNSKEY, test. DS, . DNSKEY",
		"nsec.test. MX":     "nsec.test. DNSKEY, nsec.test. DS, test. DNSKEY, test. DS, . DNSKEY",
		"no.plain.test. A":  "plain.test. DS, test. DNSKEY, test. DS, . DNSKEY",
	} {
		q := parseQuestion(t, question)
		j := newJudge(t, world, record(t, world, q))
		j.verdict(t.Context(), q)
		asked := make(map[string]bool)
		for _, other := range j.asked {
			if other.Compare(q) >= 0 || !q.Name.Below(other.Name) || other.Type != dns.TypeDS && other.Type != dns.TypeDNSKEY {
				t.Errorf("%s: asks for %s %s", question, other.Name, dns.Type(other.Type))
			}
			asked[other.Name.String()+" "+dns.Type(other.Type).String()] = true
		}
		for _, other := range strings.Split(want, ", ") {
			if want != "" && !asked[other] {
				t.Errorf("%s: does not ask for %s, but for %v", question, other, j.asked)
			}
		}
	}
}
