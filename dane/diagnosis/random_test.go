package diagnosis_test

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// worldsVariable says how many random worlds there are with a fault, and as many without.
const worldsVariable = "DANE_WORLDS"

func worlds(t *testing.T) int {
	text := os.Getenv(worldsVariable)
	if text == "" {
		return 60
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", worldsVariable, err)
	}
	return n
}

// A randomWorld is one of a.example, with one to three hosts, of which some have an IPv6
// address, too. All are sound.
type randomWorld struct {
	world
	random *rand.Rand
	addrs  []string // by host; the IPv6 address of host n is 2001:db8::n+1
	both   []bool   // it has an IPv6 address
}

func newRandomWorld(t *testing.T, seed uint64) *randomWorld {
	w := &randomWorld{random: rand.New(rand.NewPCG(seed, 7672))}
	schemes := [][]string{{"3 1 1", "2 1 1"}, {"2 1 1"}, {"2 0 1"}, {"3 1 1", "3 1 1 " + otherKey}, {"3 0 1", "3 0 1 " + otherKey}, {"3 1 1", "2 0 1"}}
	d := danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{TwoKeys: w.random.IntN(2) == 0}}
	if w.random.IntN(2) == 0 {
		d.Zone.Denial = dnssectest.NSEC3
	}
	w.errnos, w.servers = map[string]syscall.Errno{}, map[string]*smtptest.Server{}
	w.aliases = map[string]string{}
	for i := range 1 + w.random.IntN(3) {
		d.Hosts = append(d.Hosts, danetest.Host{Name: fmt.Sprintf("mx%d", i), TLSA: schemes[w.random.IntN(len(schemes))]})
		w.addrs = append(w.addrs, fmt.Sprintf("192.0.2.%d", i+1))
		w.both = append(w.both, w.random.IntN(2) == 0)
		if w.both[i] {
			d.Zone.Records += fmt.Sprintf("mx%d AAAA %s\n", i, ip6(i))
			w.aliases[ip6(i)] = fmt.Sprintf("mx%d.a.example", i)
		}
	}
	if w.random.IntN(4) == 0 {
		d.Zone.Records += "www A 192.0.2.80\n"
	}
	w.domains = []danetest.Domain{d}
	return w
}

func ip6(host int) string { return fmt.Sprintf("2001:db8::%d", host+1) }

// A fault is something that goes wrong with one host or with the zone.
type fault struct {
	name  string
	apply func(t *testing.T, w *randomWorld, host int)
}

func server(change func(*smtptest.Server)) func(*testing.T, *randomWorld, int) {
	return func(_ *testing.T, w *randomWorld, host int) { w.domains[0].Hosts[host].Server = change }
}

func zoneFault(where string, f dnssectest.Fault) func(*testing.T, *randomWorld, int) {
	return func(_ *testing.T, w *randomWorld, host int) {
		w.domains[0].Zone.Faults = map[string]dnssectest.Fault{strings.ReplaceAll(where, "MX?", w.domains[0].Hosts[host].Name): f}
	}
}

func records(all ...string) func(*testing.T, *randomWorld, int) {
	return func(_ *testing.T, w *randomWorld, host int) { w.domains[0].Hosts[host].TLSA = all }
}

func leaf(faults tlsatest.Fault) func(*testing.T, *randomWorld, int) {
	return func(_ *testing.T, w *randomWorld, host int) {
		w.domains[0].Hosts[host].TLSA = []string{"2 1 1"}
		w.domains[0].Hosts[host].Certificate.Faults = faults
	}
}

var faults = []fault{
	{"another key", records("3 1 1 " + otherKey)},
	{"another CA", records("2 1 1 " + otherKey)},
	{"usage 1 alone", records("1 1 1")},
	{"no next key", records("3 1 1")},
	{"a combination that fails", records("3 1 1", "2 1 1", "3 0 1 "+otherKey)},
	{"the certificate has expired", leaf(tlsatest.Expired)},
	{"the certificate is not valid yet", leaf(tlsatest.NotYetValid)},
	{"the certificate is for another name", leaf(tlsatest.WrongName)},
	{"the certificate is for clients", leaf(tlsatest.ClientOnly)},
	{"the certificate has a wrong signature", leaf(tlsatest.WrongSignature)},
	{"no STARTTLS", server(func(s *smtptest.Server) { s.NoStartTLS = true })},
	{"STARTTLS refused", server(failing(smtptest.AtStartTLS, smtptest.Temporary))},
	{"closed at STARTTLS", server(failing(smtptest.AtStartTLS, smtptest.Close))},
	{"injected at STARTTLS", server(failing(smtptest.AtStartTLS, smtptest.Inject))},
	{"closed in the handshake", server(failing(smtptest.AtHandshake, smtptest.Close))},
	{"closed at once", server(failing(smtptest.AtGreeting, smtptest.Close))},
	{"refused in the greeting", server(failing(smtptest.AtGreeting, smtptest.Permanent))},
	{"EHLO refused", server(failing(smtptest.AtHello, smtptest.Permanent))},
	{"EHLO refused over TLS", server(failing(smtptest.AtHelloTLS, smtptest.Permanent))},
	{"TLS 1.1", server(func(s *smtptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})},
	{"a client certificate demanded", server(func(s *smtptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} })},
	{"connection refused", func(_ *testing.T, w *randomWorld, host int) { w.errnos[w.addrs[host]] = syscall.ECONNREFUSED }},
	{"no route here", func(_ *testing.T, w *randomWorld, host int) { w.errnos[w.addrs[host]] = syscall.ENETUNREACH }},
	{"no descriptor", func(_ *testing.T, w *randomWorld, host int) { w.errnos[w.addrs[host]] = syscall.EMFILE }},
	{"connection refused over IPv6", func(_ *testing.T, w *randomWorld, host int) {
		w.both[host], w.errnos[ip6(host)] = true, syscall.ECONNREFUSED
		w.domains[0].Zone.Records += fmt.Sprintf("mx%d AAAA %s\n", host, ip6(host))
	}},
	{"another key over IPv6", func(t *testing.T, w *randomWorld, host int) {
		w.servers[ip6(host)] = serverOf(t, tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{w.domains[0].Hosts[host].Name + ".a.example"}}))
		w.domains[0].Zone.Records += fmt.Sprintf("mx%d AAAA %s\n", host, ip6(host))
	}},
	{"MX has expired", zoneFault("@ MX", dnssectest.Expired)},
	{"MX is not signed", zoneFault("@ MX", dnssectest.NoSignature)},
	{"an address is not valid yet", zoneFault("MX? A", dnssectest.NotYetValid)},
	{"TLSA is signed wrongly", zoneFault("_25._tcp.MX? TLSA", dnssectest.BadSignature)},
	{"TLSA gets SERVFAIL", zoneFault("_25._tcp.MX? TLSA", dnssectest.ServFail)},
	{"TLSA is refused", zoneFault("_25._tcp.MX? TLSA", dnssectest.Refused)},
	{"the zone has expired", zoneFault(dnssectest.WholeZone, dnssectest.Expired)},
	{"the DS record is wrong", zoneFault(dnssectest.WholeZone, dnssectest.WrongDS)},
	{"the zone has no keys", zoneFault(dnssectest.WholeZone, dnssectest.NoKeys)},
	{"the zone is refused", zoneFault(dnssectest.WholeZone, dnssectest.Refused)},
	{"the zone is not signed", func(_ *testing.T, w *randomWorld, _ int) { w.domains[0].Zone.Unsigned = true }},
	{"there is no DS record", func(_ *testing.T, w *randomWorld, _ int) { w.domains[0].Zone.NoDS = true }},
	{"no TLSA record", records()},
	{"an MX host without address", func(_ *testing.T, w *randomWorld, _ int) { w.domains[0].Zone.Records += "@ MX 50 gone\n" }},
	{"an MX host on loopback", func(_ *testing.T, w *randomWorld, _ int) {
		w.domains[0].Zone.Records += "@ MX 50 me\nme A 127.0.0.1\n"
	}},
	{"an MX host that is an address", func(_ *testing.T, w *randomWorld, _ int) { w.domains[0].Zone.Records += "@ MX 50 192.0.2.1.\n" }},
	{"an MX host without DANE", func(_ *testing.T, w *randomWorld, _ int) {
		w.domains[0].Zone.Records += "@ MX 50 other\nother A 192.0.2.99\n"
	}},
	{"denials without proof", func(_ *testing.T, w *randomWorld, _ int) {
		w.domains[0].Zone.Denial = dnssectest.NSEC
		w.domains[0].Zone.Records = ""
		w.tamper = withoutDenials
	}},
	{"a signature by a key that is gone", func(_ *testing.T, w *randomWorld, _ int) { w.tamper = inMX(func(sig *dns.RRSIG) { sig.KeyTag++ }) }},
}

// TestRandomWorlds makes small Internets by chance, half of them with one fault: the state is
// OK exactly where there is no fault.
//
//	DANE_WORLDS=1000 go test ./dane/diagnosis -run RandomWorlds
func TestRandomWorlds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	states := map[diagnosis.State]int{}
	places := make(chan struct{}, 8)
	var running sync.WaitGroup
	start := time.Now()
	for seed := range uint64(worlds(t)) {
		for _, broken := range []bool{false, true} {
			places <- struct{}{}
			running.Go(func() {
				defer func() { <-places }()
				state := judgeRandomWorld(t, seed, broken)
				mu.Lock()
				defer mu.Unlock()
				states[state]++
			})
		}
	}
	running.Wait()
	t.Logf("states %v after %s", states, time.Since(start).Round(time.Millisecond))
}

func judgeRandomWorld(t *testing.T, seed uint64, broken bool) diagnosis.State {
	w := newRandomWorld(t, seed)
	what := "no fault"
	if broken {
		f := faults[int(seed)%len(faults)]
		host := w.random.IntN(len(w.domains[0].Hosts))
		f.apply(t, w, host)
		what = fmt.Sprintf("%s (host %d)", f.name, host)
	}
	checker := w.checker(t)
	result, err := checker.Verify(t.Context(), "a.example")
	if err != nil {
		t.Errorf("world %d, %s: %v", seed, what, err)
		return diagnosis.StateUnknown
	}
	report := diagnose(t, result, diagnosis.Options{})
	if (report.State == diagnosis.StateOK) == broken {
		t.Errorf("world %d, %s: state %s: %s\n%s", seed, what, report.State, codes(report), result)
	}
	if broken && len(report.Findings) == 0 {
		t.Errorf("world %d, %s: nothing is found", seed, what)
	}
	return report.State
}
