package dane_test

import (
	"context"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// Records that are none in form are there all the same. A TLSA record of two octets is not
// usable, and so never less than TLS (RFC 7672 §2.2); an MX record that cannot be read is no
// reason to deliver to the domain's own address (RFC 5321 §5.1).
func TestOddRecords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		records string
		tlsa    []string
		action  dane.Action
		outcome dane.Outcome
	}{
		{"a TLSA record of two octets", `_25._tcp.mail TYPE52 \# 2 0301`, nil, dane.MustEncrypt, dane.OutcomeNone},
		{"one without any", `_25._tcp.mail TYPE52 \# 0`, nil, dane.MustEncrypt, dane.OutcomeNone},
		{"one beside a good one", `_25._tcp.mail TYPE52 \# 2 0301`, []string{"3 1 1"}, dane.MustAuthenticate, dane.OutcomeSuccess},
		{"one beside another key", `_25._tcp.mail TYPE52 \# 2 0301`, []string{otherKey}, dane.MustAuthenticate, dane.OutcomeFailure},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: tt.tlsa}}, Zone: dnssectest.Zone{Records: tt.records}})
		result, err := internet.Checker().Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != tt.outcome || result.Hosts[0].Action != tt.action || len(result.Hosts[0].Records) != 1+len(tt.tlsa) {
			t.Errorf("%s: %v, %s\n%s", tt.name, err, result.Hosts[0].Action, result)
		}
	}
	v := &dane.Verifier{Resolver: oddMX{parseScript("a.example A secure 192.0.2.1")}}
	if d, err := v.LookupMX(t.Context(), "a.example"); err == nil {
		t.Errorf("an MX record of one octet: %+v", d)
	}
}

type oddMX struct{ *script }

func (o oddMX) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	answer, err := o.script.Lookup(ctx, name, qtype)
	if qtype == dns.TypeMX {
		answer.Records = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeMX, Class: dns.ClassINET}, Rdata: "00"}}
	}
	return answer, err
}
