//go:build interop

package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestServersThatDisagree has package compare ask named, a Knot with an old zone, and an Unbound
// that the zone names although it is a resolver, which refuses queries without RD. It tells each for what it is, and finds nothing
// wrong with how named and Knot treat TCP and EDNS.
func TestServersThatDisagree(t *testing.T) {
	lab.stopAfter(t)
	const zone = "disagree.test"
	key := func(letter string) string { return strings.Repeat(letter, 64) }
	text := func(serial int, key string) string {
		return fmt.Sprintf("$TTL 300\n@ SOA named hostmaster %d 7200 3600 86400 300\n@ NS named\n@ NS knot\n@ NS unbound\n"+
			"named A 192.0.2.1\nknot A 192.0.2.2\nunbound A 192.0.2.3\n@ MX 10 mail\nmail A 192.0.2.25\n_25._tcp.mail TLSA 3 1 1 %s\n", serial, key)
	}
	ds, err := lab.sign(signing{zone: zone, text: text(8, key("a")), algorithm: "ECDSAP256SHA256"})
	if err != nil {
		t.Fatal(err)
	}
	old, err := lab.writeFile("old-"+zone, text(7, key("b")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := command(lab.dir, "dnssec-signzone", "-S", "-K", lab.path("keys-"+zoneFile(zone)), "-d", dir, "-o", zone, "-O", "full", "-f", filepath.Join(dir, "zone"), old); err != nil {
		t.Fatal(err)
	}
	anchors, err := lab.writeFile("disagree.ds", ds)
	if err != nil {
		t.Fatal(err)
	}
	set, err := anchor.ReadFile(anchors)
	if err != nil {
		t.Fatal(err)
	}
	servers := startThatDisagree(t, zone, dir)
	comparer := &compare.Comparer{
		Resolver: &dnssec.Resolver{Exchanger: poolOf(&upstream.Client{Address: servers["192.0.2.1:53"]}), Anchors: set},
		Dial: func(ctx context.Context, network, to string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, servers[to])
		},
	}
	tlsa := compare.Question{Name: "_25._tcp.mail." + zone + ".", Type: dns.TypeTLSA}
	report, err := comparer.Compare(t.Context(), compare.Question{Name: zone, Type: dns.TypeMX}, tlsa, compare.Question{Name: "_25._tcp.nobody." + zone, Type: dns.TypeTLSA})
	if err != nil || report.Path != compare.PathOpen || len(report.Zones) != 1 || len(report.Zones[0].Servers) != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	z := &report.Zones[0]
	for i, want := range []struct {
		name    string
		outcome compare.Outcome
		serial  uint32
		key     string
	}{{"knot." + zone + ".", compare.Answered, 7, "b"}, {"named." + zone + ".", compare.Answered, 8, "a"}, {"unbound." + zone + ".", compare.Refused, 0, ""}} {
		s := &z.Servers[i]
		if s.Name != want.name || s.Outcome != want.outcome || s.Serial != want.serial || len(s.Flaws) > 0 {
			t.Errorf("%+v", s)
		}
		if a := s.Answer(tlsa); want.key != "" && (a == nil || a.Status != dnssec.Secure || a.Said() != "3 1 1 "+key(want.key)) {
			t.Errorf("%s: %+v", s, a)
		}
	}
	if d := z.Differences(); len(d) != 1 || d[0].Question != tlsa || d[0].Varies {
		t.Errorf("%+v", d)
	}
}

// startThatDisagree starts the servers, and returns where they are.
func startThatDisagree(t *testing.T, zone, dir string) map[string]string {
	t.Helper()
	servers := make(map[string]string)
	ports := make(map[string]int)
	for i, name := range []string{"named", "knot", "unbound"} {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		ports[name], servers[fmt.Sprintf("192.0.2.%d:53", i+1)] = port, address(port)
	}
	conf := fmt.Sprintf(namedOptions, ports["named"], "recursion no; dnssec-validation no;") + lab.zoneStatement(zone)
	if err := lab.startNamed("named-"+zone, conf, answers(address(ports["named"]), zone, dns.TypeSOA)); err != nil {
		t.Fatal(err)
	}
	knot := filepath.Join(dir, "knot.conf")
	if err := os.WriteFile(knot, fmt.Appendf(nil, plainKnot, ports["knot"], dir, zone), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lab.startDaemon("knot-"+zone, answers(address(ports["knot"]), zone, dns.TypeSOA), "knotd", "-c", knot); err != nil {
		t.Fatal(err)
	}
	conf = fmt.Sprintf(unboundServer, ports["unbound"], "iterator") + fmt.Sprintf("stub-zone:\n name: %q\n stub-addr: 127.0.0.1@%d\n", zone, ports["named"])
	unbound, err := lab.writeFile("unbound-"+zone+".conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.startDaemon("unbound-"+zone, answers(address(ports["unbound"]), zone, dns.TypeSOA), lab.path("bin-unbound"), "-d", "-c", unbound); err != nil {
		t.Fatal(err)
	}
	return servers
}

const plainKnot = `server:
  listen: 127.0.0.1@%d
  rundir: %[2]q
database:
  storage: %[2]q
zone:
  - domain: %[3]s.
    storage: %[2]q
    file: zone
`
