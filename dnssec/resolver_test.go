package dnssec_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

func TestResolverKeepsTheContract(t *testing.T) {
	t.Parallel()
	dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
		return world.Resolver()
	})
}

// shapes is a zone with every shape of answer, and the questions for them.
const shapes = `
	@          MX 10 mail
	mail       A 192.0.2.25
	alias      CNAME mail
	tree       DNAME other
	x.other    A 192.0.2.1
	*.wild     A 192.0.2.2
	deep.wild  TXT "here"
	*.walias   CNAME mail
	a.b.empty  A 192.0.2.3
	www.child  A 192.0.2.4`

var shapeQuestions = []struct {
	question string
	rcode    int
	records  int
	aliases  int
}{
	{"shapes.test. MX", dns.RcodeSuccess, 1, 0},
	{"shapes.test. SOA", dns.RcodeSuccess, 1, 0},
	{"shapes.test. DNSKEY", dns.RcodeSuccess, 2, 0},
	{"shapes.test. DS", dns.RcodeSuccess, 1, 0},
	{"shapes.test. TLSA", dns.RcodeSuccess, 0, 0},
	{"mail.shapes.test. A", dns.RcodeSuccess, 1, 0},
	{"mail.shapes.test. AAAA", dns.RcodeSuccess, 0, 0},
	{"mail.shapes.test. DS", dns.RcodeSuccess, 0, 0},
	{"no.shapes.test. A", dns.RcodeNameError, 0, 0},
	{"no.mail.shapes.test. A", dns.RcodeNameError, 0, 0},
	{"alias.shapes.test. A", dns.RcodeSuccess, 1, 1},
	{"alias.shapes.test. CNAME", dns.RcodeSuccess, 1, 0},
	{"alias.shapes.test. MX", dns.RcodeSuccess, 0, 1},
	{"x.tree.shapes.test. A", dns.RcodeSuccess, 1, 1},
	{"x.tree.shapes.test. CNAME", dns.RcodeSuccess, 1, 0},
	{"no.tree.shapes.test. A", dns.RcodeNameError, 0, 1},
	{"tree.shapes.test. DNAME", dns.RcodeSuccess, 1, 0},
	{"a.wild.shapes.test. A", dns.RcodeSuccess, 1, 0},
	{"a.b.wild.shapes.test. A", dns.RcodeSuccess, 1, 0},
	{"a.wild.shapes.test. MX", dns.RcodeSuccess, 0, 0},
	{"*.wild.shapes.test. A", dns.RcodeSuccess, 1, 0},
	{"deep.wild.shapes.test. A", dns.RcodeSuccess, 0, 0},
	{"x.deep.wild.shapes.test. A", dns.RcodeNameError, 0, 0},
	{"x.walias.shapes.test. A", dns.RcodeSuccess, 1, 1},
	{"x.walias.shapes.test. TLSA", dns.RcodeSuccess, 0, 1},
	{"empty.shapes.test. A", dns.RcodeSuccess, 0, 0},
	{"b.empty.shapes.test. TLSA", dns.RcodeSuccess, 0, 0},
	{"www.child.shapes.test. A", dns.RcodeSuccess, 1, 0},
}

func TestEveryShapeIsSecure(t *testing.T) {
	t.Parallel()
	for label, zone := range map[string]dnssectest.Zone{
		"NSEC":                 {},
		"NSEC3":                {Denial: dnssectest.NSEC3},
		"NSEC3 with more hash": {Denial: dnssectest.NSEC3, Iterations: 20, Salt: "aabbcc"},
		"RSA/SHA-1":            {Algorithm: dns.RSASHA1},
		"RSA/SHA-1, NSEC3":     {Algorithm: dns.RSASHA1NSEC3SHA1, Denial: dnssectest.NSEC3},
		"RSA/SHA-256":          {Algorithm: dns.RSASHA256},
		"RSA/SHA-512":          {Algorithm: dns.RSASHA512},
		"ECDSA P-384":          {Algorithm: dns.ECDSAP384SHA384},
		"Ed25519":              {Algorithm: dns.ED25519},
		"DS by SHA-1":          {Digest: dns.SHA1},
		"DS by SHA-384":        {Digest: dns.SHA384},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			zone.Name, zone.Records, zone.TwoKeys = "shapes.test.", shapes, true
			world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: zone.Denial}, zone)
			for _, tt := range shapeQuestions {
				answer, err := lookup(t, world, tt.question)
				if err != nil {
					t.Errorf("%s: %v", tt.question, err)
					continue
				}
				if answer.Status != dnssec.Secure || answer.RCode != tt.rcode || len(answer.Records) != tt.records || len(answer.Aliases) != tt.aliases {
					t.Errorf("%s: %s (%s), rcode %d, %d records, %d aliases", tt.question, answer.Status, answer.Reason, answer.RCode, len(answer.Records), len(answer.Aliases))
				}
				if !answer.Expires.After(time.Now()) || answer.Expires.After(time.Now().Add(time.Hour)) {
					t.Errorf("%s: expires %s", tt.question, answer.Expires)
				}
			}
		})
	}
}

// What is wrong, and what is said of it.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		rfc      string
		zone     dnssectest.Zone
		question string
		status   dnssec.Status
		code     dnssec.EDE
	}{
		{"expired signatures", "RFC 4035 §5.3.1", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"*": dnssectest.Expired}}, "zone.test. MX", dnssec.Bogus, dnssec.EDESignatureExpired},
		{"one expired signature", "RFC 4035 §5.3.1", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Expired}}, "zone.test. MX", dnssec.Bogus, dnssec.EDESignatureExpired},
		{"signatures of tomorrow", "RFC 4035 §5.3.1", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"*": dnssectest.NotYetValid}}, "zone.test. MX", dnssec.Bogus, dnssec.EDESignatureNotYetValid},
		{"a signature with a wrong bit", "RFC 4035 §5.3.3", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.BadSignature}}, "zone.test. MX", dnssec.Bogus, dnssec.EDEBogus},
		{"a missing signature", "RFC 4035 §5.5", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.NoSignature}}, "zone.test. MX", dnssec.Bogus, dnssec.EDERRSIGsMissing},
		{"no signature but those of the keys", "RFC 4035 §5.5", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"*": dnssectest.NoSignature}}, "zone.test. MX", dnssec.Bogus, dnssec.EDERRSIGsMissing},
		{"a DS record of no key", "RFC 4035 §5.2", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"*": dnssectest.WrongDS}}, "zone.test. MX", dnssec.Bogus, dnssec.EDEDNSKEYMissing},
		{"no keys", "RFC 4035 §5.2", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"*": dnssectest.NoKeys}}, "zone.test. MX", dnssec.Bogus, dnssec.EDEDNSKEYMissing},
		{"unsigned keys", "RFC 4035 §5.2", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ DNSKEY": dnssectest.NoSignature}}, "zone.test. MX", dnssec.Bogus, dnssec.EDERRSIGsMissing},
		{"an unsigned denial", "RFC 4035 §5.4", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ NSEC": dnssectest.NoSignature}}, "zone.test. TLSA", dnssec.Bogus, dnssec.EDERRSIGsMissing},
		{"an expired denial", "RFC 4035 §5.4", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ NSEC": dnssectest.Expired}}, "zone.test. TLSA", dnssec.Bogus, dnssec.EDESignatureExpired},
		{"an unsigned zone", "RFC 4035 §5.2", dnssectest.Zone{Unsigned: true}, "zone.test. MX", dnssec.Insecure, dnssec.EDEOther},
		{"a name that an unsigned zone has not", "RFC 4035 §5.2", dnssectest.Zone{Unsigned: true}, "no.zone.test. MX", dnssec.Insecure, dnssec.EDEOther},
		{"a signed zone without DS", "RFC 4035 §5.2", dnssectest.Zone{NoDS: true}, "zone.test. MX", dnssec.Insecure, dnssec.EDEOther},
		{"an expired zone without DS", "RFC 4035 §5.2", dnssectest.Zone{NoDS: true, Faults: map[string]dnssectest.Fault{"*": dnssectest.Expired}}, "zone.test. MX", dnssec.Insecure, dnssec.EDEOther},
		{"NSEC3 above the limit of iterations", "RFC 9276 §3.2", dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 151}, "zone.test. TLSA", dnssec.Insecure, dnssec.EDENSEC3IterationsTooBig},
		{"NSEC3 above the limit, without signature", "RFC 9276 §3.2", dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 151, Faults: map[string]dnssectest.Fault{"*": dnssectest.NoSignature}}, "zone.test. TLSA", dnssec.Bogus, dnssec.EDERRSIGsMissing},
		{"a positive answer with NSEC3 above the limit", "RFC 9276 §3.2", dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 151}, "zone.test. MX", dnssec.Secure, dnssec.EDEOther},
		{"a missing name in an opt-out span", "RFC 5155 §9.2", dnssectest.Zone{Denial: dnssectest.NSEC3OptOut}, "no.zone.test. A", dnssec.Insecure, dnssec.EDEOther},
		{"a server that fails", "RFC 7672 §2.1.1", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.ServFail}}, "zone.test. MX", dnssec.Indeterminate, dnssec.EDENoReachableAuthority},
		{"a server that fails for the keys", "RFC 8914 §4.10", dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ DNSKEY": dnssectest.ServFail}}, "zone.test. MX", dnssec.Indeterminate, dnssec.EDEDNSKEYMissing},
		{"a server that refuses", "RFC 7672 §2.1.1", dnssectest.Zone{Unsigned: true, Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Refused}}, "zone.test. MX", dnssec.Indeterminate, dnssec.EDENoReachableAuthority},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.zone.Name, tt.zone.Records = "zone.test.", "@ MX 10 mail\nmail A 192.0.2.25"
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, tt.zone)
			answer, err := lookup(t, world, tt.question)
			if answer == nil || answer.Status != tt.status || answer.Reason.Code != tt.code {
				t.Fatalf("%s: answer %+v, error %v; want %s with EDE %d", tt.rfc, answer, err, tt.status, tt.code)
			}
			if (answer.Reason.Text == "") != (tt.status == dnssec.Secure) {
				t.Errorf("%s has reason %q", tt.status, answer.Reason)
			}
			if err != nil {
				e, ok := errors.AsType[*dnssec.Error](err)
				if !ok || e.Name != strings.Fields(tt.question)[0] || e.Status != tt.status || e.Reason != answer.Reason {
					t.Errorf("error %v does not name the question and the reason", err)
				}
			}
		})
	}
}

// Unsigned delegations in each way that a parent can deny their DS.
func TestUnsignedDelegation(t *testing.T) {
	t.Parallel()
	for label, denial := range map[string]dnssectest.Denial{"NSEC": dnssectest.NSEC, "NSEC3": dnssectest.NSEC3, "NSEC3 opt-out": dnssectest.NSEC3OptOut} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: denial},
			dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "a.b A 192.0.2.1"},
			dnssectest.Zone{Name: "below.unsigned.test.", Records: "@ A 192.0.2.1"},
			dnssectest.Zone{Name: "signed.test.", Records: "@ A 192.0.2.1"})
		for question, want := range map[string]dnssec.Status{
			"unsigned.test. NS": dnssec.Insecure, "a.b.unsigned.test. A": dnssec.Insecure, "no.unsigned.test. A": dnssec.Insecure,
			"b.unsigned.test. A": dnssec.Insecure, "below.unsigned.test. A": dnssec.Insecure, "signed.test. A": dnssec.Secure,
		} {
			answer, err := lookup(t, world, question)
			if err != nil || answer.Status != want {
				t.Errorf("%s, %s: %+v, %v", label, question, answer, err)
			}
		}
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t)
	for _, tt := range []struct {
		name  string
		qtype uint16
	}{
		{"a..b", dns.TypeA}, {strings.Repeat("a", 64), dns.TypeA}, {"a.", dns.TypeANY}, {"a.", dns.TypeAXFR}, {"a.", dns.TypeRRSIG}, {"a.", 0},
	} {
		answer, err := world.Resolver().Lookup(t.Context(), tt.name, tt.qtype)
		if e, ok := errors.AsType[*dnssec.Error](err); !ok || e.Status != dnssec.Indeterminate || e.Reason.Text == "" {
			t.Errorf("%q type %d: %+v, %v", tt.name, tt.qtype, answer, err)
		}
	}
	if asked := world.Questions(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}

func TestExchangerFailures(t *testing.T) {
	t.Parallel()
	network := errors.New("cable cut")
	for label, tt := range map[string]struct {
		exchange exchangerFunc
		want     error
	}{
		"an error": {func(context.Context, *upstream.Query) (*upstream.Reply, error) { return nil, network }, network},
		"incapable servers": {func(context.Context, *upstream.Query) (*upstream.Reply, error) {
			return nil, &upstream.CapabilityError{}
		}, nil},
		"neither reply nor error": {func(context.Context, *upstream.Query) (*upstream.Reply, error) { return nil, nil }, nil},
		"a reply without message": {func(context.Context, *upstream.Query) (*upstream.Reply, error) { return &upstream.Reply{}, nil }, nil},
	} {
		r := &dnssec.Resolver{Exchanger: tt.exchange}
		answer, err := r.Lookup(t.Context(), "example.", dns.TypeMX)
		e, ok := errors.AsType[*dnssec.Error](err)
		if !ok || e.Status != dnssec.Indeterminate || answer == nil || answer.Status != dnssec.Indeterminate || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v", label, answer, err)
		}
	}
}

// A second lookup costs no query while the first one's answer lives; a failed
// one is not asked again at once either (RFC 9520 §3.2).
func TestCache(t *testing.T) {
	t.Parallel()
	now := time.Now()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail\nbad A 192.0.2.1", Faults: map[string]dnssectest.Fault{"bad A": dnssectest.BadSignature}})
	world.Time = func() time.Time { return now }
	resolver := world.Resolver()
	ask := func(name string, qtype uint16) int {
		before := len(world.Questions())
		answer, _ := resolver.Lookup(t.Context(), name, qtype)
		for _, rr := range answer.Records {
			rr.Header().Ttl = 1 // the caller's own
		}
		return len(world.Questions()) - before
	}
	if n := ask("test.", dns.TypeMX); n != 4 { // MX, the zone's keys and DS, the root's keys
		t.Errorf("first lookup: %d queries", n)
	}
	for _, q := range []uint16{dns.TypeMX, dns.TypeMX} {
		if n := ask("test.", q); n != 0 {
			t.Errorf("second lookup: %d queries", n)
		}
	}
	if n := ask("bad.test.", dns.TypeA); n == 0 {
		t.Error("a bogus name took no query")
	}
	if n := ask("bad.test.", dns.TypeA); n != 0 {
		t.Errorf("a bogus name again: %d queries", n)
	}
	now = now.Add(301 * time.Second)
	if n := ask("test.", dns.TypeMX); n == 0 {
		t.Error("nothing was asked after the TTL")
	}
	now = now.Add(60 * 24 * time.Hour)
	if answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeMX); err == nil {
		t.Errorf("after the signatures have expired: %+v", answer)
	}
}
