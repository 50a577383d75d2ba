package diagnosis_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A sender gets its message delivered, and a part of the domain is broken, which is found by
// name.
func TestHalfBroken(t *testing.T) {
	t.Parallel()
	const ip6 = "2001:db8::1"
	good := []string{"3 1 1", "2 1 1"}
	other := func(t *testing.T) map[string]*smtptest.Server {
		return map[string]*smtptest.Server{ip6: serverOf(t, tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}}))}
	}
	two := func(first, second []string) world {
		return world{domains: []danetest.Domain{{Name: "a.example", Hosts: []danetest.Host{{Name: "one", TLSA: first}, {Name: "two", TLSA: second}}}}}
	}
	for _, tt := range []struct {
		name  string
		world world
		code  diagnosis.Code
		host  string
		addr  string
		fix   string
	}{
		{"another key on the IPv6 address", world{domains: oneHost(danetest.Host{TLSA: good}, "mail AAAA "+ip6).domains, servers: other(t)},
			diagnosis.CodeTLSAMismatch, "mail.a.example", ip6, "At 192.0.2.1 the right certificate is presented"},
		{"nothing on the IPv6 address", world{domains: oneHost(danetest.Host{TLSA: good}, "mail AAAA "+ip6).domains, errnos: map[string]syscall.Errno{ip6: syscall.ECONNREFUSED}},
			diagnosis.CodeUnreachable, "mail.a.example", ip6, "Over IPv4 the host is good"},
		{"nothing on the IPv4 address", world{domains: oneHost(danetest.Host{TLSA: []string{"3 1 1 " + otherKey, "3 1 1"}}, "").domains,
			errnos: map[string]syscall.Errno{"192.0.2.9": syscall.ECONNREFUSED}}.zone(func(z *dnssectest.Zone) { z.Records = "mail A 192.0.2.9" }),
			diagnosis.CodeUnreachable, "mail.a.example", "192.0.2.9", "firewall"},
		{"a wrong record at the first MX", two([]string{"3 1 1 " + otherKey}, good), diagnosis.CodeTLSAMismatch, "one.a.example", "192.0.2.1", "Publish the record"},
		{"a wrong record at the last MX", two(good, []string{"3 1 1 " + otherKey}), diagnosis.CodeTLSAMismatch, "two.a.example", "192.0.2.2", "Publish the record"},
		{"a wrong signature at the last MX", two(good, good).faulty("_25._tcp.two TLSA", dnssectest.BadSignature), diagnosis.CodeSignatureWrong, "two.a.example", "", "sign the zone again"},
		{"SERVFAIL for AAAA alone", oneHost(danetest.Host{TLSA: good}, "").faulty("mail AAAA", dnssectest.ServFail), diagnosis.CodeDNSFailed, "mail.a.example", "", "name servers"},
	} {
		result, err := tt.world.checker(t).Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != dane.OutcomeSuccess {
			t.Errorf("%s: a sender gets %s, %v", tt.name, result.Outcome, err)
		}
		report := diagnose(t, result, diagnosis.Options{})
		f := find(report, tt.code)
		if f == nil || report.State != diagnosis.StateBroken || f.Severity != diagnosis.Broken {
			t.Errorf("%s: state %s, %s", tt.name, report.State, codes(report))
			continue
		}
		var addrs []netip.Addr
		if tt.addr != "" {
			addrs = append(addrs, netip.MustParseAddr(tt.addr))
		}
		if f.Host != tt.host || len(f.Addresses) != len(addrs) || len(addrs) > 0 && f.Addresses[0] != addrs[0] || !strings.Contains(f.Fix, tt.fix) {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}

// What is the same at several addresses is one finding.
func TestFindingsAreMerged(t *testing.T) {
	t.Parallel()
	w := oneHost(danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}}, "mail AAAA 2001:db8::1\nmail AAAA 2001:db8::2")
	w.errnos = map[string]syscall.Errno{"2001:db8::1": syscall.ECONNREFUSED, "2001:db8::2": syscall.ECONNREFUSED}
	result, err := w.checker(t).Verify(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	report := diagnose(t, result, diagnosis.Options{})
	if len(report.Findings) != 1 || len(report.Findings[0].Addresses) != 2 || len(report.Findings[0].Evidence) != 2 {
		t.Errorf("%+v", report.Findings)
	}
}
