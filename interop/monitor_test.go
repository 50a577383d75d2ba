//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMonitor has node_exporter read the file of `daneverify monitor -prometheus`, and
// Prometheus scrape one that listens, by the configuration of docs/monitoring.md.
func TestMonitor(t *testing.T) {
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	lab.stopAfter(t)
	flags := []string{"-resolver", address(lab.resolvers[0].port), "-anchors", lab.rootDS, "-port", strconv.Itoa(lab.smtp)}
	t.Run("nagios", func(t *testing.T) { monitorNagios(t, program, flags) })
	t.Run("node_exporter", func(t *testing.T) { monitorTextfile(t, program, flags) })
	t.Run("prometheus", func(t *testing.T) { monitorScrapes(t, program, flags) })
}

func monitorNagios(t *testing.T, program string, flags []string) {
	for domain, want := range map[string]struct {
		status int
		state  string
	}{
		"good.test": {0, "OK"}, "mismatch.test": {2, "BROKEN"}, "expired.test": {2, "BROKEN"}, "unsigned.test": {0, "NONE"}, "null.test": {0, "NONE"},
	} {
		cmd := exec.Command(program, append([]string{"monitor", "-nagios", "-ignore", "no-next-key", domain}, flags...)...)
		out, err := cmd.Output()
		if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want.status || !strings.Contains(string(out), " - "+domain+" "+want.state+": ") {
			t.Errorf("%s: exit status %d, want %d and %s\n%s", domain, got, want.status, want.state, out)
		}
	}
}

func monitorTextfile(t *testing.T, program string, flags []string) {
	folder := t.TempDir()
	// node_exporter is another user, as a rule.
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := command(folder, append([]string{program, "monitor", "-prometheus", filepath.Join(folder, "dane.prom"), "good.test", "mismatch.test"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	metrics := ""
	ready := func() (err error) {
		metrics, err = get("http://" + address(port) + "/metrics")
		return err
	}
	if err := lab.startDaemon("node_exporter", ready, "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
		"--collector.textfile.directory="+folder, "--web.listen-address="+address(port)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"node_textfile_scrape_error 0", "dane_monitor_last_run_success 1", `dane_domain_state{domain="mismatch.test",state="broken"} 1`,
		`dane_domain_state{domain="good.test",state="broken"} 0`, `dane_domain_authenticated_attempts{domain="good.test"} 1`,
	} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

func monitorScrapes(t *testing.T, program string, flags []string) {
	monitor, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	prometheus, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	healthy := func() error {
		_, err := get("http://" + address(monitor) + "/-/healthy")
		return err
	}
	if err := lab.startDaemon("monitor", healthy, append([]string{program, "monitor", "-listen", address(monitor), "good.test", "mismatch.test"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	_, config, _ := strings.Cut(string(page), "```yaml\nscrape_configs:")
	config, _, _ = strings.Cut("scrape_configs:"+config, "```\n")
	for old, other := range map[string]string{
		"127.0.0.1:9766": address(monitor), "[example.org, example.net]": "[good.test, mismatch.test]", "4m": "1s", "60s": "1s",
		"job_name: dane-monitor": "job_name: dane-monitor\n    scrape_interval: 1s",
	} {
		if !strings.Contains(config, old) {
			t.Fatalf("no %s in the configuration of the page:\n%s", old, config)
		}
		config = strings.ReplaceAll(config, old, other)
	}
	file, err := lab.writeFile("prometheus.yml", config)
	if err != nil {
		t.Fatal(err)
	}
	ready := func() error { return prometheusHas(prometheus, `up{job="dane-monitor"}`, "1") }
	if err := lab.startDaemon("prometheus", ready, "prometheus", "--config.file="+file, "--storage.tsdb.path="+t.TempDir(),
		"--web.listen-address="+address(prometheus)); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		`probe_success{instance="good.test"}`:                                    "1",
		`probe_success{instance="mismatch.test"}`:                                "0",
		`dane_domain_state{instance="mismatch.test",state="broken"}`:             "1",
		`count(dane_domain_finding_info{code="tlsa-mismatch"})`:                  "1",
		`dane_domain_signature_expiry_timestamp_seconds{zone="."} > bool time()`: "1",
		`dane_results_total{outcome="success"} > bool 0`:                         "1",
		`dane_monitor_refused_requests_total{reason="forbidden"}`:                "0",
		`count(scrape_samples_post_metric_relabeling{job="dane"} > 20)`:          "2",
		`max(scrape_duration_seconds{job="dane"}) < bool 1`:                      "1",
	} {
		deadline := time.Now().Add(readyWithin)
		for err = prometheusHas(prometheus, query, want); err != nil && time.Now().Before(deadline); err = prometheusHas(prometheus, query, want) {
			time.Sleep(200 * time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// prometheusHas asks Prometheus for an instant vector, whose first value must be as wanted.
func prometheusHas(port int, query, want string) error {
	text, err := get("http://" + address(port) + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return err
	}
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) == 0 || answer.Data.Result[0].Value[1] != want {
		return fmt.Errorf("%s is not %s: %s", query, want, regexp.MustCompile(`\s+`).ReplaceAllString(text, " "))
	}
	return nil
}

// get returns what is at a URL.
func get(url string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, text)
	}
	return string(text), err
}
