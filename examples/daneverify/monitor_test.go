package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// TestMonitorNagios: the plugin's status and the beginning of its line, by what there is.
func TestMonitorNagios(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"good.example", 1, "DANE WARNING - good.example WARNING: no-next-key at 192.0.2."},
		{"-ignore no-next-key good.example", 0, "DANE OK - good.example OK: 1 of 1 host is authenticated by DANE, at 1 address | 'time'="},
		{"-compare -ignore no-next-key good.example", 0, "DANE OK - good.example OK: 1 of 1 host"},
		{"-require nullmx.example", 2, "DANE CRITICAL - nullmx.example (DANE is required) NONE: null-mx"},
		{"-ignore no-next-key Good.Example. good.example", 0, "DANE OK - good.example OK: "},
		{"backup.example", 2, "DANE CRITICAL - backup.example BROKEN: tlsa-mismatch at 192.0.2."},
		{"mismatch.example", 2, "DANE CRITICAL - mismatch.example BROKEN: tlsa-mismatch"},
		{"expired.example", 2, "DANE CRITICAL - expired.example BROKEN: certificate-expired"},
		{"nostarttls.example", 2, "DANE CRITICAL - nostarttls.example BROKEN: no-starttls"},
		{"bogus.example", 2, "DANE CRITICAL - bogus.example BROKEN: signature-expired"},
		{"-ignore no-next-key bogus.example", 2, "DANE CRITICAL - "},
		{"none.such", 2, "DANE CRITICAL - none.such BROKEN: no-such-domain"},
		{"nodane.example", 0, "DANE OK - nodane.example NONE: tlsa-absent"},
		{"unsigned.example", 0, "DANE OK - unsigned.example NONE: mx-unsigned"},
		{"-require unsigned.example", 2, "DANE CRITICAL - unsigned.example (DANE is required) NONE: mx-unsigned"},
		{"nullmx.example", 0, "DANE OK - nullmx.example NONE: null-mx"},
		{"good.example nodane.example bogus.example", 2, "DANE CRITICAL - 3 domains, 1 BROKEN, 1 WARNING, 1 NONE: bogus.example BROKEN: "},

		{"", 3, "DANE UNKNOWN - no domain is given"},
		{"word", 3, `DANE UNKNOWN - "word" has no dot`},
		{"a|b.example", 3, `DANE UNKNOWN - "a/b.example" is not a domain`},
		{"-nonsense good.example", 3, "DANE UNKNOWN - there is no flag -nonsense"},
		{"-timeout 5 good.example", 3, "DANE UNKNOWN - -timeout 5: want a duration such as 5s"},
		{"-timeout -5s good.example", 3, "DANE UNKNOWN - -timeout"},
		{"-within -5s good.example", 3, "DANE UNKNOWN - -within"},
		{"-interval 5s good.example", 3, "DANE UNKNOWN - -interval"},
		{"-concurrency 0 good.example", 3, "DANE UNKNOWN - -concurrency 0"},
		{"-ignore nonsense good.example", 3, `DANE UNKNOWN - -ignore: "nonsense" is not the code of a finding`},
		{"-prometheus x.prom good.example", 3, "DANE UNKNOWN - -nagios, -prometheus and -listen"},
		{"-listen-any good.example", 3, "DANE UNKNOWN - -listen-any is for -listen"},
	} {
		status, stdout, stderr := command(t, append([]string{"monitor", "-demo", "-nagios"}, strings.Fields(tt.args)...)...)
		if status != tt.status || !strings.HasPrefix(stdout, tt.want) || strings.Count(stdout, "\n") != 1 || stderr != "" {
			t.Errorf("%s: exit status %d, want %d\n%s%swant %s", tt.args, status, tt.status, stdout, stderr, tt.want)
		}
	}
}

func TestMonitorUsageErrors(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                        "no domain is given",
		"word":                                    "has no dot",
		"-nagios=false -nonsense":                 "there is no flag -nonsense",
		"-listen 192.0.2.1:9766":                  "-listen-any allows that",
		"-listen [::]:9766":                       "-listen-any allows that",
		"-listen localhost:9766":                  "want an IP address and a port",
		"-listen 127.0.0.1":                       "want an IP address and a port",
		"-listen nonsense":                        "want an IP address and a port",
		"-listen-any good.example":                "-listen-any is for -listen",
		"-listen 127.0.0.1:0 -interval 5s":        "-interval is for rounds",
		"-listen 127.0.0.1:0 word":                "has no dot",
		"-listen 127.0.0.1:0 -prometheus x":       "give one of them",
		"-prometheus /nonexistent/x good.example": "/nonexistent/x: no such file",
		"-concurrency 0 good.example":             "-concurrency",
	} {
		status, stdout, stderr := command(t, append([]string{"monitor", "-demo"}, strings.Fields(args)...)...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d\n%s%swant %s", args, status, stdout, stderr, want)
		}
	}
}

// privateFlags are those for an Internet on this machine.
func privateFlags(t *testing.T, domains ...danetest.Domain) []string {
	t.Helper()
	resolver, anchors := private(t, domains...)
	return []string{"-resolver", resolver, "-anchors", anchors}
}

// TestMonitorTrustState: a file that cannot be written is a warning wherever it is told.
func TestMonitorTrustState(t *testing.T) {
	t.Parallel()
	flags := privateFlags(t, danetest.Domain{Name: "nodane.example", Hosts: []danetest.Host{{Name: "mail"}}})
	good, bad := filepath.Join(t.TempDir(), "root.key"), filepath.Join(t.TempDir(), "missing", "root.key")
	monitor := func(how, state string) (int, string, string) {
		return command(t, append([]string{"monitor", how, "nodane.example", "-trust-state", state}, flags...)...)
	}
	if status, stdout, stderr := monitor("-nagios", good); status != 0 || !strings.HasPrefix(stdout, "DANE OK - nodane.example NONE") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	if _, err := os.Stat(good); err != nil {
		t.Errorf("the state is not kept: %v", err)
	}
	if status, stdout, stderr := monitor("-nagios", bad); status != 1 || !strings.HasPrefix(stdout, "DANE WARNING - The trust anchors in "+bad+" cannot be kept up to date") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	if status, stdout, stderr := monitor("-prometheus=-", good); status != 0 || !strings.Contains(stdout, "\ndane_trust_anchors_ok 1\n") ||
		!strings.Contains(stdout, `dane_trust_anchors_validated_timestamp_seconds{zone="."} 1`) {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	if status, stdout, stderr := monitor("-prometheus=-", bad); status != 0 || !strings.Contains(stdout, "\ndane_trust_anchors_ok 0\n") || !strings.Contains(stderr, "cannot be kept up to date") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
}

// TestMonitorInTime: a domain whose name servers are silent does not hold the plugin up, and what
// is not known is not called broken.
func TestMonitorInTime(t *testing.T) {
	t.Parallel()
	flags := privateFlags(t, danetest.Domain{Name: "dropped.example", Hosts: []danetest.Host{{Name: "mail"}},
		Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Silent}}})
	started := time.Now()
	status, stdout, stderr := command(t, append([]string{"monitor", "-nagios", "-timeout", "2s", "dropped.example"}, flags...)...)
	if status != 3 || !strings.HasPrefix(stdout, "DANE UNKNOWN - dropped.example UNKNOWN: ") || time.Since(started) > 3*time.Second {
		t.Errorf("exit status %d after %s\n%s%s", status, time.Since(started), stdout, stderr)
	}
}

func TestMonitorTextfile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dane.prom")
	metrics := func(wantStatus int, args ...string) string {
		t.Helper()
		status, stdout, stderr := command(t, append([]string{"monitor", "-prometheus", file}, args...)...)
		if status != wantStatus || stdout != "" || (stderr != "") != (wantStatus != 0) {
			t.Errorf("%q: exit status %d\n%s%s", args, status, stdout, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	got := metrics(0, "-demo", "bogus.example", "good.example")
	for _, want := range []string{`dane_domain_state{domain="bogus.example",state="broken"} 1`, `dane_domain_state{domain="good.example",state="warning"} 1`, "dane_monitor_last_run_success 1"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	// A run that cannot begin takes back what the one before has said.
	got = metrics(2, "-resolver", "nonsense", "good.example")
	for _, want := range []string{`dane_domain_state{domain="good.example",state="unknown"} 1`, `dane_domain_state{domain="good.example",state="warning"} 0`, "dane_monitor_last_run_success 0"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// A lockedBuffer is written by one goroutine, and read by another.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// find waits until the output has what a pattern is of, and returns its last group.
func (b *lockedBuffer) find(t *testing.T, pattern string) string {
	t.Helper()
	for range 500 {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(b.String()); found != nil {
			return found[len(found)-1]
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no %s in\n%s", pattern, b)
	return ""
}

// background runs a command until the function that it returns is called, which returns the exit
// status.
func background(t *testing.T, args ...string) (stdout, stderr *lockedBuffer, wait func(end func()) int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr = new(lockedBuffer), new(lockedBuffer)
	status := make(chan int, 1)
	go func() { status <- run(ctx, args, strings.NewReader(""), stdout, stderr) }()
	return stdout, stderr, func(end func()) int {
		defer cancel()
		if end == nil {
			end = cancel
		}
		end()
		select {
		case got := <-status:
			return got
		case <-time.After(20 * time.Second):
			t.Error("it does not end")
			return -1
		}
	}
}

func TestMonitorListen(t *testing.T) {
	t.Parallel()
	_, stderr, wait := background(t, "monitor", "-demo", "-listen", "127.0.0.1:0", "good.example", "bogus.example")
	address := stderr.find(t, `msg=ready listen=(\S+)`)
	get := func(path string) (int, string) {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	for path, want := range map[string]string{
		"/probe?target=good.example":     "probe_success 1\n",
		"/probe?target=bogus.example":    "probe_success 0\n",
		"/probe?target=mismatch.example": "not among the domains",
		"/-/healthy":                     "healthy",
	} {
		if _, body := get(path); !strings.Contains(body, want) {
			t.Errorf("%s: no %q in\n%s", path, want, body)
		}
	}
	if _, body := get("/metrics"); !strings.Contains(body, `dane_results_total{outcome="success"} 1`+"\n") || !strings.Contains(body, `dane_monitor_probes_total{state="broken"} 1`+"\n") {
		t.Errorf("metrics of the process:\n%s", body)
	}
	if status := wait(nil); status != 0 {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("it still listens")
	}
}

func TestMonitorAddressInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if status, _, stderr := command(t, "monitor", "-demo", "-listen", l.Addr().String()); status != exitUsage || !strings.Contains(stderr, "address already in use") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// TestMonitorSignals is not parallel: all that runs in the process meanwhile would have the
// signal, too.
func TestMonitorSignals(t *testing.T) {
	terminate := func() {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGTERM)
		}
		if err != nil {
			t.Error(err)
		}
	}
	stdout, stderr, wait := background(t, "monitor", "-demo", "good.example", "bogus.example")
	stdout.find(t, `(?s)Z (good|bogus).example .*Z (good|bogus).example `)
	if status := wait(terminate); status != 0 || strings.Count(stdout.String(), "\n") != 2 || stderr.String() != "" {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	_, stderr, wait = background(t, "monitor", "-demo", "-listen", "127.0.0.1:0")
	stderr.find(t, "msg=ready")
	if status := wait(terminate); status != 0 || !strings.Contains(stderr.String(), "msg=ended") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	stdout, _, wait = background(t, "monitor", "-nagios", "-resolver", silent.LocalAddr().String(), "good.example")
	buffer := make([]byte, 512)
	if _, _, err := silent.ReadFrom(buffer); err != nil { // it is being asked
		t.Fatal(err)
	}
	if status := wait(terminate); status != 3 || !strings.HasPrefix(stdout.String(), "DANE UNKNOWN - good.example UNKNOWN: not-in-time: The check of good.example was interrupted") {
		t.Errorf("exit status %d\n%s", status, stdout)
	}
}

// TestMonitorRounds: with -interval the metrics are written again and again.
func TestMonitorRounds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dane.prom")
	_, stderr, wait := background(t, "monitor", "-demo", "-prometheus", file, "-interval", "1s", "good.example")
	stamps := make(map[string]bool)
	for range 500 {
		text, _ := os.ReadFile(file)
		if found := regexp.MustCompile(`(?m)^dane_monitor_last_run_timestamp_seconds (\S+)`).FindSubmatch(text); found != nil {
			stamps[string(found[1])] = true
		}
		if len(stamps) > 1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if status := wait(nil); status != 0 || len(stamps) < 2 {
		t.Errorf("exit status %d, written at %v\n%s", status, fmt.Sprint(stamps), stderr)
	}
}
