package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

const record = "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// zones have a domain for each row of the table.
func zones() []dnssectest.Zone {
	two := func(more string) string {
		return "@ MX 10 a\n@ MX 20 b\na A 192.0.2.1\nb A 192.0.2.2\n" + more
	}
	const forA, forB = "_25._tcp.a TLSA " + record + "\n", "_25._tcp.b TLSA " + record + "\n"
	fault := func(f dnssectest.Fault, at ...string) map[string]dnssectest.Fault {
		faults := make(map[string]dnssectest.Fault)
		for _, a := range at {
			faults[a] = f
		}
		return faults
	}
	return []dnssectest.Zone{
		{Name: "all.", Records: two(forA + forB)},
		{Name: "half.", Records: two(forA)},
		{Name: "nothing.", Records: two("")},
		{Name: "unusable.", Records: two("_25._tcp.a TLSA 1 1 1 00\n_25._tcp.b TLSA 3 1 9 00\n")},
		{Name: "unsigned.", Unsigned: true, Records: two(forA + forB)},
		{Name: "null.", Records: "@ MX 0 .\n"},
		{Name: "homeless.", Records: "@ MX 10 a\na TXT nothing\n"},
		{Name: "nameless.", Records: "@ MX 10 a\n@ MX 20 192.0.2.7\na A 192.0.2.1\n" + forA},
		{Name: "implicit.", Records: "@ A 192.0.2.1\n_25._tcp TLSA " + record + "\n"},
		{Name: "xn--bcher-kva.", Records: "@ MX 10 a\na A 192.0.2.1\n" + forA},
		{Name: "submission.", Records: "mail A 192.0.2.1\n_587._tcp.mail TLSA " + record + "\n"},
		{Name: "mx-bogus.", Records: two(forA + forB), Faults: fault(dnssectest.Expired, "@ MX")},
		{Name: "all-bogus.", Records: two(forA + forB), Faults: fault(dnssectest.Expired, "_25._tcp.a TLSA", "_25._tcp.b TLSA")},
		{Name: "one-bogus.", Records: two(forA + forB), Faults: fault(dnssectest.Expired, "_25._tcp.a TLSA")},
		{Name: "bogus-clear.", Records: two(forA), Faults: fault(dnssectest.Expired, "_25._tcp.a TLSA")},
		{Name: "a-bogus.", Records: two(forA + forB), Faults: fault(dnssectest.BadSignature, "a A")},
		{Name: "a-servfail.", Records: "@ MX 10 a\na A 192.0.2.1\na AAAA 2001:db8::1\n", Faults: fault(dnssectest.ServFail, "a A", "a AAAA")},
	}
}

// answers are what Postfix gets for keys in them, with -mixed dane.
var answers = []struct{ why, key, want string }{
	{"all hosts have TLSA records", "all", "OK dane-only"},
	{"the same in capitals", "ALL.", "OK dane-only"},
	{"one host has", "half", "OK dane"},
	{"no host has", "nothing", "NOTFOUND "},
	{"no record is usable", "unusable", "OK dane"},
	{"nothing is signed", "unsigned", "NOTFOUND "},
	{"no mail is taken", "null", "NOTFOUND "},
	{"no such domain", "nosuch", "NOTFOUND "},
	{"no address", "homeless", "NOTFOUND "},
	{"the other host is an address, which is no name", "nameless", "OK dane-only"},
	{"no MX record", "implicit", "OK dane-only"},
	{"the MX record is bogus", "mx-bogus", "TEMP the MX lookup failed: bogus: "},
	{"every TLSA record is bogus", "all-bogus", "TEMP no host is left: the lookups failed: host a.all-bogus: bogus: "},
	{"that of one host is", "one-bogus", "OK dane"},
	{"that of one host is, and the other may be sent to in clear", "bogus-clear", "TEMP lookups for one host failed, and another may be sent to in clear: host a.bogus-clear: "},
	{"the address of one host is", "a-bogus", "OK dane"},
	{"nobody has the address of the only host", "a-servfail", "TEMP no host is left"},
	{"a host", "[a.half]", "OK dane-only"},
	{"a host without TLSA records", "[b.half]", "NOTFOUND "},
	{"a host that is not there", "[nosuch.half]", "NOTFOUND "},
	{"a domain in other letters than those of ASCII", "bücher", "OK dane-only"},
	{"a host in such letters", "[a.bücher]", "OK dane-only"},
	{"the same in ASCII", "[a.xn--bcher-kva]", "OK dane-only"},
	{"a host at a port", "[mail.submission]:587", "OK dane-only"},
	{"the same by name", "[mail.submission]:submission", "OK dane-only"},
	{"at the port without", "[mail.submission]", "NOTFOUND "},
	{"a domain at another port", "all:26", "NOTFOUND "},
	{"a parent", ".all", "NOTFOUND "},
	{"an address", "[192.0.2.1]", "NOTFOUND "},
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A journal is a log to be read in tests.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// says waits until there is a line with all that in it.
func (j *journal) says(t *testing.T, parts ...string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		j.mu.Lock()
		text := j.text.String()
		j.mu.Unlock()
		for line := range strings.Lines(text) {
			all := true
			for _, p := range parts {
				all = all && strings.Contains(line, p)
			}
			if all {
				return
			}
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	t.Errorf("no line of the log has %q:\n%s", parts, &j.text)
}

// running is the program.
type running struct {
	program   *program
	addresses []string // the last one is that of the metrics
	log       *journal
	hangup    chan os.Signal
	end       func() int
}

// resolverFlags lead a program to a world.
func resolverFlags(t *testing.T, world *dnssectest.Internet) []string {
	t.Helper()
	at, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(file, []byte(world.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"-anchors", file, "-resolver", at}
}

// start runs the program, with -resolv-conf empty unless the flags say otherwise.
func start(t *testing.T, flags ...string) *running {
	t.Helper()
	o := new(options)
	if err := o.parse(append([]string{"-listen", "127.0.0.1:0", "-resolv-conf", ""}, flags...), io.Discard); err != nil {
		t.Fatal(err)
	}
	r := &running{log: new(journal), hangup: make(chan os.Signal)}
	started, ended := make(chan struct{}), make(chan int, 1)
	o.started = func(at []string) { r.addresses = at; close(started) }
	p, err := o.program(slog.New(slog.NewTextHandler(r.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.program = p
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- p.serve(ctx, r.hangup) }()
	r.end = sync.OnceValue(func() int {
		stop()
		select {
		case code := <-ended:
			return code
		case <-time.After(2 * drainTimeout):
			t.Error("the program does not end")
			return exitFailure
		}
	})
	t.Cleanup(func() {
		if code := r.end(); code != exitOK {
			t.Errorf("exit status %d", code)
		}
	})
	select {
	case <-started:
	case code := <-ended:
		ended <- code
		t.Fatalf("the program has ended: %s", &r.log.text)
	}
	return r
}

// A client is a connection of Postfix.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, network, address string) *client {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, conn, bufio.NewReaderSize(conn, 2*maxText)}
}

// send sends octets as they are.
func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Error(err)
	}
}

// receive returns the next reply.
func (c *client) receive() string {
	c.t.Helper()
	text, err := readNetstring(c.r)
	if err != nil {
		c.t.Error(err)
	}
	return text
}

func (c *client) ask(key string) string {
	c.t.Helper()
	c.send(netstring("dane " + key))
	return c.receive()
}

// closed reports that the server has closed the connection.
func (c *client) closed() bool {
	_, err := c.r.ReadByte()
	return err != nil && !os.IsTimeout(err)
}

// A resolver that knows 10,000 domains, and how the others fail, without signing any.
type invented struct {
	asked func(name string) error // nil error: there is an answer
	ttl   time.Duration
}

func (r invented) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	name = dns.CanonicalName(name)
	if r.asked != nil {
		if err := r.asked(name); err != nil {
			return nil, err
		}
	}
	a := &dnssec.Answer{Name: name, Type: qtype, Status: dnssec.Secure, Expires: time.Now().Add(r.ttl)}
	h := dns.RR_Header{Name: name, Rrtype: qtype, Class: dns.ClassINET, Ttl: 300}
	switch {
	case qtype == dns.TypeMX:
		a.Records = []dns.RR{&dns.MX{Hdr: h, Preference: 10, Mx: "mail." + name}}
	case qtype == dns.TypeA:
		a.Records = []dns.RR{&dns.A{Hdr: h, A: net.IPv4(192, 0, 2, 1)}}
	// Every third domain has no TLSA records.
	case qtype == dns.TypeTLSA && len(name)%3 > 0:
		a.Records = []dns.RR{&dns.TLSA{Hdr: h, Usage: 3, Selector: 1, MatchingType: 1, Certificate: strings.Repeat("ab", 32)}}
	}
	return a, nil
}
