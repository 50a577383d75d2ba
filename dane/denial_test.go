package dane_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// That there is no TLSA record is proven to a degree, which shows in
// the lookup, and not only in that mail may go.
func TestDenialsOfTLSA(t *testing.T) {
	t.Parallel()
	tooMany := dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 200}
	// spoil changes what the denials of TLSA and of a delegation come with.
	spoil := func(change func([]dns.RR) []dns.RR) func(dns.Question, *dns.Msg) {
		return func(q dns.Question, reply *dns.Msg) {
			if (q.Qtype == dns.TypeTLSA || q.Qtype == dns.TypeDS) && dns.IsSubDomain("a.example.", q.Name) {
				reply.Ns = change(reply.Ns)
			}
		}
	}
	ofNSEC3 := func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && sig.TypeCovered == dns.TypeNSEC3
	}
	for _, tt := range []struct {
		rule    string
		zone    dnssectest.Zone
		tamper  func(dns.Question, *dns.Msg)
		status  dnssec.Status
		code    dnssec.EDE
		outcome dane.Outcome
	}{
		{"RFC 9276 §3.2: NSEC3 within the limit proves", dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 1}, nil, dnssec.Secure, 0, dane.OutcomeNone},
		{"RFC 9276 §3.2: with too many iterations it is insecure, and nothing better", tooMany, nil, dnssec.Insecure, dnssec.EDENSEC3IterationsTooBig, dane.OutcomeNone},
		{"RFC 9276 §3.2: its signature must be right all the same", tooMany, spoil(func(all []dns.RR) []dns.RR {
			for i, rr := range all {
				if ofNSEC3(rr) {
					sig := dns.Copy(rr).(*dns.RRSIG)
					sig.Signature = "AAAA" + sig.Signature[4:]
					all[i] = sig
				}
			}
			return all
		}), dnssec.Bogus, dnssec.EDEBogus, dane.OutcomeFailure},
		{"RFC 9276 §3.2: and be there", tooMany, spoil(func(all []dns.RR) []dns.RR {
			return slices.DeleteFunc(all, ofNSEC3)
		}), dnssec.Bogus, dnssec.EDERRSIGsMissing, dane.OutcomeFailure},
		{"RFC 5155 §6: a span with opt-out is no secure denial", dnssectest.Zone{Denial: dnssectest.NSEC3OptOut}, nil, dnssec.Insecure, dnssec.EDEOther, dane.OutcomeNone},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: one(), Zone: tt.zone})
			internet.DNS.Tamper = tt.tamper
			v := internet.Verifier()
			result, err := checker(v).Verify(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			l := result.Hosts[0].TLSA
			if l == nil || l.Status != tt.status || l.Reason.Code != tt.code || len(l.Records) > 0 || result.Outcome != tt.outcome {
				t.Errorf("%s, TLSA lookup %+v", result.Outcome, l)
			}
			if result.Hosts[0].MayCleartext() != (tt.outcome == dane.OutcomeNone) {
				t.Errorf("action %s", result.Hosts[0].Action)
			}
			v.Mandatory = true
			if result, err = checker(v).Verify(t.Context(), "a.example"); err != nil || result.Outcome != dane.OutcomeFailure {
				t.Errorf("mandatory: %v, %v", result, err)
			}
		})
	}
}

// By opt-out a domain is denied, too, and that is not secure either.
func TestOptOutDeniesDomainsInsecurely(t *testing.T) {
	t.Parallel()
	for denial, want := range map[dnssectest.Denial]dnssec.Status{dnssectest.NSEC3: dnssec.Secure, dnssectest.NSEC3OptOut: dnssec.Insecure} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: one(), Zone: dnssectest.Zone{Denial: denial}})
		d, err := internet.Verifier().LookupMX(t.Context(), "none.a.example")
		if !errors.Is(err, dane.ErrNoDomain) || d.Status != want {
			t.Errorf("denial %v: %s, %v; want %s", denial, d.Status, err, want)
		}
	}
}
