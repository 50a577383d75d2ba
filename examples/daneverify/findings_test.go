package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// Below the lines of the sender's verdict, which are what they were, there are the state of
// the whole domain and what is wrong with it. The exit status is the sender's.
func TestFindings(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for _, tt := range []struct {
		domain string
		status int
		want   []string
	}{
		{"good.example", exitSuccess, []string{"State: WARNING: ", "WARNING no-next-key at 192.0.2.1: "}},
		{"ta.example", exitSuccess, []string{"State: OK: DANE protects mail to the domain: every mail server is authenticated at every address.\n"}},
		{"backup.example", exitSuccess, []string{"State: BROKEN: ", "BROKEN tlsa-mismatch at 192.0.2.3: mail.backup.example presents", "  fix (mail host): Publish the record", "  publish: _25._tcp.mail.backup.example. IN TLSA 3 1 1 "}},
		{"nodane.example", exitNoDANE, []string{"State: NONE: Mail to the domain is not protected by DANE. Nothing is broken.\n", "NOTE tlsa-absent: "}},
		{"unsigned.example", exitNoDANE, []string{"State: NONE: ", "NOTE mx-unsigned: ", "Whoever runs the DNS of unsigned.example must sign it"}},
		{"unusable.example", exitNoDANE, []string{"State: BROKEN: ", "BROKEN tlsa-unusable: "}},
		{"bogus.example", exitFailure, []string{"State: BROKEN: ", "BROKEN signature-expired: ", "fix (DNS operator): "}},
		{"nullmx.example", exitFailure, []string{"State: NONE: ", "NOTE null-mx: "}},
	} {
		result, err := internet.Checker().Verify(t.Context(), tt.domain)
		if err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := command(t, "-demo", tt.domain)
		verdict, findings, found := strings.Cut(stdout, "\n\n")
		// Ports and source addresses are the same in memory and on sockets; keys are not.
		none := strings.Contains(findings, "State: NONE: ")
		if strings.Contains(verdict, "\nDANE FAILED for "+tt.domain+"\nNothing is broken: ") != none {
			t.Errorf("%s: that nothing is broken is said otherwise than %t:\n%s", tt.domain, none, stdout)
		}
		lines := strings.Count(result.String(), "\n")
		if none {
			lines++
		}
		if !found || status != tt.status || len(strings.Split(verdict, "\n")) != lines {
			t.Errorf("%s: exit status %d\n%s%s\nwant the lines of\n%s", tt.domain, status, stdout, stderr, result)
		}
		for _, want := range tt.want {
			if !strings.Contains(findings, want) {
				t.Errorf("%s: no %q in\n%s", tt.domain, want, findings)
			}
		}
		if strings.Contains(findings, "seen: ") {
			t.Errorf("%s: the evidence is there without -v:\n%s", tt.domain, findings)
		}
	}
	_, stdout, _ := command(t, "-demo", "-v", "mismatch.example")
	for _, want := range []string{"  seen: certificate 0: ", "  seen: published: 3 1 1 ", "  see: docs/findings.md#tlsa-mismatch\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("-v: no %q in\n%s", want, stdout)
		}
	}
	if _, stdout, _ = command(t, "-demo", "-dns-only", "mismatch.example"); strings.Contains(stdout, "State: ") {
		t.Errorf("-dns-only: findings without connections:\n%s", stdout)
	}
}

// JSON has the same, beside the facts, which are still read.
func TestFindingsInJSON(t *testing.T) {
	t.Parallel()
	_, stdout, _ := command(t, "-demo", "-json", "backup.example")
	var report diagnosis.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	mismatch := slices.ContainsFunc(report.Findings, func(f diagnosis.Finding) bool {
		return f.Code == diagnosis.CodeTLSAMismatch && f.Host == "mail.backup.example" && f.Severity == diagnosis.Broken && f.Actor == diagnosis.MailHost && len(f.Publish) == 1
	})
	if report.State != diagnosis.StateBroken || !mismatch {
		t.Errorf("%+v", report)
	}
	var result dane.Result
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || result.Outcome != dane.OutcomeSuccess || len(result.Hosts) != 2 {
		t.Errorf("%v: %+v", err, result)
	}
}

// What a finding means can be read without the repository.
func TestHelpOnFinding(t *testing.T) {
	t.Parallel()
	exit, stdout, stderr := command(t, "help", "no-next-key")
	if exit != exitSuccess || !strings.HasPrefix(stdout, "no-next-key\n\nThe next change of the key") || stderr != "" {
		t.Errorf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	if exit, stdout, _ := command(t, "help", "nonsense"); exit != exitUsage || stdout != "" {
		t.Errorf("an unknown code: exit status %d\n%s", exit, stdout)
	}
	if _, stdout, _ := command(t, "-help"); !strings.Contains(stdout, "\n  help ") {
		t.Errorf("help is no command in the list:\n%s", stdout)
	}
}
