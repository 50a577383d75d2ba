//go:build interop

package interop

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// TestDnsperf measures how many queries a second the program validator of the examples answers
// from its cache, beside Unbound with one thread, in rounds that take turns. What both get of the
// processors depends on what else the machine does, so that the rates are told, and it is the
// processor time of a query in each one's best round that must not be three times Unbound's.
// DANE_DNSPERF=1 is for a quiet machine: then the rate must be half of Unbound's at least.
func TestDnsperf(t *testing.T) {
	const names, rounds = 1000, 3
	seconds, quiet := 2, os.Getenv("DANE_DNSPERF") != ""
	if quiet {
		seconds = 5
	}
	var records, queries strings.Builder
	for i := range names {
		fmt.Fprintf(&records, "m%d MX 10 h%[1]d\nh%[1]d A 192.0.2.1\n_25._tcp.h%[1]d TLSA 3 1 1 %s\n", i, noDigest)
		fmt.Fprintf(&queries, "m%d.example MX\nh%[1]d.example A\n_25._tcp.h%[1]d.example TLSA\n", i)
	}
	file, err := lab.writeFile("dnsperf.queries", queries.String())
	if err != nil {
		t.Fatal(err)
	}
	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: records.String()})
	servers := startForDnsperf(t, world)
	rates, best := map[string]float64{}, map[string]float64{}
	for round := range rounds + 1 {
		for _, s := range servers {
			cpu := s.cpu(t)
			perSecond, answers := runDnsperf(t, s.port, file, seconds)
			if round == 0 {
				continue // the cache was empty
			}
			micros := (s.cpu(t) - cpu) * 1e6 / answers
			t.Logf("%-10s %8.0f queries/s, %5.1f µs of processor time a query", s.name, perSecond, micros)
			rates[s.name] += perSecond
			if best[s.name] == 0 || micros < best[s.name] {
				best[s.name] = micros
			}
		}
	}
	rate, work := rates["validator"]/rates["unbound"], best["unbound"]/best["validator"]
	t.Logf("%.2f × the queries of Unbound; by processor time %.2f ×", rate, work)
	switch {
	case work < 0.3:
		t.Errorf("by processor time, want at least 0.3 × Unbound's")
	case quiet && rate < 0.5:
		t.Errorf("want at least half of Unbound's")
	}
}

type measured struct {
	name string
	port int
	pid  int
}

// startForDnsperf starts both before the same forwarder.
func startForDnsperf(t *testing.T, world *dnssectest.Internet) (servers []measured) {
	t.Helper()
	lab.stopAfter(t)
	upstream, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := lab.writeFile("dnsperf.ds", world.Anchors()[0].DS.String()+"\n")
	if err != nil {
		t.Fatal(err)
	}
	program := lab.path("dnsperf-validator")
	if _, err := command("..", "go", "build", "-o", program, "./examples/validator"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"unbound", "validator"} {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		conf, err := lab.writeFile("dnsperf.conf", fmt.Sprintf(unboundServer, port, "validator iterator")+" num-threads: 1\n"+
			fmt.Sprintf(" trust-anchor-file: %q\nforward-zone:\n name: \".\"\n forward-addr: %s\n", anchors, strings.Replace(upstream, ":", "@", 1)))
		if err != nil {
			t.Fatal(err)
		}
		argv := []string{lab.path("bin-unbound"), "-d", "-c", conf}
		if name == "validator" {
			argv = []string{program, "-listen", address(port), "-resolver", upstream, "-anchors", anchors}
		}
		if err := lab.startDaemon("dnsperf-"+name, answers(address(port), "m1.example", dns.TypeMX), argv...); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, measured{name, port, lab.daemons[len(lab.daemons)-1].cmd.Process.Pid})
	}
	return servers
}

var (
	dnsperfRate = regexp.MustCompile(`Queries per second:\s+([\d.]+)`)
	dnsperfDone = regexp.MustCompile(`Queries completed:\s+(\d+) `)
)

func runDnsperf(t *testing.T, port int, file string, seconds int) (perSecond, answers float64) {
	t.Helper()
	out, err := command("/", "dnsperf", "-s", "127.0.0.1", "-p", strconv.Itoa(port), "-d", file, "-l", strconv.Itoa(seconds), "-e", "-D")
	rate, done := dnsperfRate.FindStringSubmatch(out), dnsperfDone.FindStringSubmatch(out)
	if err != nil || rate == nil || done == nil {
		t.Fatalf("dnsperf: %v\n%s", err, out)
	}
	perSecond, _ = strconv.ParseFloat(rate[1], 64)
	answers, _ = strconv.ParseFloat(done[1], 64)
	return perSecond, answers
}

// cpu is the time in seconds that the server has had of the processors.
func (m measured) cpu(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.pid))
	if err != nil {
		t.Fatal(err)
	}
	const ticks = 100                               // a second, on Linux
	_, after, _ := strings.Cut(string(text), ") ")  // the name may have blanks
	f := strings.Fields(after)                      // proc_pid_stat(5) from its third field on
	user, err := strconv.ParseFloat(f[14-3], 64)    // utime
	system, err2 := strconv.ParseFloat(f[15-3], 64) // stime
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return (user + system) / ticks
}
