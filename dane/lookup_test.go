package dane_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func TestLookupMX(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rfc    string
		domain string
		script string
		want   dane.Domain
		err    error // nil: none; ErrLookup: any temporary one
	}{
		{
			name: "hosts by preference, then by name", rfc: "RFC 5321 §5.1", domain: "Example.ORG.",
			script: "example.org MX secure 20 c.example.org.; 10 b.example.org.; 10 a.example.org.",
			want: dane.Domain{Name: "example.org", Expanded: "example.org", Status: dnssec.Secure,
				MX: []dane.MX{{10, "a.example.org"}, {10, "b.example.org"}, {20, "c.example.org"}}},
		},
		{
			name: "a host that is named twice is tried once", rfc: "RFC 5321 §5.1", domain: "example.org",
			script: "example.org MX secure 20 a.example.org.; 10 A.example.org.",
			want:   dane.Domain{Name: "example.org", Expanded: "example.org", Status: dnssec.Secure, MX: []dane.MX{{10, "a.example.org"}}},
		},
		{
			name: "insecure is no error", rfc: "RFC 7672 §2.1.1", domain: "example.org",
			script: "example.org MX insecure 10 a.example.org.",
			want:   dane.Domain{Name: "example.org", Expanded: "example.org", Status: dnssec.Insecure, MX: []dane.MX{{10, "a.example.org"}}},
		},
		{
			name: "without MX record the domain is its host", rfc: "RFC 5321 §5.1", domain: "example.org",
			want: dane.Domain{Name: "example.org", Expanded: "example.org", Status: dnssec.Secure, Implicit: true, MX: []dane.MX{{0, "example.org"}}},
		},
		{
			name: "the denial of MX records may be insecure", rfc: "RFC 7672 §2.1.1", domain: "example.org",
			script: "example.org MX insecure",
			want:   dane.Domain{Name: "example.org", Expanded: "example.org", Status: dnssec.Insecure, Implicit: true, MX: []dane.MX{{0, "example.org"}}},
		},
		{
			name: "an alias is followed", rfc: "RFC 7672 §2.2.1", domain: "example.org",
			script: "example.org MX secure ->example.net; 10 mx.example.net.",
			want:   dane.Domain{Name: "example.org", Expanded: "example.net", Status: dnssec.Secure, MX: []dane.MX{{10, "mx.example.net"}}},
		},
		{
			name: "an international name", rfc: "RFC 6531 §3.7.1", domain: "Bücher.example",
			script: "xn--bcher-kva.example MX secure 10 mx.example.net.",
			want:   dane.Domain{Name: "xn--bcher-kva.example", Expanded: "xn--bcher-kva.example", Status: dnssec.Secure, MX: []dane.MX{{10, "mx.example.net"}}},
		},
		{name: "a bogus MX lookup, no fallback to the address", rfc: "RFC 7672 §2.1.2", domain: "example.org", script: "example.org MX bogus", err: dane.ErrLookup},
		{name: "SERVFAIL", rfc: "RFC 7672 §2.1.1", domain: "example.org", script: "example.org MX servfail", err: dane.ErrLookup},
		{name: "a resolver without answer or error", rfc: "RFC 7672 §2.1.1", domain: "example.org", script: "example.org MX nil", err: dane.ErrLookup},
		{name: "an answer without status", rfc: "RFC 7672 §2.1.1", domain: "example.org", script: "example.org MX zero", err: dane.ErrLookup},
		{name: "null MX, twice", rfc: "RFC 7505 §3", domain: "example.org", script: "example.org MX secure 0 .; 10 .", err: dane.ErrNullMX},
		{name: "null MX", rfc: "RFC 7505 §3", domain: "example.org", script: "example.org MX secure 0 .", err: dane.ErrNullMX},
		{name: "no such domain", rfc: "RFC 7672 §2.1.1", domain: "example.org", script: "example.org MX nxdomain", err: dane.ErrNoDomain},
		{name: "no such domain, unsigned", rfc: "RFC 7672 §2.1.1", domain: "example.org", script: "example.org MX nxdomain-insecure", err: dane.ErrNoDomain},
		{name: "no name", rfc: "RFC 5321 §2.3.5", domain: "", err: dane.ErrName},
		{name: "a name with a blank", rfc: "RFC 5321 §2.3.5", domain: "exa mple.org", err: dane.ErrName},
		{name: "an address", rfc: "RFC 5321 §2.3.5", domain: "192.0.2.1", err: dane.ErrName},
		{name: "an empty label", rfc: "RFC 5321 §2.3.5", domain: "example..org", err: dane.ErrName},
		{name: "a control character", rfc: "RFC 5321 §2.3.5", domain: "example\n.org", err: dane.ErrName},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resolver := parseScript(tt.script)
			got, err := (&dane.Verifier{Resolver: resolver}).LookupMX(t.Context(), tt.domain)
			if tt.err != nil {
				e, ok := errors.AsType[*dane.Error](err)
				if !ok || e.Permanent != (tt.err != dane.ErrLookup) {
					t.Fatalf("%s: error %v", tt.rfc, err)
				}
				if tt.err != dane.ErrLookup && !errors.Is(err, tt.err) {
					t.Errorf("%s: error %v, want %v", tt.rfc, err, tt.err)
				}
				if got != nil && len(got.MX) > 0 {
					t.Errorf("%s: hosts %v with an error", tt.rfc, got.MX)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got.Lookup = dane.Lookup{}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.rfc, diff)
			}
		})
	}
}

// The plan for the host mx.example.org of example.org, unless the script has
// other MX records.
func TestLookupHost(t *testing.T) {
	t.Parallel()
	const tlsa = " TLSA secure 3 1 1 " + digest
	for _, tt := range []struct {
		name      string
		rfc       string
		script    string
		mandatory bool
		action    dane.Action
		base      string   // default: the host
		names     []string // default: the base only, or with a secure MX also the domain
		records   int
		err       error    // with Skip; ErrLookup: any temporary one
		asked     []string // TLSA and CNAME questions
	}{
		{
			name: "secure records must match", rfc: "RFC 7672 §2.2",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "no record", rfc: "RFC 7672 §2.2",
			script: "mx.example.org A secure 192.0.2.1",
			action: dane.MayEncrypt, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "insecure records are none", rfc: "RFC 7672 §2.2",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA insecure 3 1 1 " + digest,
			action: dane.MayEncrypt, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "only unusable records", rfc: "RFC 7672 §2.2",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure 0 0 1 " + digest + "; 3 1 1 abcd; 255 0 1 " + digest,
			action: dane.MustEncrypt, records: 3, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "one usable record among others", rfc: "RFC 7672 §3.1.3",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure 0 0 1 " + digest + "; 2 0 1 " + digest,
			action: dane.MustAuthenticate, records: 2, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "a failed TLSA lookup", rfc: "RFC 7672 §2.1.2",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA servfail",
			action: dane.Skip, err: dane.ErrLookup, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "a bogus TLSA lookup", rfc: "RFC 7672 §2.1.2",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA bogus",
			action: dane.Skip, err: dane.ErrLookup, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "insecure addresses, no TLSA lookup", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A insecure 192.0.2.1\nmx.example.org AAAA insecure\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MayEncrypt,
		},
		{
			name: "no address, no TLSA lookup", rfc: "RFC 7672 §2.2.2",
			script: "_25._tcp.mx.example.org" + tlsa,
			action: dane.Skip, err: dane.ErrNoAddress,
		},
		{
			name: "failed address lookups", rfc: "RFC 7672 §2.1.2",
			script: "mx.example.org A bogus\nmx.example.org AAAA servfail\n_25._tcp.mx.example.org" + tlsa,
			action: dane.Skip, err: dane.ErrLookup,
		},
		{
			name: "no IPv4 address, and IPv6 fails", rfc: "RFC 7672 §2.1.2",
			script: "mx.example.org AAAA servfail",
			action: dane.Skip, err: dane.ErrLookup,
		},
		{
			name: "IPv6 fails, IPv4 is secure", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A secure 192.0.2.1\nmx.example.org AAAA bogus\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "IPv6 is secure, IPv4 is not", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A insecure 192.0.2.1\nmx.example.org AAAA secure 2001:db8::1\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "a secure alias: the expanded name first", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A secure ->mx.example.net; 192.0.2.1\n_25._tcp.mx.example.net" + tlsa,
			action: dane.MustAuthenticate, records: 1, base: "mx.example.net", names: []string{"mx.example.net", "example.org"},
			asked: []string{"_25._tcp.mx.example.net TLSA"},
		},
		{
			name: "a secure alias: then the original name, and none between", rfc: "RFC 7672 §2.2.3",
			script: "mx.example.org A secure ->a.example.net; ->mx.example.net; 192.0.2.1\n_25._tcp.mx.example.org" + tlsa + "\n_25._tcp.a.example.net" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.net TLSA", "_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "a secure alias: an error at the expanded name ends it", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A secure ->mx.example.net; 192.0.2.1\n_25._tcp.mx.example.net TLSA servfail\n_25._tcp.mx.example.org" + tlsa,
			action: dane.Skip, err: dane.ErrLookup, asked: []string{"_25._tcp.mx.example.net TLSA"},
		},
		{
			name: "a secure alias: unusable records at the expanded name end it", rfc: "RFC 7672 §2.2.3",
			script: "mx.example.org A secure ->mx.example.net; 192.0.2.1\n_25._tcp.mx.example.net TLSA secure 1 0 1 " + digest + "\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustEncrypt, records: 1, base: "mx.example.net", names: []string{"mx.example.net", "example.org"},
			asked: []string{"_25._tcp.mx.example.net TLSA"},
		},
		{
			name: "a secure alias: insecure records at the expanded name do not", rfc: "RFC 7672 §2.2.3",
			script: "mx.example.org A secure ->mx.example.net; 192.0.2.1\n_25._tcp.mx.example.net TLSA insecure 3 1 1 " + digest2 + "\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.net TLSA", "_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "a secure alias to an insecure address: the original name only", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A insecure ->mx.example.net; 192.0.2.1\n_25._tcp.mx.example.net" + tlsa + "\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "an insecure alias", rfc: "RFC 7672 §2.2.2",
			script: "mx.example.org A insecure ->mx.example.net insecure; 192.0.2.1\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MayEncrypt,
		},
		{
			name: "an alias of unknown status is asked for", rfc: "RFC 7672 §2.1.3",
			script: "mx.example.org A insecure ->mx.example.net unknown; 192.0.2.1\nmx.example.org CNAME secure mx.example.net.\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, asked: []string{"mx.example.org CNAME", "_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "an alias of unknown status that turns out to be insecure", rfc: "RFC 7672 §2.1.3",
			script: "mx.example.org A insecure ->mx.example.net unknown; 192.0.2.1\nmx.example.org CNAME insecure mx.example.net.",
			action: dane.MayEncrypt, asked: []string{"mx.example.org CNAME"},
		},
		{
			name: "an alias of unknown status that cannot be looked up", rfc: "RFC 7672 §2.1.3",
			script: "mx.example.org A insecure ->mx.example.net unknown; 192.0.2.1\nmx.example.org CNAME servfail",
			action: dane.Skip, err: dane.ErrLookup, asked: []string{"mx.example.org CNAME"},
		},
		{
			name: "an alias at the TLSA name leaves the base domain", rfc: "RFC 7672 §2.2.3",
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure ->tlsa.example.net; 3 1 1 " + digest,
			action: dane.MustAuthenticate, records: 1, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "an insecure MX lookup", rfc: "RFC 7672 §2.2.1",
			script: "example.org MX insecure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MayEncrypt, names: []string{"mx.example.org"},
		},
		{
			name: "an insecure MX lookup, and DANE is mandatory", rfc: "RFC 7672 §6", mandatory: true,
			script: "example.org MX insecure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1",
			action: dane.Skip, err: dane.ErrNotDANE,
		},
		{
			name: "no record, and DANE is mandatory", rfc: "RFC 7672 §6", mandatory: true,
			script: "mx.example.org A secure 192.0.2.1",
			action: dane.Skip, err: dane.ErrNotDANE, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "unusable records, and DANE is mandatory", rfc: "RFC 7672 §6", mandatory: true,
			script: "mx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure 1 0 1 " + digest,
			action: dane.Skip, err: dane.ErrNotDANE, asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "an alias of the domain is a name, too", rfc: "RFC 7672 §3.2.2",
			script: "example.org MX secure ->example.net; 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org" + tlsa,
			action: dane.MustAuthenticate, records: 1, names: []string{"mx.example.org", "example.org", "example.net"},
			asked: []string{"_25._tcp.mx.example.org TLSA"},
		},
		{
			name: "an MX that is an address", rfc: "RFC 7672 §2.2",
			script: "example.org MX secure 10 192.0.2.1.",
			action: dane.Skip, err: dane.ErrName,
		},
		{
			name: "an address of this machine", rfc: "RFC 5321 §5.1",
			script: "mx.example.org A secure 127.0.0.1; 169.254.1.1; 0.0.0.0; 224.0.0.1\nmx.example.org AAAA secure ::1; fe80::1; ::ffff:127.0.0.1; ::",
			action: dane.Skip, err: dane.ErrRefusedAddress,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resolver := parseScript("example.org MX secure 10 mx.example.org.\n" + tt.script)
			v := &dane.Verifier{Resolver: resolver, Mandatory: tt.mandatory}
			d, err := v.LookupMX(t.Context(), "example.org")
			if err != nil {
				t.Fatal(err)
			}
			h := v.LookupHost(t.Context(), d, d.MX[0])
			if h.Action != tt.action {
				t.Errorf("%s: action %s (%v), want %s", tt.rfc, h.Action, h.Err, tt.action)
			}
			if len(h.Records) != tt.records && tt.action != dane.Skip {
				t.Errorf("%s: records %v", tt.rfc, h.Records)
			}
			var asked []string
			for _, question := range resolver.asked {
				if !strings.HasSuffix(question, " MX") && !strings.HasSuffix(question, " A") && !strings.HasSuffix(question, " AAAA") {
					asked = append(asked, question)
				}
			}
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Errorf("%s: questions (-want +got):\n%s", tt.rfc, diff)
			}
			if h.MayCleartext() != (tt.action == dane.MayEncrypt) {
				t.Errorf("%s: MayCleartext is %v", tt.rfc, h.MayCleartext())
			}
			if tt.action == dane.Skip {
				e, ok := errors.AsType[*dane.Error](h.Err)
				if !ok || e.Permanent || e.Host != h.Name || len(h.Addrs) > 0 {
					t.Errorf("%s: error %v, addresses %v", tt.rfc, h.Err, h.Addrs)
				}
				if tt.err != dane.ErrLookup && !errors.Is(h.Err, tt.err) {
					t.Errorf("%s: error %v, want %v", tt.rfc, h.Err, tt.err)
				}
				return
			}
			base, names := tt.base, tt.names
			if base == "" {
				base = "mx.example.org"
			}
			if names == nil {
				names = []string{base, "example.org"}
			}
			if h.Base != base || !slices.Equal(h.Names, names) {
				t.Errorf("%s: base %s, names %v; want %s, %v", tt.rfc, h.Base, h.Names, base, names)
			}
			if h.Err != nil || len(h.Addrs) == 0 {
				t.Errorf("%s: error %v, addresses %v", tt.rfc, h.Err, h.Addrs)
			}
		})
	}
}

// RFC 7672 §2.2.2: a destination without MX record.
func TestImplicitMX(t *testing.T) {
	t.Parallel()
	resolver := parseScript("example.org A secure ->example.net; 192.0.2.1\n_25._tcp.example.net TLSA secure 2 0 1 " + digest)
	v := &dane.Verifier{Resolver: resolver}
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	if want := []string{"example.net", "example.org"}; h.Action != dane.MustAuthenticate || h.Base != "example.net" || !slices.Equal(h.Names, want) {
		t.Errorf("%s, base %s, names %v", h.Action, h.Base, h.Names)
	}
}

// The names of the example in RFC 7672 §3.2.2.
func TestReferenceNamesOfTheRFC(t *testing.T) {
	t.Parallel()
	resolver := parseScript(`exchange.example.org MX secure ->example.com; 10 mx10.example.com.; 15 mx15.example.com.; 20 mx20.example.com.
		mx10.example.com A secure 192.0.2.10
		_25._tcp.mx10.example.com TLSA secure 2 0 1 ` + digest)
	v := &dane.Verifier{Resolver: resolver}
	d, err := v.LookupMX(t.Context(), "exchange.example.org")
	if err != nil || len(d.MX) != 3 {
		t.Fatal(d, err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	if want := []string{"mx10.example.com", "exchange.example.org", "example.com"}; !slices.Equal(h.Names, want) {
		t.Errorf("names %v, want %v", h.Names, want)
	}
}

// RFC 7672 §2.2.3: the port is part of the TLSA name.
func TestPort(t *testing.T) {
	t.Parallel()
	resolver := parseScript("example.org MX secure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n_2525._tcp.mx.example.org TLSA secure 3 1 1 " + digest)
	v := &dane.Verifier{Resolver: resolver, Port: 2525}
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	if h := v.LookupHost(t.Context(), d, d.MX[0]); h.Action != dane.MustAuthenticate || h.Port != 2525 {
		t.Errorf("%s at port %d", h.Action, h.Port)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var mx, a, records []string
	for i := range 40 {
		mx = append(mx, "10 mx"+string(rune('a'+i%26))+strings.Repeat("x", i/26)+".example.org.")
		a = append(a, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String())
		records = append(records, "0 0 1 "+digest)
	}
	records = append(records, "3 1 1 "+digest)
	resolver := parseScript("example.org MX secure " + strings.Join(mx, ";") + "\nmxa.example.org A secure " + strings.Join(a, ";") +
		"\n_25._tcp.mxa.example.org TLSA secure " + strings.Join(records, ";"))
	v := &dane.Verifier{Resolver: resolver}
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil || len(d.MX) != 16 || d.Omitted != 24 {
		t.Fatalf("%d hosts, %d omitted, %v", len(d.MX), d.Omitted, err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	if h.Action != dane.MustAuthenticate || len(h.Addrs) != 8 || len(h.Records) != 41 || h.Omitted != 32 {
		t.Errorf("%s, %d addresses, %d records, %d omitted", h.Action, len(h.Addrs), len(h.Records), h.Omitted)
	}
}

func TestZeroValuesAreSafe(t *testing.T) {
	t.Parallel()
	var h dane.Host
	if h.Action != dane.Skip || h.MayCleartext() {
		t.Error("the zero Host permits delivery")
	}
	if (&dane.Result{}).Outcome != dane.OutcomeFailure {
		t.Error("the zero Result is no failure")
	}
}

// A host that is skipped, and the zero Host, refuse every handshake and say so.
func TestSkippedHostsRefuseHandshakes(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	for label, h := range map[string]*dane.Host{"zero": {}, "skipped": {Base: smtptest.DefaultName}} {
		for _, base := range []*tls.Config{nil, server.ClientTLS()} {
			_, err := (&smtpprobe.Prober{Dial: server.Dial}).Probe(t.Context(), "192.0.2.1:25", h.TLSConfig(base))
			if !errors.Is(err, dane.ErrSkipped) {
				t.Errorf("%s: %v", label, err)
			}
		}
	}
}

// A fake resolver may leave the name of its answers out.
func TestAnswerWithoutName(t *testing.T) {
	t.Parallel()
	v := &dane.Verifier{Resolver: nameless{parseScript("example.org MX secure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure 3 1 1 " + digest)}}
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil || d.Expanded != "example.org" {
		t.Fatalf("%+v, %v", d, err)
	}
	if h := v.LookupHost(t.Context(), d, d.MX[0]); !slices.Equal(h.Names, []string{"mx.example.org", "example.org"}) {
		t.Errorf("names %q", h.Names)
	}
}

type nameless struct{ *script }

func (n nameless) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	answer, err := n.script.Lookup(ctx, name, qtype)
	answer.Name = ""
	return answer, err
}
