package dane_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// Reports are wanted by whoever has exactly one record that says where to (RFC 8460 §3).
func TestLookupTLSRPT(t *testing.T) {
	t.Parallel()
	const good = "v=TLSRPTv1; rua=mailto:tls@a.example"
	for name, tt := range map[string]struct{ zone, want string }{
		"one record":                    {`_smtp._tls TXT "` + good + `"`, good},
		"in several strings":            {`_smtp._tls TXT "v=TLSRPTv1; rua=mail" "to:tls@a.example"`, good},
		"beside a record of others":     {`_smtp._tls TXT "` + good + `"` + "\n" + `_smtp._tls TXT "v=spf1 -all"`, good},
		"with spaces and extensions":    {`_smtp._tls TXT "v=TLSRPTv1 ;x=1;  rua=https://a.example/tls ;"`, "v=TLSRPTv1 ;x=1;  rua=https://a.example/tls ;"},
		"by an alias":                   {"_smtp._tls CNAME elsewhere\n" + `elsewhere TXT "` + good + `"`, good},
		"no record":                     {"", ""},
		"two records":                   {`_smtp._tls TXT "` + good + `"` + "\n" + `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:b@a.example"`, ""},
		"two, one without rua":          {`_smtp._tls TXT "` + good + `"` + "\n" + `_smtp._tls TXT "v=TLSRPTv1; x=1"`, ""},
		"another version":               {`_smtp._tls TXT "v=TLSRPTv2; rua=mailto:tls@a.example"`, ""},
		"a longer version":              {`_smtp._tls TXT "v=TLSRPTv11; rua=mailto:tls@a.example"`, ""},
		"the version in another case":   {`_smtp._tls TXT "V=tlsrptv1; rua=mailto:tls@a.example"`, ""},
		"no rua":                        {`_smtp._tls TXT "v=TLSRPTv1;"`, ""},
		"an empty rua":                  {`_smtp._tls TXT "v=TLSRPTv1; rua="`, ""},
		"the version is all":            {`_smtp._tls TXT "v=TLSRPTv1"`, ""},
		"control characters":            {`_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@a.example\010d: b"`, ""},
		"octets that are not ASCII":     {`_smtp._tls TXT "v=TLSRPTv1; rua=mailto:\233@a.example"`, ""},
		"quotes, which would end JSON":  {`_smtp._tls TXT "v=TLSRPTv1; rua=mailto:\"@a.example"`, ""},
		"longer than any that is meant": {`_smtp._tls TXT "` + good + `"` + strings.Repeat(` ",`+strings.Repeat("x", 250)+`"`, 20), ""},
		"not at the domain itself":      {`@ TXT "` + good + `"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := danetest.New(t, danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: tt.zone}}).Verifier()
			got, err := v.LookupTLSRPT(t.Context(), "A.example.")
			if got != tt.want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// What cannot have a record is not asked for, and a lookup that fails says so.
func TestLookupTLSRPTFailures(t *testing.T) {
	t.Parallel()
	v := danetest.New(t).Verifier()
	for domain, want := range map[string]error{
		"[192.0.2.1]":                   nil,
		"none.such":                     nil,
		"":                              dane.ErrName,
		"a b\r\nd.test":                 dane.ErrName,
		strings.Repeat("a.", 126) + "b": nil, // with the prefix it is too long for the DNS
	} {
		if record, err := v.LookupTLSRPT(t.Context(), domain); record != "" || !errors.Is(err, want) {
			t.Errorf("%q: %q, %v, want %v", domain, record, err, want)
		}
	}
	if _, err := v.LookupTLSRPT(t.Context(), "bogus.example"); err == nil {
		t.Error("a bogus zone has answered")
	} else if e, ok := errors.AsType[*dnssec.Error](err); !ok || e.Type != dns.TypeTXT {
		t.Error(err)
	}
	var counters dane.Counters
	v.Resolver = silentResolver{}
	if _, err := v.LookupTLSRPT(dane.WithTrace(t.Context(), counters.Trace()), "good.example"); !errors.Is(err, dane.ErrLookup) {
		t.Error(err)
	}
	if counters.Lookups.Load() != 1 || counters.FailedLookups.Load() != 1 {
		t.Error("the lookup is not counted")
	}
}

// A silentResolver breaks the contract of dnssec.Answer.
type silentResolver struct{}

func (silentResolver) Lookup(context.Context, string, uint16) (*dnssec.Answer, error) {
	return nil, nil
}

func ExampleVerifier_LookupTLSRPT() {
	internet := danetest.NewInternet(danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{
		Records: `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@a.example"`,
	}})
	defer internet.Close()
	fmt.Println(internet.Verifier().LookupTLSRPT(context.Background(), "a.example"))
	// Output: v=TLSRPTv1; rua=mailto:tls@a.example <nil>
}

// A txtResolver has one TXT record for every name, of these strings.
type txtResolver []string

func (r txtResolver) Lookup(_ context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: qtype, Class: dns.ClassINET}, Txt: r}
	return &dnssec.Answer{Name: name, Type: qtype, Status: dnssec.Insecure, Records: []dns.RR{rr}}, nil
}

// Whatever a TXT record has in it, what comes of it is that or nothing, and fit for a line of text.
func FuzzLookupTLSRPT(f *testing.F) {
	for _, s := range []string{"v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1;rua=", "v=TLSRPTv1 ; x;rua=\t", ";;=;", "v=TLSRPTv1;\x00rua=a"} {
		f.Add(s, len(s)/2)
	}
	f.Fuzz(func(t *testing.T, record string, cut int) {
		cut = max(0, min(cut, len(record)))
		v := &dane.Verifier{Resolver: txtResolver{record[:cut], record[cut:]}}
		got, err := v.LookupTLSRPT(t.Context(), "a.example")
		if err != nil || got != "" && got != record {
			t.Errorf("%q of %q, %v", got, record, err)
		}
		if got != "" && (!strings.HasPrefix(got, "v=TLSRPTv1") || !strings.Contains(got, "rua=") || len(got) > 4096 || strings.ContainsAny(got, "\r\n\x00\\")) {
			t.Errorf("%q is taken for a TLSRPT record", got)
		}
	})
}
