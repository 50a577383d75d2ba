package dnssectest_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A name below an empty non-terminal is denied by the closest encloser that has a record. In a
// zone with opt-out that is not the empty non-terminal, if nothing but unsigned delegations is
// below it (RFC 5155 §7.1, §7.2.1). dnssec-signzone -A and named do the same.
func TestDenialBelowEmptyNonTerminalOfOptOut(t *testing.T) {
	t.Parallel()
	const wildcard = "* A 192.0.2.1"
	for _, tt := range []struct {
		name     string
		records  string // of the zone above
		child    string
		unsigned bool // the child
	}{
		{name: "above an unsigned delegation alone", child: "child.empty.test.", unsigned: true},
		{name: "above one with more labels", child: "child.deep.empty.test.", unsigned: true},
		{name: "above one, and beside a wildcard", records: wildcard, child: "child.empty.test.", unsigned: true},
		{name: "above one with more labels, and beside a wildcard", records: wildcard, child: "child.deep.empty.test.", unsigned: true},
		{name: "above a signed delegation", child: "child.empty.test."},
		{name: "above a signed delegation, and beside a wildcard", records: wildcard, child: "child.empty.test."},
		{name: "above an unsigned delegation and data", records: "www.empty A 192.0.2.1", child: "child.empty.test.", unsigned: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			internet := dnssectest.New(t,
				dnssectest.Zone{Name: "test.", Denial: dnssectest.NSEC3OptOut, Records: tt.records},
				dnssectest.Zone{Name: tt.child, Unsigned: tt.unsigned})
			resolver := internet.Resolver()
			for _, q := range []struct {
				name string
				code int
			}{
				{"other.empty.test.", dns.RcodeNameError},
				{"www.other.empty.test.", dns.RcodeNameError},
				{"empty.test.", dns.RcodeSuccess},
			} {
				answer, err := resolver.Lookup(t.Context(), q.name, dns.TypeA)
				if err != nil || answer.RCode != q.code || len(answer.Records) > 0 {
					t.Fatalf("%s: %+v, %v", q.name, answer, err)
				}
				switch {
				case answer.Status == dnssec.Secure && q.code == dns.RcodeSuccess && (!tt.unsigned || tt.records == "www.empty A 192.0.2.1"):
					// Its own record denies the type.
				case answer.Status != dnssec.Insecure:
					t.Errorf("%s is %s", q.name, answer.Status)
				case answer.Reason.Name != q.name || answer.Reason.Type != dns.TypeA:
					t.Errorf("the reply itself proves nothing; what decides is %s", answer.Reason)
				}
			}
		})
	}
}
