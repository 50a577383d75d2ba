package dnssectest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A Lookuper is what [TestLookup] tests. *dnssec.Resolver and dnssec.TrustAD are Lookupers;
// package dane calls one a Resolver.
type Lookuper interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error)
}

// maxPatience is the deadline of lookups that are to fail: some servers do not answer.
const maxPatience = 200 * time.Millisecond

// contract has the questions of TestLookup, and the answers that are right.
var contract = []struct {
	explanation string
	name        string
	qtype       uint16
	status      dnssec.Status // Bogus stands for any failure
	rcode       int
	records     int
	aliases     int
}{
	{"a signed RRset is secure", "good.test.", dns.TypeMX, dnssec.Secure, dns.RcodeSuccess, 1, 0},
	{"a name may lack the final dot, and be in upper case", "GOOD.test", dns.TypeMX, dnssec.Secure, dns.RcodeSuccess, 1, 0},
	{"a missing type is an answer", "good.test.", dns.TypeTLSA, dnssec.Secure, dns.RcodeSuccess, 0, 0},
	{"a missing name is an answer", "no.good.test.", dns.TypeA, dnssec.Secure, dns.RcodeNameError, 0, 0},
	{"an unsigned zone is insecure", "unsigned.test.", dns.TypeMX, dnssec.Insecure, dns.RcodeSuccess, 1, 0},
	{"a missing name in an unsigned zone is an answer", "no.unsigned.test.", dns.TypeA, dnssec.Insecure, dns.RcodeNameError, 0, 0},
	{"a secure alias to a secure name is secure", "alias.good.test.", dns.TypeA, dnssec.Secure, dns.RcodeSuccess, 1, 1},
	{"a secure alias to an insecure name is insecure", "away.good.test.", dns.TypeA, dnssec.Insecure, dns.RcodeSuccess, 1, 1},
	{"an expired signature is an error, not an insecure answer", "expired.test.", dns.TypeMX, dnssec.Bogus, 0, 0, 0},
	{"a missing signature is an error, not an insecure answer", "stripped.test.", dns.TypeMX, dnssec.Bogus, 0, 0, 0},
	{"SERVFAIL is an error, not an empty answer", "servfail.test.", dns.TypeMX, dnssec.Bogus, 0, 0, 0},
	{"SERVFAIL in an unsigned zone is an error, too", "servfail.unsigned.test.", dns.TypeA, dnssec.Bogus, 0, 0, 0},
	{"REFUSED is an error", "refused.unsigned.test.", dns.TypeA, dnssec.Bogus, 0, 0, 0},
	{"silence is an error", "silent.unsigned.test.", dns.TypeA, dnssec.Bogus, 0, 0, 0},
	{"an alias that leads to itself is an error", "loop.good.test.", dns.TypeA, dnssec.Bogus, 0, 0, 0},
}

func contractZones() []Zone {
	return []Zone{
		{Name: "test."},
		{Name: "good.test.", Records: `
			@     MX 10 mail
			mail  A 192.0.2.25
			alias CNAME mail
			away  CNAME mail.unsigned.test.
			loop  CNAME loop`},
		{Name: "unsigned.test.", Unsigned: true, Records: `
			@        MX 10 mail
			mail     A 192.0.2.25
			servfail A 192.0.2.1
			refused  A 192.0.2.1
			silent   A 192.0.2.1`,
			Faults: map[string]Fault{"servfail A": ServFail, "refused A": Refused, "silent A": Silent}},
		{Name: "expired.test.", Records: "@ MX 10 mail", Faults: map[string]Fault{WholeZone: Expired}},
		{Name: "stripped.test.", Records: "@ MX 10 mail", Faults: map[string]Fault{WholeZone: NoSignature}},
		{Name: "servfail.test.", Records: "@ MX 10 mail", Faults: map[string]Fault{WholeZone: ServFail}},
	}
}

// TestLookup checks, in subtests, that an implementation of Lookup keeps the contract of
// [dnssec.Answer]. open returns the implementation, which asks the world: by its Exchange, or
// at the address that its Listen returns.
func TestLookup(t *testing.T, open func(t *testing.T, world *Internet) Lookuper) {
	world := New(t, contractZones()...)
	resolver := open(t, world)
	for _, tt := range contract {
		t.Run(tt.explanation, func(t *testing.T) {
			patience := time.Minute // a busy machine is no reason to fail
			if tt.status == dnssec.Bogus {
				patience = maxPatience
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			answer, err := resolver.Lookup(ctx, tt.name, tt.qtype)
			if (err == nil) != (answer != nil && (answer.Status == dnssec.Secure || answer.Status == dnssec.Insecure)) {
				t.Fatalf("error %v does not fit answer %+v", err, answer)
			}
			if tt.status == dnssec.Bogus {
				if err == nil {
					t.Fatalf("no error, but status %s", answer.Status)
				}
				if answer.Authenticated() != nil {
					t.Error("records of a failed lookup are authenticated")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if answer.Status != tt.status || answer.RCode != tt.rcode || len(answer.Records) != tt.records || len(answer.Aliases) != tt.aliases {
				t.Errorf("status %s, rcode %s, %d records, %d aliases; want %s, %s, %d, %d", answer.Status, dns.RcodeToString[answer.RCode],
					len(answer.Records), len(answer.Aliases), tt.status, dns.RcodeToString[tt.rcode], tt.records, tt.aliases)
			}
			weakest := dnssec.Secure
			for _, alias := range answer.Aliases {
				weakest = min(weakest, alias.Status)
			}
			if answer.Status > weakest && weakest != dnssec.Indeterminate {
				t.Errorf("status %s is better than that of an alias, %s", answer.Status, weakest)
			}
			if (answer.Status == dnssec.Secure && tt.records > 0) != (len(answer.Authenticated()) > 0) {
				t.Errorf("%d records of a %s answer are authenticated", len(answer.Authenticated()), answer.Status)
			}
		})
	}
	t.Run("the caller's deadline can be told apart", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), maxPatience/4)
		defer cancel()
		if _, err := resolver.Lookup(ctx, "silent.unsigned.test.", dns.TypeA); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v is not context.DeadlineExceeded", err)
		}
	})
}
