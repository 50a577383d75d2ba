package dnssec_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// What an attacker would try who can change any reply, and has a signed zone of
// his own.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		rfc      string
		question string
		tamper   func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg)
	}{
		{
			name: "a sibling zone signs", rfc: "RFC 4035 §5.3.1", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "www.victim.test." && q.Qtype == dns.TypeA {
					forged := parseRR(t, "www.victim.test. 300 IN A 192.0.2.66")
					reply.Answer = []dns.RR{forged, world.Sign("evil.test.", forged)}
				}
			},
		},
		{
			name: "a child zone signs for its parent", rfc: "RFC 4035 §5.3.1", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "www.victim.test." && q.Qtype == dns.TypeA {
					forged := parseRR(t, "www.victim.test. 300 IN A 192.0.2.66")
					reply.Answer = []dns.RR{forged, world.Sign("child.victim.test.", forged)}
				}
			},
		},
		{
			name: "signatures are stripped, and the AD bit is set", rfc: "RFC 4035 §4.9.3", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				isSig := func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }
				reply.Answer, reply.Ns = slices.DeleteFunc(reply.Answer, isSig), slices.DeleteFunc(reply.Ns, isSig)
				reply.AuthenticatedData = true
			},
		},
		{
			name: "the DS record is denied by a span that does not cover it", rfc: "RFC 4035 §5.2", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				switch {
				case q.Qtype == dns.TypeDS && q.Name == "victim.test.":
					var other dns.Msg
					other.SetQuestion("unsigned.test.", dns.TypeDS)
					other.SetEdns0(1232, true)
					honest(t, world, &other)
					reply.Answer, reply.Ns = nil, other.Ns
				case q.Name == "www.victim.test.":
					reply.Answer = []dns.RR{parseRR(t, "www.victim.test. 300 IN A 192.0.2.66")}
				}
			},
		},
		{
			name: "the child's own apex denies the DS record", rfc: "RFC 4035 §5.2", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				switch {
				case q.Qtype == dns.TypeDS && q.Name == "victim.test.":
					nsec := parseRR(t, "victim.test. 300 IN NSEC a.victim.test. NS SOA RRSIG NSEC DNSKEY")
					reply.Answer, reply.Ns = nil, []dns.RR{nsec, world.Sign("victim.test.", nsec)}
				case q.Name == "www.victim.test.":
					reply.Answer = []dns.RR{parseRR(t, "www.victim.test. 300 IN A 192.0.2.66")}
				}
			},
		},
		{
			name: "a wildcard's answer for a name that exists", rfc: "RFC 4035 §5.3.4", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "www.victim.test." && q.Qtype == dns.TypeA {
					var other dns.Msg
					other.SetQuestion("none.victim.test.", dns.TypeA)
					other.SetEdns0(1232, true)
					honest(t, world, &other)
					for _, rr := range other.Answer {
						rr.Header().Name = "www.victim.test."
					}
					reply.Answer, reply.Ns = other.Answer, other.Ns
				}
			},
		},
		{
			name: "a CNAME's denial for another type", rfc: "RFC 6840 §4.3", question: "alias.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Name == "alias.victim.test." && q.Qtype == dns.TypeA {
					var other dns.Msg
					other.SetQuestion("alias.victim.test.", dns.TypeDS)
					other.SetEdns0(1232, true)
					nsec := parseRR(t, "alias.victim.test. 300 IN NSEC www.victim.test. CNAME RRSIG NSEC")
					reply.Answer, reply.Ns = nil, []dns.RR{nsec, world.Sign("victim.test.", nsec)}
				}
			},
		},
		{
			name: "another key than the one of the DS record signs the keys", rfc: "RFC 4035 §5.2", question: "www.victim.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Qtype != dns.TypeDNSKEY || q.Name != "victim.test." {
					return
				}
				// The attacker's zone has the same key material under the victim's name.
				var other dns.Msg
				other.SetQuestion("evil.test.", dns.TypeDNSKEY)
				other.SetEdns0(1232, true)
				honest(t, world, &other)
				keys := slices.DeleteFunc(slices.Concat(reply.Answer, other.Answer), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeDNSKEY })
				for _, key := range keys {
					key.Header().Name = "victim.test."
				}
				sig := world.Sign("evil.test.", keys...)
				sig.SignerName = "victim.test."
				reply.Answer = append(keys, sig)
			},
		},
		{
			name: "the question leads back to itself", rfc: "RFC 4035 §5.2", question: "www.loop.test. A",
			tamper: func(t *testing.T, world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
				if q.Qtype == dns.TypeDS && q.Name == "loop.test." {
					reply.Answer, reply.Ns = []dns.RR{parseRR(t, "loop.test. 300 IN CNAME loop.test.")}, nil
				}
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."},
				dnssectest.Zone{Name: "victim.test.", Records: "www A 192.0.2.1\n*  A 192.0.2.2\nalias CNAME www"},
				dnssectest.Zone{Name: "child.victim.test."}, dnssectest.Zone{Name: "evil.test."},
				dnssectest.Zone{Name: "unsigned.test.", Unsigned: true},
				dnssectest.Zone{Name: "loop.test.", Unsigned: true, Records: "www A 192.0.2.1"})
			// Without the attack the name is fine.
			if answer, err := lookup(t, world, tt.question); err != nil {
				t.Fatalf("%+v, %v", answer, err)
			}
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				if reply.RecursionDesired { // not our own question; see honest
					tt.tamper(t, world, q, reply)
				}
			}
			if answer, err := lookup(t, world, tt.question); err == nil {
				t.Errorf("%s: %s: %v", tt.rfc, answer.Status, answer.Records)
			}
		})
	}
}

// honest fills a query with the world's own reply to it. The query does not desire
// recursion, by which it is told from that of a Resolver.
func honest(t *testing.T, world *dnssectest.Internet, query *dns.Msg) {
	t.Helper()
	query.RecursionDesired = false
	reply, err := world.Exchange(t.Context(), &upstream.Query{Msg: query})
	if err != nil {
		t.Fatal(err)
	}
	*query = *reply.Msg
}

// CVE-2023-50387: keys with one tag and signatures that name it make a validator
// try every pair.
func TestKeyTrap(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "trap.", Records: "@ A 192.0.2.1"})
	keys, err := world.Resolver().Lookup(t.Context(), "trap.", dns.TypeDNSKEY)
	if err != nil {
		t.Fatal(err)
	}
	own := keys.Records[0].(*dns.DNSKEY)
	set := []dns.RR{own}
	for len(set) < 12 {
		other := dns.Copy(own).(*dns.DNSKEY)
		other.Algorithm = dns.ED25519
		public := make([]byte, 32)
		rand.Read(public)
		for other.KeyTag() != own.KeyTag() {
			public[0]++
			if public[0] == 0 {
				rand.Read(public)
			}
			other.PublicKey = base64.StdEncoding.EncodeToString(public)
		}
		set = append(set, other)
	}
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if q.Name != "trap." {
			return
		}
		switch q.Qtype {
		case dns.TypeDNSKEY:
			reply.Answer = append(slices.Clone(set), world.Sign("trap.", set...))
		case dns.TypeA:
			reply.Answer = []dns.RR{parseRR(t, "trap. 300 IN A 192.0.2.66")}
			for i := range 60 {
				sig := world.Sign("trap.", reply.Answer[0])
				sig.Algorithm = dns.ED25519
				sig.Signature = base64.StdEncoding.EncodeToString(append(make([]byte, 63), byte(i)))
				reply.Answer = append(reply.Answer, sig)
			}
		}
	}
	answer, err := world.Resolver().Lookup(t.Context(), "trap.", dns.TypeA)
	if !errors.Is(err, dnssec.ErrBudget) || answer.Status != dnssec.Indeterminate {
		t.Errorf("%+v, %v", answer, err)
	}
}
