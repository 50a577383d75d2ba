package dane_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// tls12 makes the lines of a server predictable.
func tls12(s *smtptest.Server) {
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}
}

// transcripts are golden: what mail administrators know from their gateways, line
// by line, and what is not in there in the same manner.
var transcripts = []struct {
	name    string
	domain  danetest.Domain
	outcome dane.Outcome
	change  func(*dane.Verifier)
	want    string
}{
	{
		name:    "success",
		domain:  danetest.Domain{Name: "ietf.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: tls12}}},
		outcome: dane.OutcomeSuccess,
		want: `
SECURE MX record(mail.ietf.example) found for ietf.example
SECURE A record (192.0.2.1) found for MX(mail.ietf.example) in ietf.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(mail.ietf.example) in ietf.example
Checking TLS connection.
TLS connection established: protocol TLSv1.2, cipher ECDHE-ECDSA-AES256-GCM-SHA384.
Certificate verification successful
TLS connection succeeded ietf.example.
DANE SUCCESS for ietf.example
DANE verification completed.
`,
	},
	{
		name: "the data is broken",
		domain: danetest.Domain{Name: "ietf.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.BadSignature}}},
		want: `
BOGUS MX record found for ietf.example
DANE FAILED for ietf.example
DANE verification completed.
`,
	},
	{
		name: "the domain has not deployed DANE",
		domain: danetest.Domain{Name: "cisco.example", Zone: dnssectest.Zone{Unsigned: true},
			Hosts: []danetest.Host{{Name: "alln-mx-01"}, {Name: "rcdn-mx-01"}, {Name: "aer-mx-01"}}},
		outcome: dane.OutcomeNone,
		want: `
INSECURE MX record(alln-mx-01.cisco.example) found for cisco.example
INSECURE MX record(alln-mx-01.cisco.example) found. The command will still proceed.
INSECURE A record (192.0.2.1) found for MX(alln-mx-01.cisco.example) in cisco.example
Trying next MX record in cisco.example
INSECURE MX record(rcdn-mx-01.cisco.example) found for cisco.example
INSECURE MX record(rcdn-mx-01.cisco.example) found. The command will still proceed.
INSECURE A record (192.0.2.2) found for MX(rcdn-mx-01.cisco.example) in cisco.example
Trying next MX record in cisco.example
INSECURE MX record(aer-mx-01.cisco.example) found for cisco.example
INSECURE MX record(aer-mx-01.cisco.example) found. The command will still proceed.
INSECURE A record (192.0.2.3) found for MX(aer-mx-01.cisco.example) in cisco.example
DANE FAILED for cisco.example
DANE verification completed.
`,
	},
	{
		name: "one MX with two addresses",
		domain: danetest.Domain{Name: "thinkbeyond.example", Hosts: []danetest.Host{{Name: "m"}},
			Zone: dnssectest.Zone{Unsigned: true, Records: "m A 192.0.2.36"}},
		outcome: dane.OutcomeNone,
		want: `
INSECURE MX record(m.thinkbeyond.example) found for thinkbeyond.example
INSECURE MX record(m.thinkbeyond.example) found. The command will still proceed.
INSECURE A record (192.0.2.1) found for MX(m.thinkbeyond.example) in thinkbeyond.example
Trying next A record (192.0.2.36) for MX(m.thinkbeyond.example) in thinkbeyond.example
INSECURE A record (192.0.2.36) found for MX(m.thinkbeyond.example) in thinkbeyond.example
DANE FAILED for thinkbeyond.example
DANE verification completed.
`,
	},
	{
		name: "the first host has another key",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{
			{Name: "one", TLSA: []string{"3 1 1 " + digest}, Server: tls12}, {Name: "two", TLSA: []string{"3 1 1"}, Server: tls12}}},
		outcome: dane.OutcomeSuccess,
		want: `
SECURE MX record(one.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(one.a.example) in a.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(one.a.example) in a.example
Checking TLS connection.
TLS handshake not completed: protocol TLSv1.2, cipher ECDHE-ECDSA-AES256-GCM-SHA384.
Certificate verification failed: CAUSE
TLS connection failed a.example.
Trying next MX record in a.example
SECURE MX record(two.a.example) found for a.example
SECURE A record (192.0.2.2) found for MX(two.a.example) in a.example
Connecting to 192.0.2.2 on port 25.
Connected to 192.0.2.2 from interface 127.0.0.1.
SECURE TLSA record found for MX(two.a.example) in a.example
Checking TLS connection.
TLS connection established: protocol TLSv1.2, cipher ECDHE-ECDSA-AES256-GCM-SHA384.
Certificate verification successful
TLS connection succeeded a.example.
DANE SUCCESS for a.example
DANE verification completed.
`,
	},
	{
		name: "only unusable records",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"0 0 1"}, Server: tls12,
			Certificate: tlsatest.Leaf{Names: []string{"other.example"}}}}},
		outcome: dane.OutcomeNone,
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(mail.a.example) in a.example
No usable TLSA record found for MX(mail.a.example) in a.example. The certificate will not be verified.
Checking TLS connection.
TLS connection established: protocol TLSv1.2, cipher ECDHE-ECDSA-AES256-GCM-SHA384.
TLS connection succeeded a.example.
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name: "no STARTTLS",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"},
			Server: func(s *smtptest.Server) { s.NoStartTLS = true }}}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(mail.a.example) in a.example
Checking TLS connection.
TLS connection failed a.example: CAUSE
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name: "the server refuses EHLO over TLS",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"},
			Server: func(s *smtptest.Server) {
				tls12(s)
				s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtHelloTLS: smtptest.Permanent}
			}}}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(mail.a.example) in a.example
Checking TLS connection.
TLS connection established: protocol TLSv1.2, cipher ECDHE-ECDSA-AES256-GCM-SHA384.
Certificate verification successful
TLS connection failed a.example: CAUSE
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name: "the server closes the connection",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"},
			Server: func(s *smtptest.Server) {
				s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtGreeting: smtptest.Close}
			}}}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(mail.a.example) in a.example
Connection to 192.0.2.1 failed: CAUSE
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:   "nobody at the address",
		domain: danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail A 192.0.2.99\n_25._tcp.mail TLSA 3 1 1 " + digest}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.99) found for MX(mail.a.example) in a.example
Connecting to 192.0.2.99 on port 25.
SECURE TLSA record found for MX(mail.a.example) in a.example
Connection to 192.0.2.99 failed: CAUSE
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:    "no TLSA record",
		domain:  danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}}},
		outcome: dane.OutcomeNone,
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
No TLSA record found for MX(mail.a.example) in a.example
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name: "a bogus TLSA record: no connection",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.BadSignature}}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
BOGUS TLSA record found for MX(mail.a.example) in a.example
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name: "a TLSA lookup that fails: no connection",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.ServFail}}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
INDETERMINATE TLSA record for MX(mail.a.example) in a.example: server answered SERVFAIL
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name: "bogus addresses",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"mail A": dnssectest.Expired}}},
		want: `
SECURE MX record(mail.a.example) found for a.example
BOGUS A record found for MX(mail.a.example) in a.example
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:   "null MX",
		domain: danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 0 ."}},
		want: `
SECURE null MX record found for a.example. The domain does not accept mail.
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:    "no MX record",
		domain:  danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ A 192.0.2.9"}},
		outcome: dane.OutcomeNone,
		want: `
SECURE denial of MX records for a.example. The domain itself is the host.
SECURE A record (192.0.2.9) found for MX(a.example) in a.example
No TLSA record found for MX(a.example) in a.example
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:   "an address of this machine",
		domain: danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail A 127.0.0.1\n_25._tcp.mail TLSA 3 1 1 " + digest}},
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (127.0.0.1) found for MX(mail.a.example) in a.example
Not connecting to 127.0.0.1: address is not one to connect to.
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:   "mandatory, and the domain has no record",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}}},
		change: func(v *dane.Verifier) { v.Mandatory = true },
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
No TLSA record found for MX(mail.a.example) in a.example
Not delivering to MX(mail.a.example) in a.example: DANE is mandatory, and the destination does not have it.
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:   "mandatory, and only unusable records",
		domain: danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"0 0 1"}}}},
		change: func(v *dane.Verifier) { v.Mandatory = true },
		want: `
SECURE MX record(mail.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(mail.a.example) in a.example
SECURE TLSA record found for MX(mail.a.example) in a.example
No usable TLSA record found for MX(mail.a.example) in a.example.
Not delivering to MX(mail.a.example) in a.example: DANE is mandatory, and the destination does not have it.
DANE FAILED for a.example
DANE verification completed.
`,
	},
	{
		name:   "MX records that name no host",
		domain: danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 0 .\n@ MX 10 192.0.2.1."}},
		want: `
SECURE MX record(.) found for a.example
No lookup for MX(.) in a.example: not a host name: "."
Trying next MX record in a.example
SECURE MX record(192.0.2.1.) found for a.example
No lookup for MX(192.0.2.1.) in a.example: not a host name: "192.0.2.1." is an address
DANE FAILED for a.example
DANE verification completed.
`,
	},
}

// causes are the ends of lines that come from Go's libraries and may change.
func causes(transcript string) string {
	var b strings.Builder
	for line := range strings.Lines(transcript) {
		for _, prefix := range []string{"Certificate verification failed: ", "TLS connection failed a.example: ", "Connection to 192.0.2.1 failed: ", "Connection to 192.0.2.99 failed: "} {
			if rest, ok := strings.CutPrefix(line, prefix); ok && len(rest) > 10 {
				line = prefix + "CAUSE\n"
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, tt := range transcripts {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, tt.domain)
			v := internet.Verifier()
			if tt.change != nil {
				tt.change(v)
			}
			result, err := checker(v).Verify(t.Context(), tt.domain.Name)
			if err != nil {
				t.Fatal(err)
			}
			if result.Outcome != tt.outcome {
				t.Errorf("outcome %s (%v), want %s", result.Outcome, result.Err, tt.outcome)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), causes(result.String())); diff != "" {
				t.Errorf("transcript (-want +got):\n%s", diff)
			}
		})
	}
}

// Without a capable DNS server there is no verdict about the domain.
func TestNoVerdictWithoutResolver(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	dead := &dnssec.Resolver{Exchanger: deadExchanger{}, Anchors: internet.DNS.Anchors()}
	v := &dane.Verifier{Resolver: dead}
	result, err := checker(v).Verify(t.Context(), "good.example")
	if err == nil || !result.Unresolved || result.Outcome != dane.OutcomeFailure || result.Permanent() {
		t.Fatalf("%+v, %v", result, err)
	}
	if diff := cmp.Diff("INDETERMINATE MX record for good.example: no answer: cable cut\n", result.String()); diff != "" {
		t.Error(diff)
	}
}

// A lookup that gets no answer, by servers that are alive, is the domain's failure.
func TestSilentDomainIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Silent}}})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		v := internet.Verifier()
		// The resolver has spoken before.
		if _, err := checker(v).Verify(t.Context(), "mail.a.example"); err != nil {
			t.Fatal(err)
		}
		v.Resolver = patient{v.Resolver, 50 * time.Millisecond}
		result, err := checker(v).Verify(ctx, "a.example")
		if err != nil || result.Unresolved || result.Outcome != dane.OutcomeFailure {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// patient gives each lookup its own time.
type patient struct {
	dane.Resolver
	time.Duration
}

func (p patient) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Duration)
	defer cancel()
	return p.Resolver.Lookup(ctx, name, qtype)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for domain, want := range map[string]map[string]any{
		"good.example":       {"outcome": "success"},
		"unsigned.example":   {"outcome": "none"},
		"mismatch.example":   {"outcome": "failure", "code": "4.7.5", "failure": "certificate-not-trusted"},
		"expired.example":    {"outcome": "failure", "code": "4.7.5", "failure": "certificate-expired"},
		"nostarttls.example": {"outcome": "failure", "code": "4.7.4", "failure": "starttls-not-supported"},
		"bogus.example":      {"outcome": "failure", "code": "4.7.5", "failure": "dnssec-invalid"},
		"nullmx.example":     {"outcome": "failure", "code": "5.1.10", "permanent": true},
		"none.such.example":  {"outcome": "failure", "code": "5.1.2", "permanent": true},
		"exa mple":           {"outcome": "failure", "code": "5.1.2", "permanent": true},
	} {
		result, _ := internet.Checker().Verify(t.Context(), domain)
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		want["domain"], want["version"] = domain, 1.0
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s: %s is %v, want %v", domain, key, got[key], value)
			}
		}
		lookups, ok := got["lookups"].([]any)
		if !ok || len(lookups) == 0 != (domain == "exa mple") {
			t.Errorf("%s: lookups %v", domain, got["lookups"])
		}
		for _, l := range lookups {
			lookup := l.(map[string]any)
			_, reason := lookup["reason"]
			_, ede := lookup["ede"]
			if secure := lookup["status"] == "secure"; secure == reason || secure == ede || lookup["name"] == "" || lookup["type"] == "" {
				t.Errorf("%s: lookup %v", domain, lookup)
			}
		}
	}
}

// A server that hangs costs the time that there is, and no more.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"},
			Server: func(s *smtptest.Server) {
				s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtHello: smtptest.Hang}
			}}}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		result, err := internet.Checker().Verify(ctx, "a.example")
		if err != nil || result.Outcome != dane.OutcomeFailure || time.Since(start) != 10*time.Second {
			t.Fatalf("%+v, %v, %s", result, err, time.Since(start))
		}
		if failure := result.Failure(); failure.Code != "4.4.2" || failure.Permanent {
			t.Errorf("failure %+v", failure)
		}
	})
}

// An answer may name many servers that fail: each host gets its chance, and none
// more than a few.
func TestProbesAreBounded(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	for _, host := range []string{"m1", "m2", "m3", "m4"} {
		records.WriteString("@ MX 10 " + host + "\n_25._tcp." + host + " TLSA 3 1 1 " + digest + "\n")
		for _, n := range "12345678" {
			records.WriteString(host + " A 198.51.100." + string(n) + "\n")
		}
	}
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: records.String()}})
	v, dials := internet.Verifier(), atomic.Int32{}
	v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return nil, net.ErrClosed
	}
	result, err := checker(v).Verify(t.Context(), "a.example")
	if err != nil || result.Outcome != dane.OutcomeFailure || dials.Load() != 4*4 || result.Hosts[3].Omitted != 4 {
		t.Errorf("%s, %v, %d connections", result.Outcome, err, dials.Load())
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	v.Allow = func(addr netip.Addr) bool { return addr != netip.MustParseAddr("192.0.2.1") }
	result, err := checker(v).Verify(t.Context(), "good.example")
	if err != nil || result.Outcome != dane.OutcomeFailure || !result.Hosts[0].Addresses[0].Refused || len(result.Hosts[0].Attempts) > 0 {
		t.Errorf("%v, %v", result, err)
	}
	if result.Lookups()[0].Type != dns.TypeMX {
		t.Errorf("lookups %v", result.Lookups())
	}
}

// Allow can refuse more, and never less; what is refused is judged by what it leads to.
func TestAllowOnlyNarrows(t *testing.T) {
	t.Parallel()
	everything := func(netip.Addr) bool { return true }
	onlyIPv4 := func(addr netip.Addr) bool { return addr.Is4() }
	for _, tt := range []struct {
		name     string
		verifier dane.Verifier
		address  string
		allowed  bool
	}{
		{"loopback", dane.Verifier{}, "A secure 127.0.0.1", false},
		{"loopback, for a caller that allows all it is asked", dane.Verifier{Allow: everything}, "A secure 127.0.0.1", false},
		{"loopback, for a caller that wants IPv4", dane.Verifier{Allow: onlyIPv4}, "A secure 127.0.0.1", false},
		{"loopback behind NAT64", dane.Verifier{Allow: everything}, "AAAA secure 64:ff9b::7f00:1", false},
		{"loopback by 6to4", dane.Verifier{}, "AAAA secure 2002:7f00:1::", false},
		{"an address of a private Internet", dane.Verifier{AllowAll: true}, "A secure 127.0.0.1", true},
		{"an address of a private Internet that the caller refuses", dane.Verifier{AllowAll: true, Allow: onlyIPv4}, "AAAA secure ::1", false},
		{"a private address", dane.Verifier{}, "A secure 10.0.0.25", true},
		{"a public address", dane.Verifier{Allow: onlyIPv4}, "A secure 192.0.2.1", true},
		{"a public address that the caller refuses", dane.Verifier{Allow: onlyIPv4}, "AAAA secure 2001:db8::1", false},
	} {
		tt.verifier.Resolver = parseScript("example.org MX secure 10 mx.example.org.\nmx.example.org " + tt.address)
		d, err := tt.verifier.LookupMX(t.Context(), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		h := tt.verifier.LookupHost(t.Context(), d, d.MX[0])
		if (len(h.Addrs) == 1) != tt.allowed || errors.Is(h.Err, dane.ErrRefusedAddress) == tt.allowed {
			t.Errorf("%s: %v, %v", tt.name, h.Addrs, h.Err)
		}
	}
}
