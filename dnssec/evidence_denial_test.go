package dnssec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Each record of a proof is told what it does there.
func TestChainSaysWhatIsDenied(t *testing.T) {
	t.Parallel()
	const records = "@ MX 10 mail\nmail A 192.0.2.1\n*.wild A 192.0.2.2\n*.tlsa TXT x\ndeep.below.empty A 192.0.2.3"
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "nsec.", Records: records},
		dnssectest.Zone{Name: "nsec3.", Records: records, Denial: dnssectest.NSEC3, Salt: "ab", Iterations: 2},
		dnssectest.Zone{Name: "optout.", Records: records, Denial: dnssectest.NSEC3OptOut},
		dnssectest.Zone{Name: "unsigned.nsec.", Unsigned: true, Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "unsigned.nsec3.", Unsigned: true, Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "unsigned.optout.", Unsigned: true, Records: "@ MX 10 mail"},
	)
	for _, tt := range []struct{ about, question, want string }{
		{"a name without the type", "mail.nsec. TLSA", "TLSA of mail.nsec.: no such type mail.nsec."},
		{"a name without the type, hashed", "mail.nsec3. TLSA", "TLSA of mail.nsec3.: no such type mail.nsec3. (hashed)"},
		{"an empty non-terminal", "below.empty.nsec. A", "A of below.empty.nsec.: empty non-terminal below.empty.nsec."},
		{"an empty non-terminal, hashed", "below.empty.nsec3. A", "A of below.empty.nsec3.: no such type below.empty.nsec3. (hashed)"},
		{"no such name", "none.mail.nsec. A", "A of none.mail.nsec.: no such name none.mail.nsec., no wildcard *.mail.nsec."},
		{"no such name, hashed", "none.mail.nsec3. A",
			"A of none.mail.nsec3.: closest encloser mail.nsec3. (hashed), next closer name none.mail.nsec3. (hashed), no wildcard *.mail.nsec3. (hashed)"},
		{"a wildcard", "x.wild.nsec. A", "A of x.wild.nsec.: next closer name x.wild.nsec."},
		{"a wildcard, hashed", "x.y.wild.nsec3. A", "A of x.y.wild.nsec3.: next closer name y.wild.nsec3. (hashed)"},
		{"a wildcard without the type", "x.tlsa.nsec. TLSA", "TLSA of x.tlsa.nsec.: no such name x.tlsa.nsec., wildcard without the type *.tlsa.nsec."},
		{"a wildcard without the type, hashed", "x.tlsa.nsec3. TLSA",
			"TLSA of x.tlsa.nsec3.: closest encloser tlsa.nsec3. (hashed), next closer name x.tlsa.nsec3. (hashed), wildcard without the type *.tlsa.nsec3. (hashed)"},
		{"a delegation that is not signed", "unsigned.nsec. MX", "DS of unsigned.nsec.: no such type unsigned.nsec."},
		{"a delegation that is not signed, hashed", "unsigned.nsec3. MX", "DS of unsigned.nsec3.: no such type unsigned.nsec3. (hashed)"},
		{"a delegation in an opt-out span", "unsigned.optout. MX",
			"DS of unsigned.optout.: closest encloser optout. (hashed), next closer name unsigned.optout. (hashed, opt-out)"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			answer, err := lookup(t, world, tt.question)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, denied(answer)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// denied lists the denials of an answer, each once, in the order of their roles.
func denied(answer *dnssec.Answer) string {
	question := ""
	found := make(map[dnssec.DenialRole]string)
	for _, link := range answer.Chain() {
		for _, d := range link.Denials {
			question = fmt.Sprintf("%s of %s: ", dns.Type(link.QType), link.QName)
			how := ""
			if d.Hash != "" {
				how = " (hashed"
				if d.OptOut && d.Role == dnssec.DenialNextCloser {
					how += ", opt-out"
				}
				how += ")"
			}
			found[d.Role] = fmt.Sprintf("%s %s%s", d.Role, d.Name, how)
			if at := !d.Role.Covers(); d.Hash != "" && at != strings.HasPrefix(link.Name, d.Hash+".") {
				found[d.Role] += " by " + link.Name
			}
		}
	}
	var all []string
	for role := dnssec.DenialNoType; role <= dnssec.DenialNoWildcard; role++ {
		if text := found[role]; text != "" {
			all = append(all, text)
		}
	}
	return question + strings.Join(all, ", ")
}

// Where no key of a zone is vouched for, the reason has those that it has.
func TestReasonNamesTheKeys(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "ds.", TwoKeys: true, Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}})
	var tags []uint16
	reply, err := world.Exchange(t.Context(), &upstream.Query{Msg: new(dns.Msg).SetQuestion("ds.", dns.TypeDNSKEY)})
	if err != nil {
		t.Fatal(err)
	}
	for _, sep := range []uint16{dns.SEP, 0} {
		for _, rr := range reply.Msg.Answer {
			if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP == sep {
				tags = append(tags, key.KeyTag())
			}
		}
	}
	_, err = world.Resolver().Lookup(t.Context(), "ds.", dns.TypeMX)
	e, ok := errors.AsType[*dnssec.Error](err)
	if want := fmt.Sprintf("no key matches a DS record or trust anchor; the zone has key %d, key %d", tags[0], tags[1]); !ok || e.Reason.Text != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A chain that is broken shows the signature that breaks it.
func TestChainShowsTheSignatureThatFails(t *testing.T) {
	t.Parallel()
	faulty := func(name, where string, fault dnssectest.Fault) dnssectest.Zone {
		return dnssectest.Zone{Name: name, Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{where: fault}}
	}
	world := dnssectest.New(t,
		faulty("expired.", "@ MX", dnssectest.Expired), faulty("early.", "@ MX", dnssectest.NotYetValid), faulty("wrong.", "@ MX", dnssectest.BadSignature),
		faulty("keys.", "@ DNSKEY", dnssectest.Expired), faulty("missing.", "@ MX", dnssectest.NoSignature), faulty("ds.", dnssectest.WholeZone, dnssectest.WrongDS),
	)
	for _, tt := range []struct {
		zone    string
		covered uint16 // by the signature that is shown; 0 for no signature
	}{
		{"expired.", dns.TypeMX}, {"early.", dns.TypeMX}, {"wrong.", dns.TypeMX}, {"keys.", dns.TypeDNSKEY}, {"missing.", 0}, {"ds.", 0},
	} {
		t.Run(tt.zone, func(t *testing.T) {
			resolver := world.Resolver()
			for _, from := range []string{"network", "cache"} {
				answer, err := resolver.Lookup(t.Context(), tt.zone, dns.TypeMX)
				if e, ok := errors.AsType[*dnssec.Error](err); !ok || e.Status != dnssec.Bogus {
					t.Fatal(err)
				}
				chain := answer.Chain()
				refused := chain[len(chain)-1].Refused
				if (refused != nil) != (tt.covered != 0) {
					t.Fatalf("from the %s: %v, %v", from, refused, err)
				}
				if refused != nil && (refused.TypeCovered != tt.covered || refused.KeyTag != chain[len(chain)-1].Reason.KeyTag) {
					t.Errorf("from the %s: %v is shown for %v", from, refused, err)
				}
			}
		})
	}
}
