package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// command runs the program and returns its exit status and output.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out bytes.Buffer
	var errs lockedBuffer // standard error may be written by several at once
	status = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// parse returns the options of a sender's verdict.
func parse(args []string) (o options, err error) {
	f := cli.NewFlags("daneverify")
	o.flags(f)
	if o.domains, err = f.Parse(args); err == nil {
		err = o.wrong()
	}
	return o, err
}

func TestDemo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-demo"}} {
		status, stdout, stderr := command(t, args...)
		if status != exitSuccess || stderr != "" {
			t.Errorf("%q: exit status %d, %s", args, status, stderr)
		}
		for _, want := range []string{
			"This is a demonstration", "--- mismatch.example: its TLSA record is another key",
			"DANE SUCCESS for good.example", "DANE SUCCESS for backup.example", "DANE FAILED for mismatch.example",
			"BOGUS MX record found for bogus.example", "INSECURE MX record(mail.unsigned.example) found for unsigned.example",
		} {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: no line %q in:\n%s", args, want, stdout)
			}
		}
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"success", []string{"good.example"}, exitSuccess},
		{"all are successes", []string{"good.example", "ta.example", "backup.example"}, exitSuccess},
		{"no DANE", []string{"nodane.example"}, exitNoDANE},
		{"one has no DANE", []string{"good.example", "unsigned.example"}, exitNoDANE},
		{"a failure", []string{"mismatch.example"}, exitFailure},
		{"a failure is worse than no DANE", []string{"unsigned.example", "bogus.example", "good.example"}, exitFailure},
		{"no such domain", []string{"none.such"}, exitFailure},
		{"mandatory: no DANE is a failure", []string{"-mandatory", "nodane.example"}, exitFailure},
		{"mandatory: unusable records are a failure", []string{"-mandatory", "unusable.example"}, exitFailure},
		{"mandatory: success", []string{"-mandatory", "good.example"}, exitSuccess},
		{"a name that is none", []string{"good.example", "exa mple"}, exitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := command(t, append([]string{"-demo"}, tt.args...)...)
			if status != tt.want {
				t.Errorf("exit status %d, want %d\n%s%s", status, tt.want, stdout, stderr)
			}
		})
	}
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-json"}, "no domain"},
		{[]string{""}, "no domain"},
		{[]string{"."}, "no domain"},
		{[]string{"example.org", ""}, "no domain"},
		{[]string{"localhost"}, `asked for as "localhost."`},
		{[]string{"-json", "ai"}, `asked for as "ai."`},
		{[]string{"example.org", "ai"}, "has no dot"},
		{[]string{"demmo"}, "did you mean demo?"},
		{[]string{"-json", "tlsa"}, "the command tlsa comes before flags"},
		{[]string{"-demo", "good"}, "has no dot"},
		{[]string{"-tiemout", "5s", "example.org"}, "did you mean -timeout?"},
		{[]string{"-timeout", "5", "example.org"}, "-timeout 5: want a duration such as 5s"},
		{[]string{"-timeout", "soon", "example.org"}, `-timeout "soon": want a duration such as 5s`},
		{[]string{"-concurrency", "many", "example.org"}, `-concurrency "many": want a whole number`},
		{[]string{"example.org", "-helo"}, "-helo: want NAME after it"},
		{[]string{"help", "nonsense"}, "there is no command"},
		{[]string{"resolver", "-json", "not an address"}, "not an address"},
		{[]string{"anchors", "example.org"}, "not understood"},
		{[]string{"anchors", "-anchors-update", missing}, "-trust-state"},
		{[]string{"-nonsense", "example.org"}, "nonsense"},
		{[]string{"-port", "0", "example.org"}, "-port"},
		{[]string{"-port", "65536", "example.org"}, "-port"},
		{[]string{"-port", "smtp", "example.org"}, "port"},
		{[]string{"-timeout", "0", "example.org"}, "-timeout"},
		{[]string{"-timeout", "-1s", "example.org"}, "-timeout"},
		{[]string{"-probe-timeout", "0", "example.org"}, "-probe-timeout"},
		{[]string{"-helo", "two words", "example.org"}, "-helo"},
		{[]string{"-helo", "a\r\nMAIL", "example.org"}, "-helo"},
		{[]string{"-helo", ".", "example.org"}, "-helo"},
		{[]string{"-helo", "bücher.example", "example.org"}, "-helo"},
		{[]string{"-dns-only", "-helo", "client.example", "example.org"}, "-dns-only"},
		{[]string{"-dns-only", "-curves", "X25519", "example.org"}, "-dns-only"},
		{[]string{"-curves", "X448", "example.org"}, "X448"},
		{[]string{"-curves", "", "example.org"}, "-curves"},
		{[]string{"-resolver", "not an address", "example.org"}, "not an address"},
		{[]string{"-resolver", "192.0.2.1,", "example.org"}, "-resolver"},
		{[]string{"-anchors", missing, "example.org"}, missing},
		{[]string{"-anchors", empty, "example.org"}, "no DS or DNSKEY"},
		{[]string{"-local", "nonsense", "example.org"}, "-local"},
		{[]string{"-local", "192.0.2.1", "example.org"}, "-local"},
		{[]string{"-demo", "-port", "2525", "good.example"}, "-demo"},
		{[]string{"-demo", "-resolver", "192.0.2.1"}, "-demo"},
	} {
		status, stdout, stderr := command(t, tt.args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: exit status %d, stdout %q, stderr %q; want %q", tt.args, status, stdout, stderr, tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	_, stdout, _ := command(t, "-demo", "-json", "good.example", "unsigned.example", "mismatch.example", "exa mple")
	outcomes := make(map[string]string)
	for line := range strings.Lines(stdout) {
		var result struct {
			Domain, Outcome string
			Lookups         []struct{ Name, Type, Status string }
		}
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		outcomes[result.Domain] = result.Outcome
		if len(result.Lookups) == 0 && result.Domain != "exa mple" {
			t.Errorf("no lookups in %s", line)
		}
	}
	want := map[string]string{"good.example": "success", "unsigned.example": "none", "mismatch.example": "failure", "exa mple": "failure"}
	for domain, outcome := range want {
		if outcomes[domain] != outcome {
			t.Errorf("%s: %q, want %q", domain, outcomes[domain], outcome)
		}
	}
}

func TestTranscriptsComeInOrder(t *testing.T) {
	t.Parallel()
	domains := []string{"mismatch.example", "good.example", "bogus.example", "unsigned.example", "ta.example"}
	_, stdout, _ := command(t, append([]string{"-demo"}, domains...)...)
	at := 0
	for _, domain := range domains {
		next := strings.Index(stdout[at:], "for "+domain+"\n")
		if next < 0 {
			t.Fatalf("%s is missing or out of order:\n%s", domain, stdout)
		}
		at += next
	}
}

func TestVerbose(t *testing.T) {
	t.Parallel()
	_, stdout, _ := command(t, "-demo", "-v", "bogus.example")
	for _, want := range []string{"DNS query: Q('bogus.example', 'MX')", "DNS query: QIP ('bogus.example','MX','127.0.0.1:", "DNSSEC error for bogus.example MX: bogus", "Signature Expired"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
	_, stdout, stderr := command(t, "-demo", "-v", "-json", "good.example")
	if strings.Count(stdout, "\n") != 1 || !strings.Contains(stderr, "DNS query") {
		t.Errorf("with -json: stdout %q, stderr %q", stdout, stderr)
	}
}

// A private Internet: its root from a file, its servers on loopback addresses.
func TestPrivateInternet(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	address, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(file, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its mail server has an address of TEST-NET-1 in the DNS, where nobody answers.
	status, stdout, stderr := command(t, "-resolver", address, "-anchors", file, "-timeout", "2s", "-local", "127.0.0.1", "good.example")
	if status != exitFailure || !strings.Contains(stdout, "SECURE TLSA record found for MX(mail.good.example)") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	// By the keys of the real root it is an impostor.
	status, stdout, _ = command(t, "-resolver", address, "-timeout", "5s", "good.example")
	if status != exitFailure || !strings.HasPrefix(stdout, "BOGUS MX record found for good.example\n") {
		t.Errorf("with the built-in anchors: exit status %d\n%s", status, stdout)
	}
}

// Nobody answers, or nobody who passes DNSSEC records on: no word on the domain.
func TestIncapableResolvers(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	internet.DNS.Tamper = func(_ dns.Question, reply *dns.Msg) {
		reply.Answer, reply.Ns = withoutSignatures(reply.Answer), withoutSignatures(reply.Ns)
	}
	stripping, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	file := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(file, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for label, address := range map[string]string{"strips": stripping, "is silent": silent.LocalAddr().String(), "is not there": "127.0.0.1:1"} {
		start := time.Now()
		status, stdout, stderr := command(t, "-resolver", address, "-anchors", file, "-timeout", "1s", "good.example")
		if status != exitUsage || !strings.HasPrefix(stdout, "INDETERMINATE MX record for good.example: ") || strings.Contains(stdout, "DANE") {
			t.Errorf("a server that %s: exit status %d\n%s", label, status, stdout)
		}
		advice, finding := adviceSilent, "None of the DNS servers in use answers,"
		if address == stripping {
			advice, finding = adviceIncapable, "The DNS servers in use answer without what DNSSEC needs,"
		}
		if said := strings.Join(strings.Fields(stderr), " "); !strings.HasSuffix(said, strings.Join(strings.Fields(advice), " ")) || !strings.Contains(stdout, finding) {
			t.Errorf("a server that %s: want the advice %q and the finding %q:\n%s\n%s", label, advice, finding, stdout, stderr)
		}
		if elapsed := time.Since(start); elapsed > 10*time.Second {
			t.Errorf("a server that %s: took %s", label, elapsed)
		}
		status, stdout, _ = command(t, "-resolver", address, "-anchors", file, "-timeout", "1s", "-json", "good.example")
		if status != exitUsage || !strings.Contains(stdout, `"status":"indeterminate"`) {
			t.Errorf("a server that %s, JSON: exit status %d\n%s", label, status, stdout)
		}
	}
}

// unreachable asks nobody: this machine has no route.
type unreachable struct{}

func (unreachable) Exchange(context.Context, *upstream.Query) (*upstream.Reply, error) {
	return nil, &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
}

// What is advised where nothing is known of a domain: another DNS server only where that would
// help, and -recursive only to who has not given it.
func TestAdvice(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	v := &dane.Verifier{Resolver: &dnssec.Resolver{Exchanger: unreachable{}}}
	status := verifyAll(t.Context(), v, options{domains: []string{"good.example"}, concurrency: 1, timeout: time.Minute}, &stdout, &stderr)
	if status != exitUsage || !strings.Contains(stdout.String(), "local-lack") || strings.Contains(stderr.String(), "-resolver") {
		t.Errorf("no route: exit status %d\n%s\n%s", status, &stdout, &stderr)
	}
	hints := filepath.Join(t.TempDir(), "root.hints")
	if err := os.WriteFile(hints, []byte(". 3600 NS ns.example.\nns.example. 3600 A 127.77.0.99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := command(t, "-recursive", "-hints", hints, "-timeout", "1s", "good.example")
	if status != exitUsage || !strings.Contains(errs, "-resolver ADDR names others") || strings.Contains(errs, "with -recursive") {
		t.Errorf("-recursive, and no root server: exit status %d\n%s\n%s", status, out, errs)
	}
}

// A server that is alive and answers all but one name: that is the domain's failure,
// however little time there is. Little is what twenty answered lookups take at that moment on
// this machine, which others may keep busy.
func TestUnansweredDomain(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "dropped.example", Hosts: []danetest.Host{{Name: "mail"}},
		Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Silent}}},
		danetest.Domain{Name: "answered.example", Hosts: []danetest.Host{{Name: "mail"}}})
	address, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(file, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, stdout, stderr := command(t, "-resolver", address, "-anchors", file, "-dns-only", "-timeout", "2m", "answered.example"); !strings.Contains(stdout, "DANE PLAN for answered.example") {
		t.Fatalf("the server is not alive:\n%s%s", stdout, stderr)
	}
	little := max(time.Second, 20*time.Since(start))
	status, stdout, stderr := command(t, "-resolver", address, "-anchors", file, "-timeout", little.String(), "dropped.example")
	if status != exitFailure || !strings.Contains(stdout, "DANE FAILED for dropped.example") || stderr != "" {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestResultsThatCannotBePrinted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-demo", "good.example"}, {"-demo", "-json", "good.example"}, {"-demo", "-json"}} {
		var errs bytes.Buffer
		if status := run(t.Context(), args, strings.NewReader(""), fullDisk{}, &errs); status != exitUsage || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%q: exit status %d, %s", args, status, errs.String())
		}
	}
}

func TestNoEscapeSequences(t *testing.T) {
	t.Parallel()
	_, stdout, stderr := command(t, "-demo", "-v", "\x1b[31mred.example", "line\nbreak.example")
	if strings.ContainsAny(stdout+stderr, "\x1b") || strings.Count(stderr, "\n") != 2 {
		t.Errorf("%q\n%q", stdout, stderr)
	}
}

func withoutSignatures(section []dns.RR) []dns.RR {
	var kept []dns.RR
	for _, rr := range section {
		switch rr.Header().Rrtype {
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
		default:
			kept = append(kept, rr)
		}
	}
	return kept
}
