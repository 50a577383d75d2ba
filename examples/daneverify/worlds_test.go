package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

const otherKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// worlds says how many random worlds there are with a fault, and as many without.
func worlds(t *testing.T) int {
	text := os.Getenv("DANE_WORLDS")
	if text == "" {
		return 40
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("DANE_WORLDS: %v", err)
	}
	return n
}

// A worldFault goes wrong with one host of a domain, or with its zone.
type worldFault struct {
	name  string
	apply func(d *danetest.Domain, h *danetest.Host)
}

func worldRecords(all ...string) func(*danetest.Domain, *danetest.Host) {
	return func(_ *danetest.Domain, h *danetest.Host) { h.TLSA = all }
}

func worldServer(stage smtptest.Stage, fault smtptest.Fault) func(*danetest.Domain, *danetest.Host) {
	return func(_ *danetest.Domain, h *danetest.Host) {
		h.Server = func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{stage: fault} }
	}
}

func worldLeaf(fault tlsatest.Fault) func(*danetest.Domain, *danetest.Host) {
	return func(_ *danetest.Domain, h *danetest.Host) {
		h.TLSA, h.Certificate.Faults = []string{"2 1 1"}, fault
	}
}

func worldZone(where string, fault dnssectest.Fault) func(*danetest.Domain, *danetest.Host) {
	return func(d *danetest.Domain, h *danetest.Host) {
		d.Zone.Faults = map[string]dnssectest.Fault{strings.ReplaceAll(where, "HOST", h.Name): fault}
	}
}

var worldFaults = []worldFault{
	{"another key", worldRecords("3 1 1 " + otherKey)},
	{"another CA", worldRecords("2 1 1 " + otherKey)},
	{"usage 1 alone", worldRecords("1 1 1")},
	{"no next key", worldRecords("3 1 1")},
	{"no records", worldRecords()},
	{"an expired certificate", worldLeaf(tlsatest.Expired)},
	{"a certificate for another name", worldLeaf(tlsatest.WrongName)},
	{"STARTTLS refused", worldServer(smtptest.AtStartTLS, smtptest.Permanent)},
	{"closed in the handshake", worldServer(smtptest.AtHandshake, smtptest.Close)},
	{"put off in the greeting", worldServer(smtptest.AtGreeting, smtptest.Temporary)},
	{"EHLO refused over TLS", worldServer(smtptest.AtHelloTLS, smtptest.Permanent)},
	{"no STARTTLS", func(_ *danetest.Domain, h *danetest.Host) {
		h.Server = func(s *smtptest.Server) { s.NoStartTLS = true }
	}},
	{"TLS 1.1", func(_ *danetest.Domain, h *danetest.Host) {
		h.Server = func(s *smtptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		}
	}},
	{"MX has expired", worldZone("@ MX", dnssectest.Expired)},
	{"an address without signature", worldZone("HOST A", dnssectest.NoSignature)},
	{"TLSA is signed wrongly", worldZone("_25._tcp.HOST TLSA", dnssectest.BadSignature)},
	{"TLSA gets SERVFAIL", worldZone("_25._tcp.HOST TLSA", dnssectest.ServFail)},
	{"the DS record is wrong", worldZone(dnssectest.WholeZone, dnssectest.WrongDS)},
	{"the zone is not valid yet", worldZone(dnssectest.WholeZone, dnssectest.NotYetValid)},
	{"the zone is not signed", func(d *danetest.Domain, _ *danetest.Host) { d.Zone.Unsigned = true }},
	{"there is no DS record", func(d *danetest.Domain, _ *danetest.Host) { d.Zone.NoDS = true }},
	{"an MX host without address", func(d *danetest.Domain, _ *danetest.Host) { d.Zone.Records += "@ MX 90 gone\n" }},
	{"an MX host on loopback", func(d *danetest.Domain, _ *danetest.Host) { d.Zone.Records += "@ MX 90 me\nme A 127.0.0.1\n" }},
	{"an MX host that is an address", func(d *danetest.Domain, _ *danetest.Host) { d.Zone.Records += "@ MX 90 192.0.2.1.\n" }},
}

// TestCheckRandomWorlds checks domains of small Internets that are made by chance: without a
// fault the state is OK and the exit status 0, with one it is never OK, and the exit status is
// that of the state.
//
//	DANE_WORLDS=1000 go test ./examples/daneverify -run RandomWorlds -v
func TestCheckRandomWorlds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var running sync.WaitGroup
	seen, places := make(map[string]int), make(chan struct{}, 8)
	for seed := range worlds(t) {
		for _, broken := range []bool{false, true} {
			places <- struct{}{}
			running.Go(func() {
				defer func() { <-places }()
				state := checkRandomWorld(t, seed, broken)
				mu.Lock()
				defer mu.Unlock()
				seen[fmt.Sprintf("fault %t: %s", broken, state)]++
			})
		}
	}
	running.Wait()
	t.Logf("%v", seen)
}

// checkRandomWorld returns the state and the exit status.
func checkRandomWorld(t *testing.T, seed int, broken bool) string {
	random := rand.New(rand.NewPCG(uint64(seed), 7671))
	sound := [][]string{{"3 1 1", "2 1 1"}, {"2 1 1"}, {"3 1 1", "3 1 1 " + otherKey}, {"2 0 1"}}
	d := danetest.Domain{Name: "a.example"}
	if random.IntN(2) == 0 {
		d.Zone.Denial = dnssectest.NSEC3
	}
	for i := range 1 + random.IntN(3) {
		d.Hosts = append(d.Hosts, danetest.Host{Name: fmt.Sprintf("mx%d", i), TLSA: sound[random.IntN(len(sound))]})
	}
	what := "no fault"
	if broken {
		f := worldFaults[seed%len(worldFaults)]
		f.apply(&d, &d.Hosts[random.IntN(len(d.Hosts))])
		what = f.name
	}
	strict := random.IntN(2) == 0
	o := defaults()
	o.checking, o.strict, o.domains = true, strict, []string{d.Name}
	o.screen = cli.Screen{Width: 60 + random.IntN(100)}
	var stdout, stderr bytes.Buffer
	status := verifyAll(t.Context(), danetest.New(t, d).Verifier(), *o, &stdout, &stderr)
	state, _, _ := strings.Cut(stdout.String(), " ")
	want := map[string]int{"OK": 0, "WARNING": 0, "BROKEN": 1, "NONE": 3, "UNKNOWN": 2}[state]
	if state == "WARNING" && strict {
		want = 1
	}
	if (state == "OK") == broken || status != want {
		t.Errorf("world %d, %s: exit status %d, want %d\n%s%s", seed, what, status, want, stdout.String(), stderr.String())
	}
	return fmt.Sprintf("%s, exit status %d", state, status)
}
