package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

func TestCheckExitStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"OK", []string{"ta.example"}, exitSuccess},
		{"WARNING", []string{"good.example"}, exitSuccess},
		{"WARNING, strictly", []string{"-strict", "good.example"}, exitFailure},
		{"BROKEN, although a sender finds another host", []string{"backup.example"}, exitFailure},
		{"NONE", []string{"nodane.example"}, exitNoDANE},
		{"UNKNOWN", []string{"exa mple"}, exitUsage},
		{"UNKNOWN, since it has no IPv6 address", []string{"-6", "ta.example"}, exitUsage},
		{"IPv4 alone", []string{"-4", "ta.example"}, exitSuccess},
		{"WARNING that is accepted", []string{"-strict", "-ignore", "no-next-key", "good.example"}, exitSuccess},
		{"BROKEN is never accepted", []string{"-ignore", "tlsa-mismatch", "mismatch.example"}, exitFailure},
		{"what ends within a year", []string{"-strict", "-within", "8760h", "ta.example"}, exitFailure},
		{"nothing that ends", []string{"-strict", "-within", "0", "ta.example"}, exitSuccess},
		{"NONE is worse than OK", []string{"ta.example", "unsigned.example"}, exitNoDANE},
		{"BROKEN is worse than NONE", []string{"nodane.example", "mismatch.example", "ta.example"}, exitFailure},
		{"UNKNOWN is worse than BROKEN", []string{"mismatch.example", "exa mple"}, exitUsage},
		{"flags after domains", []string{"good.example", "-strict"}, exitFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := command(t, append([]string{"check", "-demo"}, tt.args...)...)
			if status != tt.want || stderr != "" {
				t.Errorf("exit status %d, want %d\n%s%s", status, tt.want, stdout, stderr)
			}
		})
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"check"}, "check: no domain is given"},
		{[]string{"check", "ai"}, `asked for as "ai."`},
		{[]string{"check", "-within", "3", "example.org"}, "-within 3: want a duration such as 3s"},
		{[]string{"check", "-within", "-3h", "example.org"}, "not negative"},
		{[]string{"check", "-4", "-6", "example.org"}, "-4 and -6"},
		{[]string{"check", "-dns-only", "example.org"}, "there is no flag -dns-only"},
		{[]string{"-4", "-dns-only", "example.org"}, "-dns-only"},
	} {
		status, stdout, stderr := command(t, tt.args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit status %d, %s%s, want %q", tt.args, status, stdout, stderr, tt.want)
		}
	}
}

// The state comes first, then the findings with who must act, the fix and the records; no line
// is wider than the terminal but those that are to be copied.
func TestCheckText(t *testing.T) {
	t.Parallel()
	_, stdout, stderr := command(t, "check", "-demo", "backup.example")
	at := 0
	for _, want := range []string{
		"BROKEN backup.example: ", "Mail from here is delivered, authenticated by DANE.\n",
		"\n\nBROKEN tlsa-mismatch, mail.backup.example at 192.0.2.3\n", "\n  Fix (mail host): Publish the record",
		"\n  Publish:\n    _25._tcp.mail.backup.example. IN TLSA 3 1 1 ", "\n  Remove:\n    _25._tcp.", "\n  Seen: ",
		"\n\nWARNING no-next-key, ", "\n\nServers:\n  10 mail.backup.example\n    192.0.2.3 failed: ", "192.0.2.4 authenticated by 3 1 1 ",
	} {
		next := strings.Index(stdout[at:], want)
		if next < 0 {
			t.Fatalf("no %q after octet %d in\n%s%s", want, at, stdout, stderr)
		}
		at += next
	}
	for line := range strings.Lines(stdout) {
		if n := utf8.RuneCountInString(line); n > 81 && !strings.Contains(line, " IN TLSA ") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if _, stdout, _ = command(t, "check", "-demo", "-v", "good.example"); !strings.Contains(stdout, "DNS query: Q('good.example', 'MX')") || !strings.Contains(stdout, "  See: docs/findings.md#no-next-key\n") {
		t.Errorf("-v:\n%s", stdout)
	}
	_, stdout, _ = command(t, "check", "-demo", "\x1b[31mred.example", "line\nbreak.example")
	if strings.ContainsAny(stdout, "\x1b") {
		t.Errorf("%q", stdout)
	}
}

// A list is read as for the verdict, and counted by states.
func TestCheckList(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "domains")
	if err := os.WriteFile(list, []byte("# ours\nta.example\n\nbackup.example\nnodane.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := command(t, "check", "-demo", "-json", "-input", list)
	if status != exitFailure || !strings.Contains(stderr, ": 1 ok, 0 warning, 1 broken, 1 none, 0 unknown\n") {
		t.Errorf("exit status %d, %s", status, stderr)
	}
	states := make(map[string]diagnosis.State)
	for line := range strings.Lines(stdout) {
		var r struct {
			diagnosis.Report
			Domain  string
			Version int
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Version != 1 {
			t.Errorf("%v: version %d in %s", err, r.Version, line)
		}
		states[r.Domain] = r.State
	}
	if states["ta.example"] != diagnosis.StateOK || states["backup.example"] != diagnosis.StateBroken || states["nodane.example"] != diagnosis.StateNone {
		t.Errorf("states %v", states)
	}
}

// A trust state that cannot be kept, or gets old, is a warning and not silence.
func TestCheckTrustState(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	resolver, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(root, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, state string
		found       bool
	}{
		{"in a folder that is there", filepath.Join(t.TempDir(), "root.key"), false},
		{"in a folder that is not", filepath.Join(t.TempDir(), "missing", "root.key"), true},
	} {
		_, stdout, _ := command(t, "check", "-resolver", resolver, "-anchors", root, "-trust-state", tt.state, "-timeout", "2s", "nullmx.example")
		if found := strings.Contains(stdout, "WARNING trust-state\n") && strings.Contains(stdout, "no such file or directory"); found != tt.found {
			t.Errorf("%s: found %t, want %t\n%s", tt.name, found, tt.found, stdout)
		}
	}
	state := filepath.Join(t.TempDir(), "root.key")
	store, now := &anchor.FileStore{Path: state}, time.Now()
	if err := store.Update(t.Context(), func([]*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) {
		return []*anchor.TrustPoint{{Zone: ".", DS: []*dns.DS{internet.DNS.Anchors()[0].DS}, LastSuccess: now}}, true
	}); err != nil {
		t.Fatal(err)
	}
	var trust trustState
	trust.follow(&anchor.Tracker{Store: store}, state, true)
	for days, found := range map[int]bool{20: false, 26: false, 28: true, 40: true} {
		later := now.Add(time.Duration(days) * 24 * time.Hour)
		if all := trust.findings(later, diagnosis.DefaultWithin); (len(all) == 1) != found || found && !strings.Contains(all[0].Text, "were last validated on "+now.UTC().Format(time.DateOnly)) {
			t.Errorf("after %d days: %+v", days, all)
		}
	}
}
