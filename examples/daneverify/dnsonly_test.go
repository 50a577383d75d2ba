package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		args         []string
		plan, status string // of the domain, and of its MX lookup
		exit         int
	}{
		{"records to match, whether they do or not", []string{"mismatch.example"}, "must-authenticate", "secure", exitSuccess},
		{"no TLSA records", []string{"nodane.example"}, "may-encrypt", "secure", exitNoDANE},
		{"unusable TLSA records", []string{"unusable.example"}, "must-encrypt", "secure", exitNoDANE},
		{"an unsigned domain", []string{"unsigned.example"}, "may-encrypt", "insecure", exitNoDANE},
		{"a bogus domain", []string{"bogus.example"}, "skip", "bogus", exitFailure},
		{"no such domain", []string{"none.such"}, "skip", "secure", exitFailure},
		{"mandatory: no DANE", []string{"-mandatory", "nodane.example"}, "skip", "secure", exitFailure},
		{"mandatory: records to match", []string{"-mandatory", "good.example"}, "must-authenticate", "secure", exitSuccess},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"-demo", "-dns-only"}, tt.args...)
			exit, stdout, stderr := command(t, append([]string{"-json"}, args...)...)
			var got struct {
				Domain, Plan string
				Queries      int
				DNS          float64 `json:"dns_ms"`
				Outcome      string
				Hosts        []struct{ Probes []any }
				Lookups      []struct {
					Status  string
					Queries []any
				}
			}
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("%v: %s%s", err, stdout, stderr)
			}
			if exit != tt.exit || got.Plan != tt.plan || got.Lookups[0].Status != tt.status {
				t.Errorf("exit status %d, plan %s, MX %s; want %d, %s, %s\n%s", exit, got.Plan, got.Lookups[0].Status, tt.exit, tt.plan, tt.status, stdout)
			}
			sent := 0
			for _, l := range got.Lookups {
				sent += len(l.Queries)
			}
			if got.Queries != sent || sent < 2 || got.DNS <= 0 {
				t.Errorf("%d queries in %g ms, but %d are listed", got.Queries, got.DNS, sent)
			}
			for _, h := range got.Hosts {
				if len(h.Probes) > 0 {
					t.Errorf("probes: %v", h.Probes)
				}
			}
			domain := tt.args[len(tt.args)-1]
			if exit, stdout, _ = command(t, args...); exit != tt.exit || !strings.HasSuffix(stdout, "\nDANE PLAN for "+domain+": "+tt.plan+"\n") {
				t.Errorf("as text: exit status %d\n%s", exit, stdout)
			}
		})
	}
}

// All hosts are shown, also those after the one that decides.
func TestPlanOfSeveralHosts(t *testing.T) {
	t.Parallel()
	resolver, anchors := private(t, danetest.Domain{Name: "hosts.example", Hosts: []danetest.Host{
		{Name: "first", TLSA: []string{"3 1 1"}}, {Name: "second"}, {Name: "third", TLSA: []string{"3 1 1"}},
	}, Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.first TLSA": dnssectest.BadSignature}}})
	exit, stdout, stderr := command(t, "-dns-only", "-resolver", resolver, "-anchors", anchors, "hosts.example")
	if exit != exitNoDANE {
		t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	for _, want := range []string{
		"BOGUS TLSA record found for MX(first.hosts.example)", "No TLSA record found for MX(second.hosts.example)",
		"SECURE TLSA record found for MX(third.hosts.example)", "DANE PLAN for hosts.example: may-encrypt\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
}

func TestPlanWithoutCapableResolver(t *testing.T) {
	t.Parallel()
	_, stripping, anchors := listen(t)
	for label, address := range map[string]string{"strips": stripping, "is not there": dead} {
		exit, stdout, stderr := command(t, "-dns-only", "-json", "-resolver", address, "-anchors", anchors, "-timeout", "2s", "good.example")
		if exit != exitUsage || !strings.Contains(stdout, `"plan":"skip"`) || !strings.Contains(stdout, `"unresolved":true`) || !strings.Contains(stderr, "-check-resolver") {
			t.Errorf("a server that %s: exit status %d\n%s%s", label, exit, stdout, stderr)
		}
	}
}

// A server that is alive, and silent on one domain only: that is the domain's failure.
func TestPlanOfUnansweredDomain(t *testing.T) {
	t.Parallel()
	resolver, anchors := private(t, danetest.Domain{Name: "dropped.example", Hosts: []danetest.Host{{Name: "mail"}},
		Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Silent}}})
	exit, stdout, stderr := command(t, "-dns-only", "-resolver", resolver, "-anchors", anchors, "-timeout", "1s", "dropped.example")
	if exit != exitFailure || !strings.HasSuffix(stdout, "DANE PLAN for dropped.example: skip\n") || stderr != "" {
		t.Errorf("exit status %d\n%s%s", exit, stdout, stderr)
	}
}

// private serves an Internet with the domains, and returns its address and a file of
// its trust anchor.
func private(t *testing.T, domains ...danetest.Domain) (resolver, anchors string) {
	t.Helper()
	internet := danetest.New(t, domains...)
	resolver, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	anchors = filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(anchors, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return resolver, anchors
}
