package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// monitoringPage is what operators copy from.
func monitoringPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMonitoringCommands: each command on the page has flags that there are.
func TestMonitoringCommands(t *testing.T) {
	t.Parallel()
	found := 0
	for line := range strings.Lines(monitoringPage(t)) {
		_, args, is := strings.Cut(line, "daneverify monitor -")
		if !is || strings.Contains(line, "`") {
			continue
		}
		found++
		args = strings.NewReplacer("$ARG1$", "-require example.org", "$FLAGS", "-within 168h", "$DOMAINS", "example.org").Replace("-" + strings.TrimSpace(args))
		// Nothing is checked: the words at its end are no domains.
		status, stdout, stderr := command(t, append(append([]string{"monitor"}, strings.Fields(args)...), "a..example")...)
		if got := stdout + stderr; status == 0 || !strings.Contains(got, `"a..example" is not a domain`) {
			t.Errorf("%s: exit status %d: %s", args, status, got)
		}
	}
	if found < 4 {
		t.Errorf("%d commands on the page", found)
	}
}

// blocksOf returns the blocks of a language on the page.
func blocksOf(page, language string) (all []string) {
	for {
		_, rest, found := strings.Cut(page, "```"+language+"\n")
		if !found {
			return all
		}
		block, after, _ := strings.Cut(rest, "```\n")
		all, page = append(all, block), after
	}
}

// ruleTests are what the rules do with a broken domain, one that does not matter, a run that
// failed, and a monitor that is silent.
const ruleTests = `
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: dane_domain_state{domain="a.example",state="broken"}
        values: 0x9 1x400
      - series: dane_domain_state{domain="a.example",state="ok"}
        values: 1x9 0x400
      - series: dane_domain_state{domain="b.example",state="ok"}
        values: 1x400
      - series: dane_domain_state{domain="b.example",state="warning"}
        values: 0x400
      - series: dane_monitor_last_run_success
        values: 1x400
      - series: dane_trust_anchors_ok
        values: 1x400
      - series: dane_monitor_last_run_timestamp_seconds
        values: 0+60x120 7200x280
    alert_rule_test:
      - {eval_time: 25m, alertname: DANEBroken, exp_alerts: []}
      - eval_time: 45m
        alertname: DANEBroken
        exp_alerts:
          - exp_labels: {domain: a.example, state: broken, severity: critical}
            exp_annotations: {summary: "DANE of a.example is broken: mail to it waits, or will", description: "daneverify check a.example"}
      - {eval_time: 100m, alertname: DANEUnknown, exp_alerts: []}
      - eval_time: 300m
        alertname: DANEUnknown
        exp_alerts:
          - exp_labels: {severity: warning}
            exp_annotations: {summary: "The monitor of DANE fails, or does not run"}
      - {eval_time: 300m, alertname: DANEWarning, exp_alerts: []}
  - interval: 1m
    input_series:
      - series: dane_domain_state{domain="c.example",state="warning"}
        values: 1x400
      - series: dane_domain_state{domain="d.example",state="unknown"}
        values: 1x400
      - series: dane_monitor_last_run_success
        values: 0x400
      - series: dane_trust_anchors_ok
        values: 0x400
    alert_rule_test:
      - eval_time: 300m
        alertname: DANEWarning
        exp_alerts:
          - exp_labels: {domain: c.example, state: warning, severity: warning}
            exp_annotations: {summary: "DANE of c.example will break"}
          - exp_labels: {severity: warning}
            exp_annotations: {summary: "The monitor's trust anchors will be outdated"}
      - eval_time: 300m
        alertname: DANEUnknown
        exp_alerts:
          - exp_labels: {domain: d.example, state: unknown, severity: warning}
            exp_annotations: {summary: "DANE of d.example is in an unknown state"}
          - exp_labels: {severity: warning}
            exp_annotations: {summary: "The monitor of DANE fails, or does not run"}
`

// TestMonitoringPrometheus has Prometheus' own program read the configuration and the rules of the
// page, and try the rules.
func TestMonitoringPrometheus(t *testing.T) {
	t.Parallel()
	blocks := blocksOf(monitoringPage(t), "yaml")
	if len(blocks) != 2 || !strings.HasPrefix(blocks[0], "scrape_configs:") || !strings.HasPrefix(blocks[1], "groups:") {
		t.Fatalf("%d blocks", len(blocks))
	}
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; Debian's package prometheus has it")
	}
	folder := t.TempDir()
	// The manual page has the first one, too, in fewer lines.
	_, manual, _ := strings.Cut(monitorNotes, "    scrape_configs:\n")
	manual, _, found := strings.Cut(manual, "\n\nFor Nagios")
	if !found {
		t.Error("the manual page has no configuration of Prometheus")
	}
	for name, text := range map[string]string{"manual.yml": "scrape_configs:" + strings.ReplaceAll("\n"+manual+"\n", "\n    ", "\n"), "prometheus.yml": blocks[0] + "rule_files: [rules.yml]\n", "rules.yml": blocks[1], "tests.yml": ruleTests} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "config", "manual.yml"}, {"check", "rules", "rules.yml"}, {"test", "rules", "tests.yml"}} {
		cmd := exec.Command(program, args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}
