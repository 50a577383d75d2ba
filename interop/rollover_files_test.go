//go:build interop

package interop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestTrustAnchorsClauses gives BIND's clauses to delv and to us, and all of a named.conf to
// a named that validates and to us.
func TestTrustAnchorsClauses(t *testing.T) {
	z := (&rollingZone{name: "clauses.test.", ttl: 86400, last: 1, keys: []rollingKey{
		{name: "right", publish: 1, activate: 1},
		{name: "wrong"}, // which is not in the zone
	}}).serve(t)
	for _, kind := range []string{"static-key", "initial-key", "static-ds", "initial-ds"} {
		for key, trusted := range map[string]bool{"right": true, "wrong": false} {
			t.Run(kind+"/"+key, func(t *testing.T) {
				file, err := lab.writeFile("clause-"+kind+"-"+key, z.clause(kind, key))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := z.secure(t, file); got != trusted {
					t.Errorf("secure for us is %t, want %t: %v", got, trusted, err)
				}
				out, err := exec.CommandContext(t.Context(), "delv", "@127.0.0.1", "-p", fmt.Sprint(z.port),
					"-a", file, "+root="+z.name, "ns."+z.name, "A").CombinedOutput()
				if got := strings.Contains(string(out), "; fully validated"); got != trusted {
					t.Errorf("secure for delv is %t, want %t: %v\n%s", got, trusted, err, out)
				}
			})
		}
	}
	t.Run("named.conf", func(t *testing.T) {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		conf := fmt.Sprintf(namedOptions, port, "dnssec-validation yes;") + z.clause("initial-key", "right") +
			fmt.Sprintf("zone %q { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };\n", z.name, z.port)
		name := z.unique("validator")
		if err := lab.startNamed(name, conf, answers(address(port), "ns."+z.name, dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		z.wantAD(t, address(port), true)
		if secure, err := z.secure(t, lab.path(name+".conf")); !secure {
			t.Error(err)
		}
	})
}

// clause is a key as BIND's configuration has it.
func (z *rollingZone) clause(kind, name string) string {
	key := z.anchors[name].Key
	data := fmt.Sprintf("%d %d %d %q", key.Flags, key.Protocol, key.Algorithm, key.PublicKey)
	if strings.HasSuffix(kind, "-ds") {
		ds := key.ToDS(dns.SHA256)
		data = fmt.Sprintf("%d %d %d %q", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	}
	return fmt.Sprintf("trust-anchors { %q %s %s; };\n", z.name, kind, data)
}

// secure reports whether the zone is secure by the anchors of a file.
func (z *rollingZone) secure(t *testing.T, file string) (bool, error) {
	t.Helper()
	anchors, err := anchor.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	resolver := z.resolver(nil)
	resolver.Anchors = anchors
	answer, err := resolver.Lookup(t.Context(), "ns."+z.name, dns.TypeA)
	return answer != nil && answer.Status == dnssec.Secure, err
}

// TestInstalledAnchors reads the root's keys as Debian has them, which are the built-in ones.
func TestInstalledAnchors(t *testing.T) {
	for _, installed := range []struct{ file, in string }{
		{"/etc/bind/bind.keys", "bind9"},
		{"/usr/share/dns/root.ds", "dns-root-data"},
		{"/usr/share/dns/root.key", "dns-root-data"},
	} {
		t.Run(filepath.Base(installed.file), func(t *testing.T) {
			set, err := anchor.ReadFile(installed.file)
			if errors.Is(err, fs.ErrNotExist) && installed.in != "bind9" {
				t.Skipf("the package %s is not installed: %v", installed.in, err)
			}
			if err != nil {
				t.Fatal(err)
			}
			wantBuiltIn(t, set)
		})
	}
}

// wantBuiltIn checks that a set has the built-in keys of the root and no others.
func wantBuiltIn(t *testing.T, set anchor.Set) {
	t.Helper()
	digests := func(set anchor.Set) map[string]bool {
		found := make(map[string]bool)
		for _, a := range set {
			ds := a.DS
			if a.Key != nil {
				ds = a.Key.ToDS(dns.SHA256)
			}
			found[fmt.Sprintf("%s %d %d %d %s", a.Zone, ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToLower(ds.Digest))] = true
		}
		return found
	}
	if diff := cmp.Diff(digests(anchor.Root()), digests(set)); diff != "" {
		t.Errorf("other keys than the built-in ones (-built-in +read):\n%s", diff)
	}
}

// TestUnboundAnchor reads what the program has built in, and the file that it makes of the
// key of our own root.
func TestUnboundAnchor(t *testing.T) {
	program, err := exec.LookPath("unbound-anchor")
	if err != nil {
		t.Skipf("the package unbound-anchor is not installed: %v", err)
	}
	// Before the certificate that it would fetch others by.
	out, err := command(lab.dir, program, "-l")
	if err != nil {
		t.Fatal(err)
	}
	records, _, _ := strings.Cut(out, "-----BEGIN")
	set, err := anchor.Parse(strings.NewReader(records), "unbound-anchor -l")
	if err != nil || len(set) == 0 || set.Private() { // old ones have KSK-2017 alone
		t.Errorf("%v, %v; want keys of the root that are built in here, too", set, err)
	}

	resolver := lab.resolvers[0]
	conf, err := lab.writeFile("unbound-anchor.conf", fmt.Sprintf("server:\n do-not-query-localhost: no\n chroot: \"\"\n"+
		"forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\n", resolver.port))
	if err != nil {
		t.Fatal(err)
	}
	// Where it cannot have the keys by DNS, it would fetch them from port 1 here, in vain.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	file := copyFile(t, lab.rootDS, filepath.Join(t.TempDir(), "root.key"))
	if out, err := exec.CommandContext(ctx, program, "-v", "-a", file, "-C", conf, "-u", "127.0.0.1", "-P", "1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), ";;state=2 [  VALID  ]") {
		t.Fatalf("no state file: %v\n%s", err, text)
	}
	follower := newResolver(t, poolOf(&upstream.Client{Address: address(resolver.port)}))
	follower.Anchors = &anchor.Tracker{Store: &anchor.FileStore{Path: file}}
	lookups[0].check(t, follower, 10*time.Second)
	if _, err := follower.RefreshAnchors(t.Context()); err != nil {
		t.Error(err)
	}
}
