package dane_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// What the DNS may have is looked up, whether or not IDNA would have it. What cannot be
// looked up is temporary, unless there can be no such name.
func TestNamesThatIDNARefuses(t *testing.T) {
	t.Parallel()
	const temporary, permanent = "temporary", "permanent"
	long := strings.Repeat("a", 63)
	for _, tt := range []struct{ name, domain, want string }{
		{"an underscore", "bücher_.example", "xn--bcher_-3ya.example"},
		{"an underscore in another label", "_mail.bücher.example", "_mail.xn--bcher-kva.example"},
		{"a hyphen at the end", "bücher-.example", "xn--bcher--3ya.example"},
		{"a hyphen at the beginning", "-bücher.example", "xn---bcher-4ya.example"},
		{"hyphens where A-labels have them", "ab--ü.example", "xn--ab---3ra.example"},
		{"a zero width joiner", "a\u200dbü.example", "xn--ab-yka4292a.example"},
		{"a zero width non-joiner", "a\u200cbü.example", "xn--ab-yka0292a.example"},
		{"two directions (RFC 5893 §2)", "\u05d0a.example", "xn--a-zhc.example"},
		{"a mark at the beginning (RFC 5891 §4.2.3.2)", "\u0301a.example", "xn--a-wbb.example"},
		{"an A-label that is none, beside a U-label", "xn--a.bücher.example", "xn--a.xn--bcher-kva.example"},
		{"a symbol", "\u2603.example", "xn--n3h.example"},
		{"what IDNA takes, with its mapping", "BÜCHER。example.", "xn--bcher-kva.example"},
		{"the mapping of what IDNA refuses", "BÜCHER_。Example", "xn--bcher_-3ya.example"},
		{"a hyphen at the end, in ASCII", "books-.example", "books-.example"},
		{"a hyphen at the beginning, in ASCII", "-Books.example.", "-books.example"},
		{"an underscore, in ASCII", "_books.example", "_books.example"},
		{"an A-label that is none, in ASCII", "xn--a.example", "xn--a.example"},
		{"the longest label", long + ".bü.example", long + ".xn--b-eha.example"},

		{"a code point without meaning yet", "\u0378.example", temporary},
		{"a change of direction", "\u202eab.example", temporary},
		{"a replacement character", "\ufffd.example", temporary},
		{"octets that are no UTF-8", "b\xfc.example", temporary},
		{"a blank", "bü cher.example", temporary},
		{"a slash", "bü/x.example", temporary},
		{"a sign that is mapped to a slash", "\u2100.example", temporary},
		{"an A-label that cannot be read, beside a U-label", "xn--999999.bü.example", temporary},

		{"an A-label with another letter", "xn--ü-.example", temporary},
		{"the same in capitals, behind another dot", "a。XN--ü-.example", temporary},

		{"an empty label", "bü..example", permanent},
		{"an empty label at the end", "bü.example..", permanent},
		{"an empty label at the end, by another dot", "bü.example。.", permanent},
		{"an empty label by mapping", "\u00ad.example", permanent},
		{"a dot alone", "。", permanent},
		{"a label that becomes too long", strings.Repeat("ü", 63) + "é.example", permanent},
		{"a label that is too long", long + "a.bü.example", permanent},
		{"a name that is too long", strings.Repeat(long+".", 4) + "bü", permanent},
		{"a label that is too long, in ASCII", long + "a.example", permanent},
		{"a name that no mail address has", "books/x.example", permanent},
	} {
		resolver := parseScript("")
		_, err := (&dane.Verifier{Resolver: resolver}).LookupMX(t.Context(), tt.domain)
		if tt.want != temporary && tt.want != permanent {
			if !slices.Equal(resolver.asked, []string{tt.want + " MX"}) || errors.Is(err, dane.ErrName) {
				t.Errorf("%s: asked %q, %v", tt.name, resolver.asked, err)
			}
			continue
		}
		e, ok := errors.AsType[*dane.Error](err)
		if !ok || e.Permanent != (tt.want == permanent) || !errors.Is(err, dane.ErrName) || len(resolver.asked) > 0 {
			t.Errorf("%s: %v, want %s; asked %q", tt.name, err, tt.want, resolver.asked)
		}
		if code := (&dane.Host{}).Classify(err).Code; ok && e.Permanent != strings.HasPrefix(code, "5") {
			t.Errorf("%s: code %s, permanent is %v", tt.name, code, e.Permanent)
		}
	}
}

// A host that is spelled with a letter that only looks like one of ASCII is no host,
// even if its lower case is a letter of ASCII.
func TestHostsThatFoldToASCII(t *testing.T) {
	t.Parallel()
	v := &dane.Verifier{Resolver: parseScript("example.org MX secure 10 m\u212a.example.org.\nmk.example.org A secure 192.0.2.1")}
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	if h := v.LookupHost(t.Context(), d, d.MX[0]); h.Action != dane.Skip || !errors.Is(h.Err, dane.ErrName) {
		t.Errorf("%s: %s, %v", h.Name, h.Action, h.Err)
	}
}

// A destination's name, once it is there, stays as it is and is a name of the DNS.
func FuzzDestination(f *testing.F) {
	for _, domain := range []string{"Bücher_.example.", "\u2100.example", "[IPv6:2001:DB8::1]", "xn--a.\u00ad", "b\xfc", strings.Repeat("ü", 60)} {
		f.Add(domain)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		resolver := parseScript("")
		d, _ := (&dane.Verifier{Resolver: resolver}).LookupMX(t.Context(), domain)
		if d == nil {
			return
		}
		if strings.ContainsFunc(d.Name, unprintable) || len(d.Name) > 253 {
			t.Errorf("%q is %q", domain, d.Name)
		}
		if again, _ := (&dane.Verifier{Resolver: resolver}).LookupMX(t.Context(), d.Name); again == nil || again.Name != d.Name {
			t.Errorf("%q is %q, and that %+v", domain, d.Name, again)
		}
	})
}
