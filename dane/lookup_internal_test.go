package dane

import (
	"bytes"
	"cmp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/tlsa"
)

// What is written without miekg/dns is what it writes.
func TestRData(t *testing.T) {
	t.Parallel()
	for _, rdatas := range []string{
		"A 192.0.2.1", "AAAA 2001:db8::1", "AAAA ::ffff:192.0.2.1", "MX 0 .", "MX 65535 Mail_1.Example.", `MX 10 a\.b.example.`, `MX 10 \000\255.example.`,
		"TLSA 3 1 1 0123456789abcdef", "TLSA 255 0 10 AB", `TXT "a	b" "c"`, "SOA . . 1 2 3 4 5",
	} {
		for _, owner := range []string{"example.", `a\	b.example.`, "."} {
			rr, err := dns.NewRR(owner + " 300 IN " + rdatas)
			if err != nil {
				t.Fatal(rdatas, err)
			}
			if got, want := rdata(rr), strings.TrimPrefix(rr.String(), rr.Header().String()); got != want {
				t.Errorf("%s: %q, want %q", rdatas, got, want)
			}
		}
	}
	for _, rr := range []dns.RR{
		&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA}}, &dns.A{A: make([]byte, 16)}, &dns.A{A: []byte{1}}, &dns.MX{}, &dns.MX{Mx: "a..b"}, &dns.MX{Mx: ".a"}, &dns.TLSA{},
	} {
		if got, want := rdata(rr), strings.TrimPrefix(rr.String(), rr.Header().String()); got != want {
			t.Errorf("%#v: %q, want %q", rr, got, want)
		}
	}
}

// A name can exist if it has a wire form, however that is found out.
func TestCanExist(t *testing.T) {
	t.Parallel()
	label, escaped := strings.Repeat("a", 63), strings.Repeat(`\097`, 63)
	for _, base := range []string{
		"a", "a.example", "a..b", ".a", "a.", label, label + "a", label + ".b", escaped, escaped + "a", `a\.b`, `a\`, `a\\`, "a b", "\xff",
		strings.Join([]string{label, label, label, strings.Repeat("b", 52)}, "."), strings.Join([]string{label, label, label, strings.Repeat("b", 53)}, "."),
		strings.Join([]string{escaped, label, label, strings.Repeat("b", 52)}, "."), strings.Join([]string{escaped, label, label, strings.Repeat("b", 53)}, "."),
	} {
		name := tlsaOwner(25, base)
		_, err := dns.PackDomainName(dns.Fqdn(name), make([]byte, maxNameOctets), 0, nil, false)
		if got, want := canExist(name), err == nil; got != want {
			t.Errorf("%q: %v, want %v: %v", name, got, want, err)
		}
	}
}

// Records are compared as their RDATA is.
func TestByRData(t *testing.T) {
	t.Parallel()
	var records []tlsa.Record
	for _, usage := range []tlsa.Usage{0, 3, 255} {
		for _, selector := range []tlsa.Selector{0, 1} {
			for _, matching := range []tlsa.Matching{0, 200} {
				for _, data := range []string{"", "a", "ab", "b", "\xff"} {
					records = append(records, tlsa.Record{Usage: usage, Selector: selector, Matching: matching, Data: []byte(data)})
				}
			}
		}
	}
	for _, a := range records {
		for _, b := range records {
			if got, want := byRData(a, b), bytes.Compare(a.AppendRData(nil), b.AppendRData(nil)); cmp.Compare(got, 0) != want {
				t.Errorf("%v, %v: %d, want %d", a, b, got, want)
			}
		}
	}
}
