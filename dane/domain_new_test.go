package dane_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// What comes of the MX hosts that a sender has found by itself.
func TestNewDomain(t *testing.T) {
	t.Parallel()
	many := make([]dane.MX, 20)
	for i := range many {
		many[i].Host = fmt.Sprintf("m%d.example", i)
	}
	mail := []dane.MX{{Preference: 10, Host: "mail.good.example."}}
	for _, tt := range []struct {
		name        string
		destination string
		status      dnssec.Status
		hosts       []dane.MX
		want        string // the hosts, or the code of the error
		cause       error
	}{
		{"as net.LookupMX has it", "good.example", dnssec.Secure, mail, "mail.good.example", nil},
		{"in upper case, with a final dot", "Good.Example.", dnssec.Secure, []dane.MX{{Host: "MAIL.Good.Example."}}, "mail.good.example", nil},
		{"in Unicode", "bücher.example", dnssec.Insecure, []dane.MX{{Host: "mail.bücher.example."}}, "mail.xn--bcher-kva.example", nil},
		{"by preference, and otherwise as they come", "good.example", dnssec.Secure, []dane.MX{{20, "c"}, {10, "b"}, {10, "a"}, {30, "b."}}, "b a c", nil},
		{"no MX record", "Good.example", dnssec.Insecure, nil, "good.example", nil},
		{"a host that is not one", "good.example", dnssec.Secure, []dane.MX{{Host: "192.0.2.1"}}, "192.0.2.1", nil},
		{"null MX", "good.example", dnssec.Secure, []dane.MX{{Host: "."}}, "5.1.10", dane.ErrNullMX},
		{"null MX without its dot is a host that is not one", "good.example", dnssec.Secure, []dane.MX{{Host: ""}}, "", nil},
		{"an address literal", "[192.0.2.1]", dnssec.Insecure, nil, "[192.0.2.1]", nil},
		{"which has no DANE", "[192.0.2.1]", dnssec.Secure, mail, "[192.0.2.1]", nil},
		{"not a name", "not a name", dnssec.Secure, mail, "5.1.2", dane.ErrName},
		{"without a status", "good.example", 0, mail, "4.4.3", dane.ErrLookup},
		{"without a status, and without hosts", "good.example", 0, nil, "4.4.3", dane.ErrLookup},
		{"bogus", "good.example", dnssec.Bogus, mail, "4.7.5", dane.ErrLookup},
		{"a status that does not exist", "good.example", dnssec.Secure + 1, mail, "4.4.3", dane.ErrLookup},
	} {
		d, err := dane.NewDomain(tt.destination, tt.status, tt.hosts...)
		got := dane.Classify(err).Code
		if err == nil {
			var names []string
			for _, mx := range d.MX {
				names = append(names, mx.Host)
			}
			got = strings.Join(names, " ")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.cause) || d == nil != errors.Is(err, dane.ErrName) || err != nil && d != nil && len(d.MX) > 0 {
			t.Errorf("%s: %+v, %v (-want +got)\n%s", tt.name, d, err, diff)
		}
		if err == nil && strings.HasPrefix(tt.destination, "[") && d.Status == dnssec.Secure {
			t.Errorf("%s: an address literal is secure", tt.name)
		}
	}
	if d, err := dane.NewDomain("good.example", dnssec.Secure, many...); err != nil || len(d.MX) != 16 || d.Omitted != 4 {
		t.Errorf("%d hosts, %d omitted, %v", len(d.MX), d.Omitted, err)
	}
}

// A sender with an MX walk of its own gets by NewDomain what LookupMX gives, whatever the TLSA
// records match: with 3 1 1 no name counts, with 2 1 1 the name of the domain does, too.
func TestNewDomainDelivers(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t,
		danetest.Domain{Name: "key.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}},
		danetest.Domain{Name: "authority.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}}}},
		danetest.Domain{Name: "name.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"name.example"}}}}},
		danetest.Domain{Name: "other.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"elsewhere.example"}}}}},
		danetest.Domain{Name: "unsigned.example", Zone: dnssectest.Zone{Unsigned: true}, Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}},
	)
	v := internet.Verifier()
	for name, want := range map[string]string{
		"key.example": "authenticated", "authority.example": "authenticated", "name.example": "authenticated", "other.example": "4.7.5", "unsigned.example": "TLS",
	} {
		found, err := v.LookupMX(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		byHand := &dane.Domain{Name: name, Status: found.Status} // and nothing else
		made, err := dane.NewDomain(strings.ToUpper(name), found.Status, dane.MX{Preference: 10, Host: "mail." + name + "."})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []*dane.Domain{found, made, byHand} {
			if got := sendOnce(t, v, v.LookupHost(t.Context(), d, dane.MX{Host: "MAIL." + name + "."})); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

// Whoever looks MX records up by functions that do not tell NXDOMAIN from a domain without them
// bounces mail to a mistyped domain all the same, by the same code as with LookupMX.
func TestNewDomainMissing(t *testing.T) {
	t.Parallel()
	insecure := danetest.Domain{Name: "unsigned.example", Zone: dnssectest.Zone{Unsigned: true, Records: "@ A 192.0.2.1"}}
	broken := danetest.Domain{Name: "broken.example", Zone: dnssectest.Zone{Records: "@ TXT here", Faults: map[string]dnssectest.Fault{"@ AAAA": dnssectest.ServFail}}}
	v := danetest.New(t, insecure, broken, danetest.Domain{Name: "empty.example", Zone: dnssectest.Zone{Records: "@ TXT here\nnothing.at TXT here"}}).Verifier()
	for _, tt := range []struct {
		name   string
		domain string
		status dnssec.Status
		want   string
	}{
		{"proven not to exist", "mistyped.empty.example", dnssec.Secure, "5.1.2"},
		{"the status of the MX lookup was not known", "mistyped.empty.example", dnssec.Insecure, "5.1.2"},
		{"said not to exist", "mistyped.unsigned.example", dnssec.Insecure, "5.1.2"},
		{"said not to exist, by who knows less than was known before", "mistyped.unsigned.example", dnssec.Secure, "4.4.4"},
		{"it exists, without addresses", "empty.example", dnssec.Secure, "4.4.4"},
		{"there are names below it only", "at.empty.example", dnssec.Secure, "4.4.4"},
		{"one of the lookups has failed", "broken.example", dnssec.Secure, "4.4.3"},
	} {
		d, err := dane.NewDomain(tt.domain, tt.status)
		if err != nil {
			t.Fatal(err)
		}
		h := v.LookupHost(t.Context(), d, d.MX[0])
		got := dane.Classify(h.Err)
		if got.Code != tt.want || got.Permanent != (tt.want[0] == '5') || got.Permanent != errors.Is(h.Err, dane.ErrNoDomain) || h.Classify(h.Err) != got || h.Action != dane.Skip {
			t.Errorf("%s: %v, %+v, want %s", tt.name, h.Err, got, tt.want)
		}
		d, err = dane.NewDomain("other.example", tt.status, dane.MX{Host: tt.domain})
		if err != nil {
			t.Fatal(err)
		}
		if h := v.LookupHost(t.Context(), d, d.MX[0]); dane.Classify(h.Err).Permanent {
			t.Errorf("%s, and it is the host of a domain that exists: %v", tt.name, h.Err)
		}
	}
}
