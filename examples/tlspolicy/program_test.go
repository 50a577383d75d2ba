package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func TestAnswers(t *testing.T) {
	p := start(t, resolverFlags(t, dnssectest.New(t, zones()...))...)
	c := dial(t, "tcp", p.addresses[0])
	for range 2 { // from the DNS, and from the cache
		for _, tt := range answers {
			if unknownService(tt.key) {
				continue
			}
			if got := c.ask(tt.key); got != tt.want && !(strings.HasPrefix(tt.want, "TEMP") && strings.HasPrefix(got, tt.want)) {
				t.Errorf("%s: %s: %q, want %q", tt.why, tt.key, got, tt.want)
			}
		}
	}
	p.log.says(t, "level=WARN", "key=mx-bogus", "status=TEMP", "expired")
}

func TestMixed(t *testing.T) {
	p := start(t, append(resolverFlags(t, dnssectest.New(t, zones()...)), "-mixed", "dane-only")...)
	if got := dial(t, "tcp", p.addresses[0]).ask("half"); got != "OK dane-only" {
		t.Errorf("%q", got)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	p := start(t, append(resolverFlags(t, dnssectest.New(t, zones()...)), "-listen", "unix:"+path, "-mode", "600")...)
	if got := dial(t, "unix", p.addresses[0]).ask("all"); got != "OK dane-only" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := (&program{options: &options{listen: []string{"unix:" + path}}}).listeners(); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a socket that is in use is taken over: %v", err)
	}
}

func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"destinations": {"nothing": {"dane": "mandatory"}}}`)
	p := start(t, append(resolverFlags(t, dnssectest.New(t, zones()...)), "-policy", file)...)
	c := dial(t, "tcp", p.addresses[0])
	want := func(key, want string) {
		t.Helper()
		if got := c.ask(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	want("nothing", "OK dane-only")
	want("all", "OK dane-only")

	write(`{"destinations": {"all": {"dane": "none", "tls": "required"}}}`)
	p.hangup <- syscall.SIGHUP
	p.log.says(t, "msg=reloaded")
	if entries, _ := p.program.service.finder.cache.size(); entries != 0 {
		t.Errorf("%d verdicts are kept", entries)
	}
	want("nothing", "NOTFOUND ")
	want("all", "OK encrypt")

	write(`{"destinations": {"all": {"dane": "nonsense"}}}`)
	p.hangup <- syscall.SIGHUP
	p.log.says(t, "not reloaded", "nonsense")
	want("all", "OK encrypt")
}

func TestMetrics(t *testing.T) {
	p := start(t, append(resolverFlags(t, dnssectest.New(t, zones()...)), "-metrics", "127.0.0.1:0")...)
	c := dial(t, "tcp", p.addresses[0])
	for _, key := range []string{"all", "all", "half", "mx-bogus", ".all"} {
		c.ask(key)
	}
	resp, err := http.Get("http://" + p.addresses[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`tlspolicy_answers_total{answer="dane-only"} 2`, `tlspolicy_answers_total{answer="dane"} 1`,
		`tlspolicy_answers_total{answer="temp"} 1`, `tlspolicy_answers_total{answer="notfound"} 1`,
		"# TYPE tlspolicy_cache_entries gauge", "tlspolicy_cache_entries 3", "tlspolicy_cache_hits_total 1", "tlspolicy_cache_misses_total 3",
		"tlspolicy_lookups_total 3", "tlspolicy_connections_open 1", "tlspolicy_resolver_ok 1",
	} {
		if !strings.Contains(string(body), want+"\n") {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
}

func TestQuery(t *testing.T) {
	flags := append(resolverFlags(t, dnssectest.New(t, zones()...)), "-resolv-conf", "")
	for _, tt := range []struct {
		key, want string
		code      int
	}{
		{"all", "OK dane-only\nevery host has TLSA records\n", exitOK},
		{"unsigned", "NOTFOUND \nthe MX records are not signed: ", exitOK},
		{"mx-bogus", "TEMP the MX lookup failed: ", exitFailure},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(flags, "-query", tt.key), nil, &stdout, &stderr)
		if code != tt.code || !strings.HasPrefix(stdout.String(), tt.want) || stderr.Len() > 0 {
			t.Errorf("%s: exit status %d, %q, %q; want %d, %q", tt.key, code, &stdout, &stderr, tt.code, tt.want)
		}
		if n := strings.Count(stdout.String(), ": bogus:"); n > 1 {
			t.Errorf("%s: the reason is there %d times: %q", tt.key, n, &stdout)
		}
	}
}

func TestFlags(t *testing.T) {
	policy := func(text string) string {
		file := filepath.Join(t.TempDir(), "policy")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tt := range []struct {
		why   string
		flags []string
		says  string
	}{
		{"an address that others reach", []string{"-listen", "192.0.2.1:8463"}, "-remote"},
		{"metrics that others reach", []string{"-metrics", "0.0.0.0:80"}, "-remote"},
		{"no port", []string{"-listen", "127.0.0.1"}, "such as 127.0.0.1:8463 or [::1]:8463\n"},
		{"no port for metrics", []string{"-metrics", "9463"}, "such as 127.0.0.1:9463 or [::1]:9463\n"},
		{"a path", []string{"-listen", "/run/tlspolicy/socket"}, "unix:/run/tlspolicy/socket\n"},
		{"a socket without a path", []string{"-listen", "unix:"}, "a path"},
		{"a level that is not for this", []string{"-mixed", "may"}, "dane or dane-only"},
		{"permissions in letters", []string{"-mode", "rw"}, "octal"},
		{"more time than Postfix has", []string{"-timeout", "2m"}, "-timeout"},
		{"no cache", []string{"-cache", "0"}, "-cache"},
		{"no connections", []string{"-connections", "0"}, "-connections"},
		{"a domain without -query", []string{"example.org"}, "-query"},
		{"a policy that is not there", []string{"-policy", "/nonexistent"}, "nonexistent"},
		{"a policy that is not JSON", []string{"-policy", policy("{")}, "policy"},
		{"a route", []string{"-policy", policy(`{"destinations": {"a.example": {"route": {"hosts": ["b.example"]}}}}`)}, "transport_maps"},
		{"insecure MX records", []string{"-policy", policy(`{"default": {"use_insecure_mx": true}}`)}, "smtp_tls_dane_insecure_mx_policy"},
		{"a level that Postfix has not", []string{"-policy", policy(`{"default": {"tls": "preferred-verify"}}`)}, "preferred-verify"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), tt.flags, nil, io.Discard, &stderr); code != exitUsage || !strings.Contains(stderr.String(), tt.says) {
			t.Errorf("%s: exit status %d, %q; want %q in it", tt.why, code, &stderr, tt.says)
		}
	}
}

// TestSystemd runs this test again as the program, with a socket for it as systemd passes one.
func TestSystemd(t *testing.T) {
	if os.Getenv("LISTEN_PID") == "self" {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		os.Exit(run(t.Context(), []string{"-resolv-conf", "", "-resolver", "127.0.0.1:1"}, nil, io.Discard, os.Stderr))
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notices.Close()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSystemd$")
	cmd.Env = append(os.Environ(), "LISTEN_PID=self", "LISTEN_FDS=1", "NOTIFY_SOCKET="+notices.LocalAddr().String())
	cmd.ExtraFiles, cmd.Stderr = []*os.File{file}, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	notice := make([]byte, 100)
	notices.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := notices.Read(notice); err != nil || string(notice[:n]) != "READY=1" {
		t.Errorf("systemd hears %q, %v", notice[:n], err)
	}
	if got := dial(t, "tcp", l.Addr().String()).ask(".org"); got != "NOTFOUND " {
		t.Errorf("the socket answers %q", got)
	}
}
