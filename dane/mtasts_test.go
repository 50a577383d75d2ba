package dane_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// What MTA-STS makes of a host: it is raised, it is left alone where DANE has the say, and it is
// never weakened.
func TestRequirePKIX(t *testing.T) {
	t.Parallel()
	clear := func(s *smtptest.Server) { s.NoStartTLS = true }
	unsigned := dnssectest.Zone{Unsigned: true}
	for _, tt := range []struct {
		name    string
		host    danetest.Host
		zone    dnssectest.Zone
		profile dane.Profile
		mx      []string
		before  string // what is sent without it
		after   string
		policy  string // type of the report's
	}{
		{name: "a good certificate", mx: []string{"mail.a.example"}, before: "TLS", after: "TLS", policy: "sts"},
		{name: "in another form", mx: []string{"MAIL.A.example."}, before: "TLS", after: "TLS", policy: "sts"},
		{name: "by a wildcard", mx: []string{"other.example", "*.A.example"}, before: "TLS", after: "TLS", policy: "sts"},
		{name: "a wildcard is for one label", mx: []string{"*.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "and not for none", mx: []string{"*.mail.a.example", "*", "*.", ""}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "not named", mx: []string{"mail.b.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "nothing named", before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "no TLS", host: danetest.Host{Server: clear}, mx: []string{"mail.a.example"}, before: "clear", after: "4.7.4", policy: "sts"},
		{name: "a handshake that fails", host: danetest.Host{Server: failing(smtptest.AtHandshake, smtptest.Close)}, mx: []string{"mail.a.example"}, before: "clear", after: "4.7.5", policy: "sts"},
		{name: "TLS 1.1", host: danetest.Host{Server: within(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})}, mx: []string{"mail.a.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "a certificate for another name", host: danetest.Host{Certificate: tlsatest.Leaf{Names: []string{"a.example"}}}, mx: []string{"mail.a.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "one that has expired", host: danetest.Host{Certificate: tlsatest.Leaf{Faults: tlsatest.Expired}}, mx: []string{"mail.a.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "DANE applies, and the certificate is not for PKIX", host: danetest.Host{TLSA: []string{"3 1 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.Expired}}, mx: []string{"mail.a.example"}, before: "authenticated", after: "authenticated", policy: "tlsa"},
		{name: "DANE applies, and MTA-STS does not name the host", host: danetest.Host{TLSA: []string{"3 1 1"}}, mx: []string{"other.example"}, before: "authenticated", after: "authenticated", policy: "tlsa"},
		{name: "DANE fails", host: danetest.Host{TLSA: []string{otherKey}}, mx: []string{"mail.a.example"}, before: "4.7.5", after: "4.7.5", policy: "tlsa"},
		{name: "the lookup of its records fails", host: danetest.Host{TLSA: []string{"3 1 1"}}, zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.BadSignature}}, mx: []string{"mail.a.example"}, before: "4.7.5", after: "4.7.5", policy: "tlsa"},
		{name: "unusable records", host: danetest.Host{TLSA: []string{"0 0 1"}}, mx: []string{"mail.a.example"}, before: "TLS", after: "TLS", policy: "tlsa"},
		{name: "unusable records, and another name", host: danetest.Host{TLSA: []string{"0 0 1"}, Certificate: tlsatest.Leaf{Names: []string{"a.example"}}}, mx: []string{"mail.a.example"}, before: "TLS", after: "4.7.5", policy: "tlsa"},
		{name: "unsigned", host: danetest.Host{TLSA: []string{otherKey}}, zone: unsigned, mx: []string{"mail.a.example"}, before: "TLS", after: "TLS", policy: "sts"},
		{name: "TLS is off", profile: dane.Profile{TLS: dane.TLSNone, DANE: dane.DANENone}, mx: []string{"mail.a.example"}, before: "clear", after: "TLS", policy: "sts"},
		{name: "verification is preferred", profile: dane.Profile{TLS: dane.TLSPreferredVerify}, host: danetest.Host{Certificate: tlsatest.Leaf{Faults: tlsatest.Expired}}, mx: []string{"mail.a.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "the policy wants the name of the domain, and the certificate has it alone", profile: dane.Profile{TLS: dane.TLSRequiredVerifyHosted}, host: danetest.Host{Certificate: tlsatest.Leaf{Names: []string{"a.example"}}}, mx: []string{"mail.a.example"}, before: "TLS", after: "4.7.5", policy: "sts"},
		{name: "the policy wants the name of the domain, and the certificate has not got it", profile: dane.Profile{TLS: dane.TLSRequiredVerifyHosted}, mx: []string{"mail.a.example"}, before: "4.7.5", after: "4.7.5", policy: "sts"},
		{name: "both names", profile: dane.Profile{TLS: dane.TLSRequiredVerifyHosted}, host: danetest.Host{Certificate: tlsatest.Leaf{Names: []string{"a.example", "mail.a.example"}}}, mx: []string{"mail.a.example"}, before: "TLS", after: "TLS", policy: "sts"},
		{name: "a route", profile: dane.Profile{Route: dane.Route{Hosts: []string{"mail.a.example"}}}, mx: []string{"other.example"}, before: "TLS", after: "TLS", policy: "no-policy-found"},
	} {
		tt.host.Name = "mail"
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{tt.host}, Zone: tt.zone})
		v := internet.Verifier()
		v.RootCAs, v.Policy = internet.CA.Pool(), policy(t, tt.profile)
		h := firstHost(t, v, "a.example")
		raised := h.RequirePKIX(tt.mx...)
		for _, c := range []struct {
			host *dane.Host
			want string
		}{{h, tt.before}, {raised, tt.after}, {raised.RequirePKIX(tt.mx...), tt.after}} {
			if got := sendOnce(t, v, c.host); got != c.want {
				t.Errorf("%s: sent %q, want %q (%s, PKIX %q)", tt.name, got, c.want, c.host.Action, c.host.PKIX)
			}
		}
		if got := raised.ReportPolicy().Type; got != tt.policy {
			t.Errorf("%s: policy %s, want %s", tt.name, got, tt.policy)
		}
		if h.MTASTS && raised.Action != dane.Skip && (raised.MayCleartext() || raised.Fallback() != nil || raised.VerifyConnection(tls.ConnectionState{}) == nil) {
			t.Errorf("%s: it is not raised", tt.name)
		}
		if !h.MTASTS && raised != h {
			t.Errorf("%s: it is changed", tt.name)
		}
	}
	if zero := new(dane.Host); zero.RequirePKIX("a") != zero {
		t.Error("the zero Host is changed")
	}
}

// Behind a forged MX record of an unsigned domain DANE proves that the attacker's host is his,
// and the MTA-STS policy does not name it.
func TestRequirePKIXBehindForgedMX(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "attacker.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	v := internet.Verifier()
	v.Policy = policy(t, dane.Profile{UseInsecureMX: true})
	d, err := dane.NewDomain("victim.example", dnssec.Insecure, dane.MX{Host: "mail.attacker.example"})
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	if h.Action != dane.MustAuthenticate {
		t.Fatal(h.Action)
	}
	raised := h.RequirePKIX("mail.victim.example")
	if conn, err := v.Connect(t.Context(), raised); conn != nil || !errors.Is(err, dane.ErrNotListed) {
		t.Error(conn, err)
	}
	// And where it is named, both are demanded: DANE, and a certificate of an authority.
	raised = h.RequirePKIX("mail.attacker.example")
	if got := sendOnce(t, v, raised); got != "4.7.5" {
		t.Errorf("without an authority: %s", got)
	}
	v.RootCAs = internet.CA.Pool()
	if got := sendOnce(t, v, v.LookupHost(t.Context(), d, d.MX[0]).RequirePKIX("mail.attacker.example")); got != "authenticated" {
		t.Errorf("with one: %s", got)
	}
}

// A sender with MTA-STS applies the policy of the domain to each host.
func ExampleHost_RequirePKIX() {
	// What the sender has fetched from https://mta-sts.nodane.example/.well-known/mta-sts.txt.
	policies := map[string][]string{ // the lines "mx" of those in the mode "enforce"
		"nodane.example":   {"mail.nodane.example"},
		"unsigned.example": {"*.elsewhere.example"},
		"mismatch.example": {"mail.mismatch.example"}, // DANE has the say
	}
	internet := danetest.NewInternet()
	defer internet.Close()
	v, ctx := internet.Verifier(), context.Background()
	v.RootCAs = internet.CA.Pool()
	for _, domain := range []string{"nodane.example", "unsigned.example", "mismatch.example"} {
		d, err := v.LookupMX(ctx, domain)
		if err != nil {
			fmt.Println(err)
			continue
		}
		h := v.LookupHost(ctx, d, d.MX[0])
		if mx, enforce := policies[domain]; enforce && h.MTASTS {
			h = h.RequirePKIX(mx...)
		}
		conn, err := v.Connect(ctx, h)
		if err != nil {
			fmt.Println(domain, h.Action, "next host:", dane.Classify(err).Reason)
			continue
		}
		fmt.Println(domain, h.Action, "certificate for", h.PKIX)
		conn.Close()
	}
	// Output:
	// nodane.example must-authenticate certificate for mail.nodane.example
	// unsigned.example skip next host: the MTA-STS policy does not name the host
	// mismatch.example must-authenticate next host: no certificate matches
}
