package diagnosis_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// otherKey is the digest of a key that no host has.
const otherKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// A world is a small Internet in which something may be wrong.
type world struct {
	domains []danetest.Domain
	tamper  func(q dns.Question, reply *dns.Msg)
	// errnos are what connections to addresses end with, servers what is at addresses that
	// the domains have in their zones.
	errnos  map[string]syscall.Errno
	servers map[string]*smtptest.Server
	aliases map[string]string // addresses that a host of the domains has, too
	change  func(*dane.Verifier)
}

// oneHost is a.example with one mail server, and what else its zone has.
func oneHost(host danetest.Host, records string) world {
	if host.Name == "" {
		host.Name = "mail"
	}
	return world{domains: []danetest.Domain{{Name: "a.example", Hosts: []danetest.Host{host}, Zone: dnssectest.Zone{Records: records}}}}
}

func (w world) zone(change func(*dnssectest.Zone)) world {
	change(&w.domains[0].Zone)
	return w
}

func (w world) faulty(where string, fault dnssectest.Fault) world {
	return w.zone(func(z *dnssectest.Zone) { z.Faults = map[string]dnssectest.Fault{where: fault} })
}

func (w world) changed(change func(*dane.Verifier)) world {
	w.change = change
	return w
}

// overOne is a host that is sound over IPv4 and refuses connections over IPv6, for a sender
// that connects over one of them.
func overOne(network string) world {
	w := oneHost(danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}}, "mail AAAA 2001:db8::1")
	w.errnos = map[string]syscall.Errno{"2001:db8::1": syscall.ECONNREFUSED}
	return w.changed(func(v *dane.Verifier) { v.Network = network })
}

// checker returns one that lives in the world.
func (w world) checker(t testing.TB) *dane.Checker {
	internet := danetest.New(t, w.domains...)
	internet.DNS.Tamper = w.tamper
	v := internet.Verifier()
	v.Hello = "client.example"
	v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		addr := netip.MustParseAddrPort(address).Addr().String()
		if errno, ok := w.errnos[addr]; ok {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
		}
		if server := w.servers[addr]; server != nil {
			return server.Dial(ctx, network, address)
		}
		if host, ok := w.aliases[addr]; ok {
			return internet.Servers[host].Dial(ctx, network, address)
		}
		return internet.Dial(ctx, network, address)
	}
	if w.change != nil {
		w.change(v)
	}
	return &dane.Checker{Verifier: v}
}

// diagnose returns what is found in a domain, and fails the test unless the same is found in
// the result that is read from JSON.
func diagnose(t testing.TB, result *dane.Result, o diagnosis.Options) diagnosis.Report {
	t.Helper()
	report := diagnosis.Diagnose(result, o)
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var again dane.Result
	if err := json.Unmarshal(text, &again); err != nil && result.Domain != nil {
		t.Fatal(err)
	} else if result.Domain == nil {
		return report
	}
	if diff := cmp.Diff(report, diagnosis.Diagnose(&again, o), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("%s: from JSON (-found +read):\n%s", result.Name, diff)
	}
	return report
}

func find(r diagnosis.Report, code diagnosis.Code) *diagnosis.Finding {
	if i := slices.IndexFunc(r.Findings, func(f diagnosis.Finding) bool { return f.Code == code }); i >= 0 {
		return &r.Findings[i]
	}
	return nil
}

func codes(r diagnosis.Report) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Severity.String()+" "+string(f.Code))
	}
	return strings.Join(all, ", ")
}

// presenting makes a server present certificates of one's own.
func presenting(certificates ...tls.Certificate) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Certificates = certificates }
}

func failing(stage smtptest.Stage, fault smtptest.Fault) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{stage: fault} }
}

func saying(stage smtptest.Stage, reply string) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{stage: reply} }
}

// serverOf is a mail server that presents a certificate.
func serverOf(t testing.TB, certificate *tlsatest.Certificate) *smtptest.Server {
	s := smtptest.NewUnstartedServer(certificate.TLS())
	t.Cleanup(s.Close)
	return s
}
