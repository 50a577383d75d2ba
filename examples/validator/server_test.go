package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestTruncates(t *testing.T) {
	at := start(t, dnssectest.New(t, zones()...))
	reply := ask(t, "udp", at, set{noEDNS: true}.query("big.signed.", dns.TypeTXT))
	if !reply.Truncated || reply.Len() > dns.MinMsgSize {
		t.Errorf("without EDNS the reply has %d octets, truncated: %t", reply.Len(), reply.Truncated)
	}
	query := set{ad: true}.query("big.signed.", dns.TypeTXT)
	for _, network := range []string{"udp", "tcp"} {
		if reply = ask(t, network, at, query); reply.Truncated || len(reply.Answer) != 1 || !reply.AuthenticatedData {
			t.Errorf("over %s, with EDNS, it is not whole:\n%v", network, reply)
		}
	}
}

func TestUDPSize(t *testing.T) {
	for size, want := range map[uint16]int{0: 512, 100: 512, 512: 512, 1000: 1000, 1232: 1232, 4096: 1232, 65535: 1232} {
		query := new(dns.Msg).SetQuestion(".", dns.TypeNS)
		query.SetEdns0(size, true)
		if got := udpSize(query); got != want {
			t.Errorf("a client that takes %d octets gets %d, want %d", size, got, want)
		}
	}
}

func TestAllowed(t *testing.T) {
	s := &server{allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")}}
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "192.0.2.9": true, "fe80::1%eth0": true,
		"192.0.3.1": false, "2001:db8::1": false, "0.0.0.0": false,
	} {
		if got := s.allowed(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s may ask: %t", addr, got)
		}
	}
	if s.allowed(netip.Addr{}) {
		t.Error("somebody without an address may ask")
	}
	s.responder = nil // which nobody gets to who may not
	reply, _ := s.answer(netip.MustParseAddr("192.0.3.1"), set{ad: true}.query("www.signed.", dns.TypeA))
	if reply.Rcode != dns.RcodeRefused {
		t.Errorf("a stranger gets\n%v", reply)
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		why   string
		flags []string
		says  string
	}{
		{"an address that others reach", []string{"-listen", "192.0.2.1:53"}, "not a loopback address"},
		{"all addresses", []string{"-listen", "127.0.0.1:53,[::]:53"}, "not a loopback address"},
		{"a name, which could be another machine's", []string{"-listen", "localhost:53"}, "want an IP address"},
		{"no port", []string{"-listen", "127.0.0.1"}, "such as 127.0.0.1:53 or [::1]:53\n"},
		{"no port, for others", []string{"-listen", "192.0.2.1", "-allow", "192.0.2.0/24"}, "want an IP address"},
		{"an address in the place of a network", []string{"-allow", "192.0.2.1"}, "-allow"},
		{"no time", []string{"-timeout", "0s"}, "positive"},
		{"an argument", []string{"example.org"}, "flags only"},
		{"a flag that is not known", []string{"-nosuch"}, "nosuch"},
		{"a file that is not there", []string{"-anchors", "/nonexistent"}, "-anchors"},
		{"no DNS server", []string{"-resolver", "nonsense"}, "-resolver"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), tt.flags, nil, &stderr); code != exitUsage || !strings.Contains(stderr.String(), tt.says) {
			t.Errorf("%s: exit status %d, %q; want %q in it", tt.why, code, &stderr, tt.says)
		}
	}
	if err := new(options).parse([]string{"-listen", "192.0.2.1:53", "-allow", "192.0.2.0/24"}, io.Discard); err != nil {
		t.Errorf("who names who may ask is refused: %v", err)
	}
}

// TestSocketTaken: the program ends if it cannot have one of its addresses.
func TestSocketTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var stderr bytes.Buffer
	flags := []string{"-resolver", "127.0.0.1:1", "-listen", "127.0.0.1:0," + taken.Addr().String()}
	if code := run(t.Context(), flags, nil, &stderr); code != exitFailure || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("exit status %d: %s", code, &stderr)
	}
}

// TestEnds has a query on its way when the program is told to end.
func TestEnds(t *testing.T) {
	world := dnssectest.New(t, zones()...)
	asked := make(chan struct{}, 100)
	hold := make(chan struct{})
	world.Tamper = func(q dns.Question, _ *dns.Msg) {
		if q.Qtype == dns.TypeA {
			asked <- struct{}{}
			<-hold
		}
	}
	dnsAt, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	o := &options{listen: []string{"127.0.0.1:0"}, timeout: defaultTimeout}
	started, ended := make(chan string, 1), make(chan int, 1)
	o.started = func(at []netip.AddrPort) { started <- at[0].String() }
	if err := o.parse([]string{"-listen", "127.0.0.1:0", "-resolver", dnsAt}, io.Discard); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- o.serve(ctx, nil, t.Output()) }()
	at := <-started
	networks := []string{"udp", "tcp"}
	errs := make(chan error, len(networks))
	for _, network := range networks {
		go func() {
			client := &dns.Client{Net: network, Timeout: 10 * time.Second}
			// The reply is SERVFAIL, since the built-in keys are not those of the world.
			_, _, err := client.Exchange(set{}.query(network+".unsigned.", dns.TypeA), at)
			errs <- err
		}()
	}
	for range networks {
		<-asked
	}
	stop()
	time.AfterFunc(100*time.Millisecond, func() { close(hold) })
	for range networks {
		if err := <-errs; err != nil {
			t.Errorf("a query that had begun has no reply: %v", err)
		}
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit status %d", code)
	}
}

// TestIdleConnections has more connections than there may be, which say nothing.
func TestIdleConnections(t *testing.T) {
	at := start(t, dnssectest.New(t, zones()...))
	for range 2 * maxConnections {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for _, network := range []string{"udp", "tcp"} {
		if reply := ask(t, network, at, set{ad: true}.query("www.signed.", dns.TypeA)); !reply.AuthenticatedData {
			t.Errorf("over %s there is no answer any more:\n%v", network, reply)
		}
	}
}

// A settled resolver has an answer to everything.
type settled struct{ status dnssec.Status }

func (s settled) Lookup(_ context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	name = dns.CanonicalName(name)
	a := &dnssec.Answer{Name: name, Type: qtype, RCode: dns.RcodeSuccess, Status: s.status, Expires: time.Now().Add(time.Minute)}
	for range 40 {
		a.Records = append(a.Records, &dns.TXT{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("x", 50)},
		})
	}
	return a, nil
}

// FuzzHandle: whatever comes, a reply is a short message that belongs to it, or there is none.
func FuzzHandle(f *testing.F) {
	for _, s := range []set{{ad: true}, {do: true}, {cd: true}, {noEDNS: true}, {noRD: true}} {
		packet, err := s.query("www.signed.", dns.TypeTXT).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
		f.Add(packet[:len(packet)-3])
		f.Add(append(packet, 0))
	}
	f.Add(make([]byte, headerSize))
	f.Add([]byte{1, 2, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	loopback := netip.MustParseAddr("127.0.0.1")
	s := &server{lookups: f.Context(), responder: &responder{resolver: settled{dnssec.Secure}, timeout: time.Minute, inFlight: make(chan struct{}, 1), log: quiet()}}
	udp := &packetServer{allowed: s.allowed, answer: s.answer}
	f.Fuzz(func(t *testing.T, packet []byte) {
		udp.failed = func(err error) { t.Errorf("no reply: %v", err) }
		if len(packet) < headerSize || packet[2]&0x80 != 0 {
			if isQuery(packet) {
				t.Errorf("a reply, or less than a header, is answered")
			}
			return
		}
		packed := udp.handle(loopback, packet, nil)
		if len(packed) > ednsSize {
			t.Errorf("the reply has %d octets", len(packed))
		}
		var query, reply dns.Msg
		if err := reply.Unpack(packed); err != nil {
			t.Fatalf("the reply cannot be read: %v", err)
		}
		if !reply.Response || packed[0] != packet[0] || packed[1] != packet[1] {
			t.Errorf("it is no reply to the query:\n%v", &reply)
		}
		if err := query.Unpack(packet); err != nil && reply.Rcode != dns.RcodeFormatError {
			t.Errorf("what cannot be read is answered by\n%v", &reply)
		}
		if opt := query.IsEdns0(); reply.AuthenticatedData && !query.AuthenticatedData && (opt == nil || !opt.Do()) {
			t.Errorf("AD is set for who did not ask for it:\n%v", &reply)
		}
	})
}
