package dnssec_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// What an attacker would try with records that are genuine, but for another purpose or
// slightly changed.
func TestGenuineRecordsMisused(t *testing.T) {
	t.Parallel()
	// denyBy replaces the reply to a question by an NSEC record of a zone.
	denyBy := func(name string, qtype uint16, rcode int, zone, nsec string) func(*testing.T, *dnssectest.Internet, dns.Question, *dns.Msg) {
		return func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			if q.Name == name && q.Qtype == qtype {
				rr := parseRR(t, nsec)
				reply.Rcode, reply.Answer, reply.Ns = rcode, nil, []dns.RR{rr, world.Sign(zone, rr)}
			}
		}
	}
	// change changes the signatures of the answer for www.victim.test.
	change := func(f func(*dns.RRSIG)) func(*testing.T, *dnssectest.Internet, dns.Question, *dns.Msg) {
		return func(_ *testing.T, _ *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			for _, rr := range reply.Answer {
				if sig, ok := rr.(*dns.RRSIG); ok && q.Name == "www.victim.test." {
					f(sig)
				}
			}
		}
	}
	for _, tt := range []struct {
		name, rfc, question string
		tamper              func(*testing.T, *dnssectest.Internet, dns.Question, *dns.Msg)
	}{
		{"the parent's NSEC at a zone cut denies a type of the child", "RFC 6840 §4.1", "victim.test. MX",
			denyBy("victim.test.", dns.TypeMX, dns.RcodeSuccess, "test.", "victim.test. 300 IN NSEC z.test. NS DS RRSIG NSEC")},
		{"the parent's NSEC at a zone cut denies a name below it", "RFC 6840 §4.1", "www.victim.test. A",
			denyBy("www.victim.test.", dns.TypeA, dns.RcodeNameError, "test.", "victim.test. 300 IN NSEC z.test. NS DS RRSIG NSEC")},
		{"an NSEC at a DNAME denies a name below it", "RFC 6840 §4.1", "x.tree.victim.test. A",
			denyBy("x.tree.victim.test.", dns.TypeA, dns.RcodeNameError, "victim.test.", "tree.victim.test. 300 IN NSEC www.victim.test. DNAME RRSIG NSEC")},
		{"an NSEC of an ancestor that is a delegation denies a wildcard", "RFC 6840 §4.1", "none.victim.test. A",
			denyBy("none.victim.test.", dns.TypeA, dns.RcodeNameError, "test.", "victim.test. 300 IN NSEC z.test. NS DS RRSIG NSEC")},
		{"an empty non-terminal is denied by the span before it", "RFC 4035 §5.4", "ent.victim.test. A",
			func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "a.ent.victim.test." || q.Name == "ent.victim.test." {
					rr := parseRR(t, "child.victim.test. 300 IN NSEC b.ent.victim.test. NS DS RRSIG NSEC")
					reply.Rcode, reply.Answer, reply.Ns = dns.RcodeNameError, nil, []dns.RR{rr, world.Sign("evil.test.", rr)}
				}
			}},
		{"a wildcard is not denied", "RFC 4035 §5.4", "none.victim.test. A",
			denyBy("none.victim.test.", dns.TypeA, dns.RcodeNameError, "victim.test.", "mail.victim.test. 300 IN NSEC tree.victim.test. A RRSIG NSEC")},
		{"labels are left out of the signature, as if a wildcard had been expanded", "RFC 4035 §5.3.1", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.Labels-- })},
		{"the signature has more labels than the owner", "RFC 4035 §5.3.1", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.Labels++ })},
		{"the original TTL is another", "RFC 4035 §5.3.2", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.OrigTtl = 86400 })},
		{"the signature is valid longer", "RFC 4035 §5.3.1", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.Expiration += 86400 })},
		{"the signature is of an unknown algorithm", "RFC 4035 §5.3.1", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.Algorithm = 200 })},
		{"the signature covers another type", "RFC 4035 §5.3.1", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.TypeCovered = dns.TypeAAAA })},
		{"the signer is the zone above", "RFC 4035 §5.3.1", "www.victim.test. A", change(func(sig *dns.RRSIG) { sig.SignerName = "test." })},
		{"an unsigned record is added to a signed RRset", "RFC 4035 §5.3.3", "www.victim.test. A",
			func(t *testing.T, _ *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "www.victim.test." {
					reply.Answer = append(reply.Answer, parseRR(t, "www.victim.test. 300 IN A 192.0.2.66"))
				}
			}},
		{"a record is taken from a signed RRset", "RFC 4035 §5.3.3", "two.victim.test. A",
			func(_ *testing.T, _ *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "two.victim.test." && len(reply.Answer) > 1 {
					reply.Answer = reply.Answer[1:]
				}
			}},
		{"a DS record of the attacker's is added", "RFC 4035 §5.2", "www.victim.test. A",
			func(_ *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				switch {
				case q.Qtype == dns.TypeDS && q.Name == "victim.test.":
					ds := dns.Copy(reply.Answer[0]).(*dns.DS)
					ds.Digest = "00" + ds.Digest[2:]
					reply.Answer = append(reply.Answer, ds)
				case q.Name == "www.victim.test.":
					reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
				}
			}},
		{"the DS record is replaced by one of an unknown digest", "RFC 4035 §5.2", "www.victim.test. A",
			func(_ *testing.T, _ *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Qtype == dns.TypeDS && q.Name == "victim.test." {
					reply.Answer[0].(*dns.DS).DigestType = 200
				}
			}},
		{"a CNAME leads to the attacker's zone", "RFC 4035 §5.3", "www.victim.test. A",
			func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "www.victim.test." {
					cname := parseRR(t, "www.victim.test. 300 IN CNAME www.evil.test.")
					reply.Answer = []dns.RR{cname, world.Sign("evil.test.", cname)}
				}
			}},
		{"a DNAME of the attacker's above the name", "RFC 6672 §5.3", "www.victim.test. A",
			func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "www.victim.test." {
					dname := parseRR(t, "victim.test. 300 IN DNAME evil.test.")
					reply.Answer = []dns.RR{dname, world.Sign("evil.test.", dname), parseRR(t, "www.victim.test. 300 IN CNAME www.evil.test.")}
				}
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."},
				dnssectest.Zone{Name: "victim.test.", Records: "@ MX 10 mail\nmail A 192.0.2.25\nwww A 192.0.2.1\ntwo A 192.0.2.1\ntwo A 192.0.2.2\n* A 192.0.2.3\ntree DNAME mail\nx.mail A 192.0.2.4\na.ent A 192.0.2.5"},
				dnssectest.Zone{Name: "child.victim.test."}, dnssectest.Zone{Name: "evil.test.", Records: "www A 192.0.2.66"})
			if answer, err := lookup(t, world, tt.question); err != nil || answer.Status != dnssec.Secure {
				t.Fatalf("without the attack: %+v, %v", answer, err)
			}
			world.Tamper = func(q dns.Question, reply *dns.Msg) { tt.tamper(t, world, q, reply) }
			if answer, err := lookup(t, world, tt.question); err == nil || answer.Status != dnssec.Bogus {
				t.Errorf("%s: %s: %v, %v", tt.rfc, answer.Status, answer.Records, err)
			}
		})
	}
}
