package main

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// resolvConf serves DNS on port 53 of a loopback address of its own, and returns a file that
// leads there; it skips the test where that is not permitted.
func resolvConf(t *testing.T, address string, reply func(*dns.Msg)) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		t.Skipf("no port 53: %v", err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.AuthenticatedData = q.AuthenticatedData
		m.SetEdns0(1232, true)
		reply(m)
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+address+"\noptions trust-ad\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCheck(t *testing.T) {
	soa, err := dns.NewRR(". 300 SOA a. b. 1 2 3 4 5")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		why   string
		reply func(*dns.Msg)
		lack  string
	}{
		{"it validates", func(m *dns.Msg) { m.Answer, m.AuthenticatedData = []dns.RR{soa}, true }, ""},
		{"it does not, and returns the bits of the query", func(m *dns.Msg) { m.Answer = []dns.RR{soa} }, "does not validate"},
		{"it fails", func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }, "SERVFAIL"},
		{"it says nothing", func(m *dns.Msg) { m.AuthenticatedData = true }, "no answer"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			j := new(journal)
			c := &check{file: resolvConf(t, "127.53.53.1", tt.reply), log: slog.New(slog.NewTextHandler(j, nil))}
			c.now(t.Context())
			if got := c.lack(); (got == "") != (tt.lack == "") || !strings.Contains(got, tt.lack) {
				t.Errorf("%q, want %q", got, tt.lack)
			}
			if tt.lack != "" {
				j.says(t, "level=ERROR", tt.lack)
			} else {
				j.says(t, "level=INFO", "validates")
			}
		})
	}
	c := &check{file: "/nonexistent", log: quiet()}
	if c.now(t.Context()); c.lack() == "" {
		t.Error("nothing is lacking without a file")
	}
}

// TestResolverMended: the check is made again on SIGHUP, and without it every now and then.
func TestResolverMended(t *testing.T) {
	soa, err := dns.NewRR(". 300 SOA a. b. 1 2 3 4 5")
	if err != nil {
		t.Fatal(err)
	}
	var validates atomic.Bool
	file := resolvConf(t, "127.53.53.2", func(m *dns.Msg) {
		m.Answer, m.AuthenticatedData = []dns.RR{soa}, validates.Load()
	})
	p := start(t, append(resolverFlags(t, dnssectest.New(t, zones()...)), "-resolv-conf", file)...)
	c := dial(t, "tcp", p.addresses[0])
	if got := c.ask("all"); !strings.HasPrefix(got, "TEMP Postfix would not heed dane-only: the DNS server 127.53.53.2 of "+file+" does not validate") {
		t.Errorf("%q", got)
	}
	if got := c.ask("nothing"); got != "NOTFOUND " {
		t.Errorf("where DANE does not apply: %q", got)
	}
	validates.Store(true)
	p.hangup <- syscall.SIGHUP
	p.log.says(t, "level=INFO", "validates")
	if got := c.ask("all"); got != "OK dane-only" {
		t.Errorf("mended: %q", got)
	}
}

// TestResolverReplaced: when the file leads to another server, that is found out by itself, and
// until then no level is told.
func TestResolverReplaced(t *testing.T) {
	soa, err := dns.NewRR(". 300 SOA a. b. 1 2 3 4 5")
	if err != nil {
		t.Fatal(err)
	}
	good := resolvConf(t, "127.53.53.3", func(m *dns.Msg) { m.Answer, m.AuthenticatedData = []dns.RR{soa}, true })
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	bad := resolvConf(t, "127.53.53.4", func(m *dns.Msg) {
		asked <- struct{}{}
		<-answer
		m.Answer = []dns.RR{soa}
	})
	p := start(t, append(resolverFlags(t, dnssectest.New(t, zones()...)), "-resolv-conf", good)...)
	c := dial(t, "tcp", p.addresses[0])
	if got := c.ask("all"); got != "OK dane-only" {
		t.Fatalf("%q", got)
	}
	if err := os.Rename(bad, good); err != nil {
		t.Fatal(err)
	}
	<-asked
	if got := c.ask("all"); !strings.HasPrefix(got, "TEMP Postfix would not heed dane-only: "+good+" has changed") {
		t.Errorf("while it is checked: %q", got)
	}
	close(answer)
	p.log.says(t, "level=ERROR", "does not validate")
	if got := c.ask("all"); !strings.HasPrefix(got, "TEMP Postfix would not heed dane-only: the DNS server 127.53.53.4") {
		t.Errorf("afterwards: %q", got)
	}
}

func TestReadResolvConf(t *testing.T) {
	for _, tt := range []struct {
		why, text string
		servers   []string
		trustAD   bool
	}{
		{"an empty file", "", []string{"127.0.0.1"}, false},
		{"everything", "# comment\nsearch example.org\nnameserver 192.0.2.1\nnameserver ::1 # two\noptions edns0 trust-ad\n", []string{"192.0.2.1", "::1"}, true},
		{"too many", strings.Repeat("nameserver 192.0.2.1\n", 5), slices.Repeat([]string{"192.0.2.1"}, 3), false},
		{"half a line", "nameserver\noptions\n", []string{"127.0.0.1"}, false},
	} {
		servers, options, err := readResolvConf(strings.NewReader(tt.text))
		if err != nil || !slices.Equal(servers, tt.servers) || options["trust-ad"] != tt.trustAD {
			t.Errorf("%s: %q, %v, %v", tt.why, servers, options, err)
		}
	}
}
