package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
)

// listen serves two views of one Internet, as it is and without DNSSEC records, and
// returns their addresses and a file of its trust anchor.
func listen(t *testing.T) (good, stripping, anchors string) {
	t.Helper()
	internet := danetest.New(t, danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	good, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	stripped := danetest.New(t)
	stripped.DNS.Tamper = func(_ dns.Question, reply *dns.Msg) {
		reply.Answer, reply.Ns = withoutSignatures(reply.Answer), withoutSignatures(reply.Ns)
	}
	if stripping, err = stripped.Listen(); err != nil {
		t.Fatal(err)
	}
	anchors = filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(anchors, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return good, stripping, anchors
}

const dead = "127.0.0.1:1"

func TestCheckResolver(t *testing.T) {
	t.Parallel()
	good, stripping, anchors := listen(t)
	for _, tt := range []struct {
		name, servers string
		status        int
		want          []string // lines
	}{
		{"a capable server", good, exitSuccess, []string{good + " is capable of DNSSEC"}},
		{"a server that drops DNSSEC records", stripping, exitFailure,
			[]string{stripping + " drops DNSSEC records; common for container and router stubs; drops the proofs that a name does not exist"}},
		{"a dead server", dead, exitFailure, []string{dead + " could not be judged: " + dead + " over udp"}},
		{"one of three is capable", dead + "," + stripping + "," + good, exitSuccess, []string{dead + " could not", stripping + " drops", good + " is capable"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := command(t, "-check-resolver", "-resolver", tt.servers, "-anchors", anchors)
			lines := strings.Split(strings.TrimSpace(stdout), "\n")
			if status != tt.status || len(lines) != len(tt.want) || stderr != "" {
				t.Fatalf("exit status %d, want %d\n%s%s", status, tt.status, stdout, stderr)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got %q, want %q", lines[i], want)
				}
			}
		})
	}
	// The anchors of another root.
	status, stdout, stderr := command(t, "resolver", good)
	if status != exitFailure || !strings.Contains(stdout, "trust anchors of this machine") {
		t.Errorf("with the anchors of another root: exit status %d: %s%s", status, stdout, stderr)
	}
	_, stdout, _ = command(t, "-check-resolver", "-resolver", good, "-anchors", anchors, "-json")
	if want := `{"server":"` + good + `","zone":".","capable":true,"report":"is capable of DNSSEC"}` + "\n"; stdout != want {
		t.Errorf("got %s, want %s", stdout, want)
	}
}

// Servers that are of no use are passed over, and it is said why.
func TestServersPassedOver(t *testing.T) {
	t.Parallel()
	good, stripping, anchors := listen(t)
	_, stdout, _ := command(t, "-v", "-resolver", dead+","+stripping+","+good, "-anchors", anchors, "-local", "127.0.0.1", "-timeout", "5s", "good.example")
	for _, want := range []string{
		"SECURE MX record(mail.good.example) found for good.example", "SECURE TLSA record found for MX(mail.good.example)",
		"DNS server passed over: upstream: " + dead + " over udp: good.example. MX: ",
		"DNS server passed over: upstream: no server is capable of DNSSEC: " + stripping + " drops DNSSEC records",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
}

func TestResolverFlags(t *testing.T) {
	t.Parallel()
	hints := filepath.Join(t.TempDir(), "root.hints")
	if err := os.WriteFile(hints, []byte(". 60 NS ns.\nns. 60 A 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-recursive", "-resolver", "192.0.2.1", "example.org"}, "-recursive asks no resolver"},
		{[]string{"-recursive", "-check-resolver"}, "-recursive asks no resolver"},
		{[]string{"-hints", hints, "example.org"}, "-hints is for -recursive"},
		{[]string{"-recursive", "-hints", hints + ".none", "example.org"}, hints + ".none"},
		{[]string{"-check-resolver", "example.org"}, "-check-resolver takes no domain"},
		{[]string{"-check-resolver", "-resolver", "dns.example"}, "-resolver"},
		{[]string{"-check-resolver", "-anchors", hints}, hints},
		{[]string{"-demo", "-recursive"}, "-demo"},
	} {
		status, stdout, stderr := command(t, tt.args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: exit status %d, stdout %q, stderr %q; want %q", tt.args, status, stdout, stderr, tt.want)
		}
	}
}
