package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// zones have a name for each thing that can become of a question.
func zones() []dnssectest.Zone {
	const host = "www A 192.0.2.1\n"
	return []dnssectest.Zone{
		{Name: "signed.", Records: host + "@ MX 10 www\nalias CNAME www\nout CNAME www.unsigned.\ntree DNAME signed.\nbig TXT " + strings.Repeat("\"0123456789012345678901234567890123456789\" ", 20) + "\nbroken CNAME www.expired.\n"},
		{Name: "unsigned.", Unsigned: true, Records: host},
		{Name: "expired.", Records: host + "alias CNAME www\n", Faults: map[string]dnssectest.Fault{"www A": dnssectest.Expired}},
		{Name: "stripped.", Records: host, Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.NoSignature}},
		{Name: "wrong-ds.", Records: host, Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}},
		{Name: "down.", Records: host, Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.ServFail}},
		{Name: "keyless.", Records: host, Faults: map[string]dnssectest.Fault{"@ DNSKEY": dnssectest.ServFail}},
		{Name: "iterations.", Records: host, Denial: dnssectest.NSEC3, Iterations: 500},
	}
}

// start runs the program before a world, and returns the address of its first socket.
func start(t *testing.T, world *dnssectest.Internet, flags ...string) string {
	t.Helper()
	dns, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(file, []byte(world.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := new(options)
	flags = append([]string{"-listen", "127.0.0.1:0", "-anchors", file, "-resolver", dns}, flags...)
	if err := o.parse(flags, os.Stderr); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	started, ended := make(chan string, 1), make(chan int, 1)
	o.started = func(at []netip.AddrPort) { started <- at[0].String() }
	go func() { ended <- o.serve(ctx, nil, t.Output()) }()
	t.Cleanup(func() {
		stop()
		select {
		case code := <-ended:
			if code != exitOK {
				t.Errorf("the exit status is %d", code)
			}
		case <-time.After(2 * drainTimeout):
			t.Error("the program does not end")
		}
	})
	select {
	case at := <-started:
		return at
	case code := <-ended:
		ended <- code
		t.Fatal("the program has ended")
	}
	return ""
}

// ask sends a query and returns the reply.
func ask(t *testing.T, network, at string, query *dns.Msg) *dns.Msg {
	t.Helper()
	client := &dns.Client{Net: network, Timeout: 10 * time.Second, UDPSize: dns.MaxMsgSize}
	reply, _, err := client.Exchange(query, at)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// ede returns the code of the extended error, or -1.
func ede(reply *dns.Msg) int {
	if opt := reply.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if e, ok := option.(*dns.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}
