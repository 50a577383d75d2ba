package tlsrpt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// attempt is a sender's attempt at a domain: to the first host that is good enough.
func attempt(ctx context.Context, v *dane.Verifier, domain string) error {
	d, err := v.LookupMX(ctx, domain)
	if err != nil {
		return err
	}
	for _, mx := range d.MX {
		conn, failed := v.Connect(ctx, v.LookupHost(ctx, d, mx))
		if failed == nil {
			return conn.Close()
		}
		err = errors.Join(err, failed)
	}
	return err
}

const (
	otherKey = "3 1 1 0000000000000000000000000000000000000000000000000000000000000000"
	prefix   = `{"dpv":"1","d":"%s","pr":"` + record + `","policies":[%s]}`
)

// What the collector gets of an attempt at a domain, octet by octet.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	host := func(name string, server func(*smtptest.Server), tlsa ...string) danetest.Host {
		return danetest.Host{Name: name, Server: server, TLSA: tlsa}
	}
	faulty := func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtHandshake: smtptest.Permanent}
	}
	for name, tt := range map[string]struct {
		hosts   []danetest.Host
		records string
		policy  dane.Profile
		want    string // policies
	}{
		"success by DANE": {
			hosts: []danetest.Host{host("mail", nil, otherKey, "2 1 0")},
			want:  `{"policy-type":1,"policy-domain":"mail.a.example","policy-string":["2 1 0 $CA","` + otherKey + `"],"t":0,"f":0}`,
		},
		"success without a policy": {
			hosts: []danetest.Host{host("mail", nil)},
			want:  `{"policy-type":9,"policy-domain":"a.example","t":0,"f":0}`,
		},
		"a failure, and the next host, with a policy of its own": {
			hosts: []danetest.Host{host("mx1", nil, otherKey), host("mx2", nil)},
			want: `{"policy-type":1,"policy-domain":"mx1.a.example","policy-string":["` + otherKey + `"],"failure-details":[` +
				`{"c":203,"f":"no certificate matches","h":"mx1.a.example","n":"mx1.a.example","r":"192.0.2.1","s":"127.0.0.1"}],"t":1,"f":1},` +
				`{"policy-type":9,"policy-domain":"a.example","t":0,"f":0}`,
		},
		"STARTTLS is not offered, and that is good enough": {
			hosts: []danetest.Host{host("mail", func(s *smtptest.Server) { s.NoStartTLS = true })},
			want: `{"policy-type":9,"policy-domain":"a.example","failure-details":[` +
				`{"c":201,"h":"mail.a.example","n":"mail.a.example","r":"192.0.2.1","s":"127.0.0.1"}],"t":1,"f":1}`,
		},
		"in clear after a failed handshake": {
			hosts: []danetest.Host{host("mail", faulty)},
			want: `{"policy-type":9,"policy-domain":"a.example","failure-details":[` +
				`{"c":205,"f":"the server does not speak TLS after STARTTLS","h":"mail.a.example","n":"mail.a.example","r":"192.0.2.1","s":"127.0.0.1"}],"t":1,"f":1}`,
		},
		"no usable record, though the message went": {
			hosts: []danetest.Host{host("mail", nil, "0 0 1 "+strings.Repeat("00", 32))},
			want: `{"policy-type":1,"policy-domain":"mail.a.example","policy-string":["0 0 1 ` + strings.Repeat("00", 32) + `"],"failure-details":[` +
				`{"c":304,"f":"no usable record","h":"mail.a.example","n":"mail.a.example","r":"192.0.2.1","s":"127.0.0.1"}],"t":1,"f":1}`,
		},
		"DANE is mandatory, and there is none": {
			hosts: []danetest.Host{host("mail", nil)}, policy: dane.Profile{DANE: dane.DANEMandatory},
			want: `{"policy-type":9,"policy-domain":"a.example","failure-details":[{"c":306,"f":"no DANE","n":"mail.a.example"}],"t":1,"f":1}`,
		},
		"TLS is switched off":     {hosts: []danetest.Host{host("mail", nil)}, policy: dane.Profile{TLS: dane.TLSNone, DANE: dane.DANENone}},
		"the only host is down":   {records: "@ MX 10 mail\nmail A 192.0.2.200"},
		"it takes no mail at all": {records: "@ MX 0 ."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := zone("a.example", tt.records)
			d.Hosts = tt.hosts
			internet := reporting(t, d)
			v, c := internet.Verifier(), newCollector(t)
			policy, err := dane.NewPolicy(tt.policy, nil)
			if err != nil {
				t.Fatal(err)
			}
			v.Policy = policy
			reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: v}
			ctx, delivery := reporter.Begin(t.Context())
			attempt(ctx, v, "A.example.") // its error is seen below
			if err := delivery.Send(ctx); err != nil {
				t.Fatal(err)
			}
			var want []string
			if tt.want != "" {
				ca := fmt.Sprintf("%x", internet.CA.Certificate.RawSubjectPublicKeyInfo)
				want = []string{fmt.Sprintf(prefix, "a.example", strings.ReplaceAll(tt.want, "$CA", ca))}
			}
			if diff := cmp.Diff(want, c.received(t)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if sent := reporter.Counters.Sent.Load(); sent != int64(len(want)) {
				t.Errorf("counted %d datagrams", sent)
			}
			if err := delivery.Send(ctx); err != nil || c.received(t) != nil {
				t.Error("what was sent is sent again")
			}
		})
	}
}

// All domains of danetest, as a mail server would meet them.
func TestDomains(t *testing.T) {
	t.Parallel()
	internet := reporting(t)
	v, c := internet.Verifier(), newCollector(t)
	reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: v}
	for domain, want := range map[string]string{ // policy type, code and final result of each session
		"good.example": "1 0 0", "nodane.example": "9 0 0", "unsigned.example": "9 0 0", "mismatch.example": "1 203 1",
		"expired.example": "1 204 1", "nostarttls.example": "1 201 1", "backup.example": "1 203 1, 1 0 0",
		"bogustlsa.example": "1 305 1", "nullmx.example": "",
	} {
		ctx, delivery := reporter.Begin(t.Context())
		attempt(ctx, v, domain)
		if err := delivery.Send(ctx); err != nil {
			t.Errorf("%s: %v", domain, err)
		}
		_, all := sessions(t, c.received(t))
		var got []string
		for _, s := range all {
			code := 0
			for _, f := range s.Failures {
				code = f.Code
			}
			got = append(got, fmt.Sprint(s.Type, code, s.Final))
		}
		if diff := cmp.Diff(want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", domain, diff)
		}
	}
}

// Every result type has a number of its own, and what is unknown that of the general failure.
func TestCodes(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: reporting(t).Verifier()}
	for result, want := range map[dane.ResultType]int{
		dane.STARTTLSNotSupported: 201, dane.CertificateHostMismatch: 202, dane.CertificateNotTrusted: 203, dane.CertificateExpired: 204,
		dane.ValidationFailure: 205, dane.STSPolicyFetchError: 301, dane.STSPolicyInvalid: 302, dane.STSWebPKIInvalid: 303,
		dane.TLSAInvalid: 304, dane.DNSSECInvalid: 305, dane.DANERequired: 306, "something-new": 205,
	} {
		for name, number := range map[string]int{"tlsa": 1, "sts": 2, "no-policy-found": 9, "": 9} {
			r := dane.Report{Domain: "good.example", Policy: dane.ReportPolicy{Type: name, Domain: "good.example", MXHosts: []string{"*.good.example"}}}
			r.Failure.ResultType = result
			if err := reporter.Send(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			_, all := sessions(t, c.received(t))
			if len(all) != 1 || all[0].Type != number || len(all[0].Failures) != 1 || all[0].Failures[0].Code != want || all[0].MXHosts[0] != "*.good.example" {
				t.Errorf("%q, %q: %+v, want %d", result, name, all, want)
			}
		}
	}
}

// Mail that is routed to a host of another domain is reported to that one's (RFC 8460 §1.1).
func TestRoutes(t *testing.T) {
	t.Parallel()
	internet := reporting(t, zone("hub.example", "@ A 192.0.2.200"), zone("spare.example", "@ A 192.0.2.201"))
	v, c := internet.Verifier(), newCollector(t)
	var err error
	v.Policy, err = dane.NewPolicy(dane.Profile{Route: dane.Route{Hosts: []string{"hub.example", "spare.example"}}, DANE: dane.DANEMandatory}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: v}
	ctx, delivery := reporter.Begin(t.Context())
	attempt(ctx, v, "recipient.test")
	if err := delivery.Send(ctx); err != nil {
		t.Fatal(err)
	}
	domains, _ := sessions(t, c.received(t))
	if diff := cmp.Diff([]string{"hub.example", "spare.example"}, domains); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What was done by MTA-STS has the policy of that (RFC 8460 §4.4).
func TestMTASTS(t *testing.T) {
	t.Parallel()
	internet := reporting(t)
	v, c := internet.Verifier(), newCollector(t)
	reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: v}
	ctx, delivery := reporter.Begin(t.Context())
	d, err := v.LookupMX(ctx, "nodane.example")
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(ctx, d, d.MX[0])
	other := h.RequirePKIX("mx.nodane.example")
	delivery.Add(other.Report(dane.Attempt{}))
	if conn, err := v.Connect(ctx, h.RequirePKIX("*.nodane.example")); err == nil {
		conn.Close()
		t.Error("an authority of nobody's knowledge is trusted")
	}
	delivery.MTASTS([]string{"version: STSv1", "mode: enforce"}, "*.nodane.example")
	if err := delivery.Send(ctx); err != nil {
		t.Fatal(err)
	}
	const policy = `{"policy-type":2,"policy-domain":"nodane.example","policy-string":["version: STSv1","mode: enforce"],"mx-host":["*.nodane.example"],"failure-details":[%s],"t":1,"f":1}`
	want := fmt.Sprintf(policy, `{"c":205,"f":"the MTA-STS policy does not name the host","n":"mail.nodane.example"}`) + "," +
		fmt.Sprintf(policy, `{"c":203,"f":"certificate of an unknown authority","h":"mail.nodane.example","n":"mail.nodane.example","r":"`+h.Addrs[0].String()+`","s":"127.0.0.1"}`)
	if diff := cmp.Diff([]string{fmt.Sprintf(prefix, "nodane.example", want)}, c.received(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
