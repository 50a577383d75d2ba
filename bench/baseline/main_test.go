//go:build unix

package main

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// serve is a resolver with a few domains, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetReply(query)
		q := query.Question[0]
		reply.AuthenticatedData = !strings.HasSuffix(q.Name, "unsigned.example.")
		record := ""
		switch {
		case strings.HasSuffix(q.Name, "bogus.example."):
			reply.Rcode = dns.RcodeServerFailure
		case q.Qtype == dns.TypeMX:
			record = " 60 MX 10 mail." + q.Name
		case q.Qtype == dns.TypeA:
			record = " 60 A 192.0.2.1"
		case q.Qtype == dns.TypeTLSA && strings.HasPrefix(q.Name, "_25._tcp.mail.") && !strings.HasSuffix(q.Name, "nodane.example."):
			record = " 60 TLSA 3 1 1 " + strings.Repeat("ab", 32)
		}
		if record != "" {
			rr, err := dns.NewRR(q.Name + record)
			if err != nil {
				t.Error(err)
			}
			reply.Answer = append(reply.Answer, rr)
		}
		w.WriteMsg(reply)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return conn.LocalAddr().String()
}

func TestAsk(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	list := strings.NewReader("good.example\nnodane.example.\nunsigned.example\nbogus.example\n")
	if err := run(t.Context(), []string{"ask", "-concurrency", "2", serve(t)}, list, &out, &errs); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		line, _, _ = strings.Cut(line, `,"dns_ms":`)
		got = append(got, line)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{
		`{"domain":"bogus.example","plan":"skip"`,
		`{"domain":"good.example","plan":"must-authenticate"`,
		`{"domain":"nodane.example","plan":"may-encrypt"`,
		`{"domain":"unsigned.example","plan":"may-encrypt"`,
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"probe", "-n", "3", server.Addr, "mail.example"}, nil, &out, nil); err != nil || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("%v: %q", err, out.String())
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	for _, tt := range []struct {
		list     string
		sessions int
		fails    bool
	}{
		{strings.Repeat(server.Addr+" mail.example\n", 5), 5, false},
		{server.Addr + " mail.example\n127.0.0.1:1 closed.example\n", 1, true},
	} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"probes", "-concurrency", "2"}, strings.NewReader(tt.list), &out, nil)
		if (err != nil) != tt.fails || strings.Count(out.String(), "\n") != tt.sessions {
			t.Errorf("%q: %v: %q", tt.list, err, out.String())
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"time", "sh", "-c", "cat; exit 3"}, strings.NewReader("through"), &out, &errs); err != nil || out.String() != "through" || !strings.HasPrefix(errs.String(), "measured 0.") {
		t.Errorf("%v: %q, %q", err, out.String(), errs.String())
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"ask"}, {"probe", "127.0.0.1:25"}, {"probes", "127.0.0.1:25"}, {"time"}, {"plan", "hints"}, {"nonsense"}, {"ask", "-concurrency", "0", "127.0.0.1:53"}} {
		if err := run(t.Context(), args, nil, nil, nil); err != errUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}
