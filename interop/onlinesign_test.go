//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestUnboundMixesUpDenials has Unbound, which resolves by itself with QNAME minimisation,
// validates, and keeps what it gets, ask a Knot that signs its denials as it is asked, and
// so has another list of types in each. Unbound 1.17.1 then denies A, if asked with CD, by
// the record that was made for AAAA and lists A. Nobody's mail waits for that.
func TestUnboundMixesUpDenials(t *testing.T) {
	lab.stopAfter(t)
	const zone, names = "onlinesign.test", 10
	signer, ds := startOnlineSigner(t, zone)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(unboundServer, port, "validator iterator") +
		fmt.Sprintf(" trust-anchor-file: %q\nstub-zone:\n name: %q\n stub-addr: %s\n", ds, zone, strings.Replace(signer, ":", "@", 1))
	file, err := lab.writeFile("unbound-"+zone+".conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	server := address(port)
	if err := lab.startDaemon("unbound-"+zone, answers(server, zone, dns.TypeSOA), lab.path("bin-unbound"), "-d", "-c", file); err != nil {
		t.Fatal(err)
	}
	anchors, err := anchor.ReadFile(ds)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &dnssec.Resolver{Exchanger: poolOf(&upstream.Client{Address: server}), Anchors: anchors, NoAggressiveUse: true}
	mixedUp := 0
	for i := range names {
		name := fmt.Sprintf("x%d.%s.", i, zone)
		for _, before := range []dns.Question{{Name: name, Qtype: dns.TypeAAAA}, {Name: "y." + name, Qtype: dns.TypeA}} {
			askWithCD(t, server, before.Name, before.Qtype)
		}
		answer, err := resolver.Lookup(t.Context(), name, dns.TypeA)
		if err != nil || answer.Status != dnssec.Secure || len(answer.Records) > 0 {
			t.Errorf("%s A is %s, want a secure denial: %v", name, answer.Status, err)
			continue
		}
		asked := 0
		for _, e := range answer.Exchanges() {
			if e.Name == name {
				asked++
			}
		}
		if asked > 1 {
			mixedUp++
		}
	}
	// Another Unbound may be right at once, and then there is nothing to see here.
	t.Logf("%d of %d denials were those of another type at first", mixedUp, names)
}

// startOnlineSigner returns the address of a Knot that signs a zone as it is asked, and the
// file of its DS records.
func startOnlineSigner(t *testing.T, zone string) (server, ds string) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte("@ 3600 SOA ns admin 1 7200 3600 86400 3600\n@ 3600 NS ns\nns 3600 A 127.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := lab.writeFile("knot-"+zone+".conf", fmt.Sprintf(onlineSigner, port, dir, zone))
	if err != nil {
		t.Fatal(err)
	}
	server = address(port)
	if err := lab.startDaemon("knot-"+zone, answers(server, zone, dns.TypeSOA), "knotd", "-c", file); err != nil {
		t.Fatal(err)
	}
	output, err := command(lab.dir, "keymgr", "-c", file, zone+".", "ds")
	if err != nil {
		t.Fatal(output, err)
	}
	if ds, err = lab.writeFile("knot-"+zone+".ds", output); err != nil {
		t.Fatal(err)
	}
	return server, ds
}

const onlineSigner = `server:
  listen: 127.0.0.1@%d
  rundir: %[2]q
database:
  storage: %[2]q
policy:
  - id: policy
    algorithm: ecdsap256sha256
mod-onlinesign:
  - id: signer
    policy: policy
zone:
  - domain: %[3]s.
    storage: %[2]q
    file: zone
    module: mod-onlinesign/signer
`

func askWithCD(t *testing.T, server, name string, qtype uint16) {
	t.Helper()
	query := new(dns.Msg).SetQuestion(name, qtype)
	query.SetEdns0(1232, true)
	query.CheckingDisabled = true
	if _, err := dns.Exchange(query, server); err != nil {
		t.Fatal(err)
	}
}
