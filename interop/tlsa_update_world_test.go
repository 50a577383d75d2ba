//go:build interop

package interop

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// Addresses in the network namespace of a test. Each server has port 53 of its own.
const (
	updateRoot    = "127.0.0.1"
	updatePrimary = "127.0.0.2"
	updateProxy   = "127.0.0.3" // in front of the primary
	updateMail    = "127.0.0.25:25"
)

// Keys that the primary knows. The first one may change the zone.
const (
	updateSecret = "7iDm0VDNa15o8OXv/HIFDrM/YmmT39DgV3l0Xx+7OoY="
	readerSecret = "XhNm6L3zaGG9oD/vOAMPJiZt7BRmZ1tRTotXbzP9Gw0="
)

// An updateWorld has a root, a zone dyn. that its primary signs and that can be changed by
// dynamic updates, and a mail server.
type updateWorld struct {
	*namespace
	dir, program  string
	hints, rootDS string
	ca            *tlsatest.CA
	old, next     *tlsatest.Certificate
	relay         *updateRelay
}

// A primary is a server program, and how to start it with a zone.
type primary struct {
	name  string
	start func(w *updateWorld, zone string, front ...string) error
}

var primaries = []primary{{"named", startUpdateNamed}, {"knotd", startUpdateKnot}, {"pdns_server", startUpdatePowerDNS}}

// newUpdateWorld starts all of it.
func newUpdateWorld(t *testing.T, p primary, front ...string) *updateWorld {
	t.Helper()
	if _, err := exec.LookPath(p.name); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	w := &updateWorld{namespace: newNamespace(t, syscall.CLONE_NEWNET), program: program}
	if w.dir, err = os.MkdirTemp(lab.dir, "update-"); err != nil { // where Debian's profiles let servers read
		t.Fatal(err)
	}
	lab.stopAfter(t)
	w.ca = tlsatest.NewCA(tlsatest.Authority{Name: "CA"})
	leaf := tlsatest.Leaf{Names: []string{"mx.dyn"}}
	w.old, w.next = w.ca.Issue(leaf), w.ca.Issue(leaf)
	w.chain("old.pem", w.old)
	w.chain("new.pem", w.next)
	w.write("ddns.key", fmt.Sprintf("key \"ddns\" {\n\talgorithm hmac-sha256;\n\tsecret %q;\n};\n", updateSecret))
	w.write("reader.key", "hmac-sha256:reader:"+readerSecret)
	w.write("strange.key", "hmac-sha256:strange:"+readerSecret)
	w.write("wrong.key", "hmac-sha256:ddns:"+readerSecret)
	w.do(func() {
		if _, err = command(w.dir, "ip", "link", "set", "lo", "up"); err == nil {
			_, err = command(w.dir, "ip", "address", "add", updatePrimary+"/8", "dev", "lo") // named listens on what is listed
		}
		if err == nil {
			err = p.start(w, w.write("dyn.zone", w.zone()), front...)
		}
		if err == nil {
			err = w.startRoot()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.relay = newUpdateRelay(t, w)
	return w
}

func (w *updateWorld) path(name string) string { return filepath.Join(w.dir, name) }

// write writes a file. That it fails is found out by who reads it.
func (w *updateWorld) write(name, text string) string {
	os.WriteFile(w.path(name), []byte(text), 0o640)
	return w.path(name)
}

func (w *updateWorld) chain(name string, c *tlsatest.Certificate) {
	var text []byte
	for _, cert := range []*x509.Certificate{c.Leaf, w.ca.Certificate} {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	w.write(name, string(text))
}

func updateRecord(c *tlsatest.Certificate) string { return c.Record(tlsa.SPKI, tlsa.SHA256).String() }

// zone has a host with records, two that share a set behind an alias, and others without.
// TTLs are short, so that a test can wait for them.
func (w *updateWorld) zone() string {
	return fmt.Sprintf(`$ORIGIN dyn.
@ 2 IN SOA ns.dyn. hostmaster.dyn. 1 7200 900 604800 2
@ 2 IN NS ns.dyn.
ns 2 IN A %s
mx 2 IN A 127.0.0.25
shared 2 IN A 127.0.0.25
empty 2 IN A 127.0.0.25
other 2 IN A 127.0.0.25
wild 2 IN A 127.0.0.25
second 2 IN A 127.0.0.25
certbot 2 IN A 127.0.0.25
dehydrated 2 IN A 127.0.0.25
lego 2 IN A 127.0.0.25
acmesh 2 IN A 127.0.0.25
_25._tcp.mx 2 IN TLSA %[2]s
_25._tcp.shared 2 IN CNAME set.dyn.
_25._tcp.second 2 IN CNAME set.dyn.
set 2 IN TLSA %[2]s
*._tcp.wild 2 IN TLSA %[2]s
`, updatePrimary, updateRecord(w.old))
}

// startRoot serves a root that delegates to the primary by the keys that it has.
func (w *updateWorld) startRoot() error {
	reply, err := ask(net.JoinHostPort(updatePrimary, "53"), "dyn.", dns.TypeDNSKEY)
	if err != nil {
		return err
	}
	text := zoneHeader(updateRoot) + delegation("dyn", updatePrimary)
	for _, rr := range reply.Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP != 0 {
			text += key.ToDS(dns.SHA256).String() + "\n"
		}
	}
	zone := w.write("root.unsigned", text)
	key, err := lab.makeKey(w.dir, ".", "ECDSAP256SHA256", "-f", "KSK")
	if err != nil {
		return err
	}
	if _, err := command(w.dir, "dnssec-signzone", "-S", "-z", "-K", w.dir, "-d", w.dir, "-o", ".", "-O", "full", "-f", w.path("root.zone"), zone); err != nil {
		return err
	}
	ds, err := command(w.dir, "dnssec-dsfromkey", "-2", w.path(key+".key"))
	if err != nil {
		return err
	}
	w.rootDS, w.hints = w.write("root.ds", ds), w.write("named.root", fmt.Sprintf(". 3600000 NS ns.\nns. 3600000 A %s\n", updateRoot))
	conf := fmt.Sprintf(namedOptions, 53, "recursion no; dnssec-validation no;") +
		fmt.Sprintf("zone \".\" { type primary; file %q; };\n", w.path("root.zone"))
	return lab.startNamed(filepath.Base(w.dir)+"-root", conf, answers(net.JoinHostPort(updateRoot, "53"), ".", dns.TypeSOA))
}

// isSigned checks that a zone is served, and signed.
func isSigned() error {
	reply, err := ask(net.JoinHostPort(updatePrimary, "53"), "_25._tcp.mx.dyn.", dns.TypeTLSA)
	if err != nil {
		return err
	}
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == dns.TypeRRSIG {
			return nil
		}
	}
	return fmt.Errorf("not signed: %v", reply)
}

func startUpdateNamed(w *updateWorld, zone string, front ...string) error {
	const other = 5301 // on the address that namedOptions has, and the root
	conf := fmt.Sprintf(namedOptions, other, fmt.Sprintf("listen-on { %s; }; recursion no; dnssec-validation no; key-directory %q;", updatePrimary, w.dir)) +
		fmt.Sprintf(`key "ddns" { algorithm hmac-sha256; secret %q; };
key "reader" { algorithm hmac-sha256; secret %q; };
zone "dyn." {
	type primary;
	file %q;
	dnssec-policy default;
	update-policy { grant ddns zonesub TLSA; };
};
`, updateSecret, readerSecret, zone)
	return lab.startNamed(filepath.Base(w.dir)+"-primary", conf, isSigned, front...)
}

func startUpdateKnot(w *updateWorld, zone string, front ...string) error {
	file := w.write("knot.conf", fmt.Sprintf(`server:
  listen: %s@53
  rundir: %[2]q
database:
  storage: %[2]q
key:
  - id: ddns
    algorithm: hmac-sha256
    secret: %[3]s
  - id: reader
    algorithm: hmac-sha256
    secret: %[4]s
acl:
  - id: ddns
    key: ddns
    action: update
  - id: reader
    key: reader
    action: transfer
policy:
  - id: policy
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
  - domain: dyn.
    storage: %[2]q
    file: %[5]q
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
    dnssec-signing: on
    dnssec-policy: policy
    acl: [ddns, reader]
`, updatePrimary, w.dir, updateSecret, readerSecret, zone))
	return lab.startDaemon(filepath.Base(w.dir)+"-primary", isSigned, append(front, "knotd", "-c", file)...)
}

func startUpdatePowerDNS(w *updateWorld, zone string, front ...string) error {
	database := w.path("pdns.sqlite3")
	conf := w.write("pdns.conf", fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s
gsqlite3-dnssec=yes
local-address=%s
local-port=53
socket-dir=%s
dnsupdate=yes
allow-dnsupdate-from=
security-poll-suffix=
consistent-backends=yes
guardian=no
daemon=no
`, database, updatePrimary, w.dir))
	schema, err := os.ReadFile("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
	if err != nil {
		schema, err = os.ReadFile("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	}
	if err != nil {
		return err
	}
	tool := []string{"pdnsutil", "--config-dir=" + filepath.Dir(conf)}
	for _, argv := range [][]string{
		{"sqlite3", database, string(schema)},
		slices.Concat(tool, []string{"load-zone", "dyn", zone}),
		slices.Concat(tool, []string{"secure-zone", "dyn"}),
		slices.Concat(tool, []string{"rectify-zone", "dyn"}),
		slices.Concat(tool, []string{"import-tsig-key", "ddns", "hmac-sha256", updateSecret}),
		slices.Concat(tool, []string{"import-tsig-key", "reader", "hmac-sha256", readerSecret}),
		slices.Concat(tool, []string{"set-meta", "dyn", "TSIG-ALLOW-DNSUPDATE", "ddns"}),
		slices.Concat(tool, []string{"set-meta", "dyn", "ALLOW-DNSUPDATE-FROM", "127.0.0.0/8"}),
		slices.Concat(tool, []string{"set-meta", "dyn", "SOA-EDIT-DNSUPDATE", "INCREASE"}),
	} {
		if _, err := command(w.dir, argv...); err != nil {
			return err
		}
	}
	return lab.startDaemon(filepath.Base(w.dir)+"-primary", isSigned, append(front, "pdns_server", "--config-dir="+filepath.Dir(conf))...)
}

// run runs `daneverify tlsa`. Names of files are those of the world.
func (w *updateWorld) run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	argv := []string{"tlsa"}
	for _, arg := range args {
		if ext := filepath.Ext(arg); ext == ".pem" || ext == ".key" {
			arg = w.path(arg)
		}
		argv = append(argv, arg)
	}
	argv = append(argv, "-recursive", "-hints", w.hints, "-anchors", w.rootDS)
	var out, errs strings.Builder
	cmd := exec.Command(w.program, argv...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := w.finish(cmd)
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if ok {
		status = exit.ExitCode()
	}
	return status, out.String(), errs.String()
}

// want runs `daneverify tlsa`, and compares.
func (w *updateWorld) want(t *testing.T, status int, text string, args ...string) (stdout string) {
	t.Helper()
	got, stdout, stderr := w.run(t, args...)
	if got != status || !strings.Contains(stdout+stderr, text) {
		t.Errorf("%s: exit status %d, want %d with %q\n%s%s", strings.Join(args, " "), got, status, text, stdout, stderr)
	}
	return stdout
}

// nsupdate runs a script with the key.
func (w *updateWorld) nsupdate(script string) (out string, err error) {
	cmd := exec.Command("nsupdate", "-k", w.path("ddns.key"))
	var all strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = strings.NewReader(script), &all, &all, w.dir
	err = w.finish(cmd)
	return all.String(), err
}

// finish runs a program in the namespace. Meanwhile the relay has connections to make there.
func (w *updateWorld) finish(cmd *exec.Cmd) (err error) {
	if w.do(func() { err = cmd.Start() }); err != nil {
		return err
	}
	return cmd.Wait()
}

// lookUp asks as a sender does, with an empty cache. The answer is secure, or there is an
// error.
func (w *updateWorld) lookUp(name string) (*dnssec.Answer, error) {
	anchors, err := anchor.ReadFile(w.rootDS)
	if err != nil {
		return nil, err
	}
	resolver := &dnssec.Resolver{Anchors: anchors, Exchanger: &upstream.Recursor{
		Hints: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(updateRoot), 53)}, Dial: w.Dial,
		Allow: func(netip.Addr) bool { return true },
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	answer, err := resolver.Lookup(ctx, name, dns.TypeTLSA)
	if err == nil && answer.Status != dnssec.Secure {
		err = fmt.Errorf("%s TLSA is %s", name, answer.Status)
	}
	return answer, err
}

// wantRecords compares what senders get, which has to be secure.
func (w *updateWorld) wantRecords(t *testing.T, name string, want ...*tlsatest.Certificate) {
	t.Helper()
	answer, err := w.lookUp(name)
	if err != nil {
		t.Error(err)
		return
	}
	var got, wanted []string
	for _, rr := range answer.Records {
		r := rr.(*dns.TLSA)
		got = append(got, fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.MatchingType, strings.ToLower(r.Certificate)))
	}
	for _, c := range want {
		wanted = append(wanted, updateRecord(c))
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("%s TLSA: %q, want %q", name, got, wanted)
	}
}

// wantDenied checks that a name has no records, by a proof.
func (w *updateWorld) wantDenied(t *testing.T, name string) {
	t.Helper()
	w.wantRecords(t, name)
}

// mailServer presents a certificate until it is stopped.
func (w *updateWorld) mailServer(t *testing.T, c *tlsatest.Certificate) (stop func()) {
	t.Helper()
	server := smtptest.NewUnstartedServer(c.TLS())
	var err error
	w.do(func() { _, err = server.Listen(updateMail) })
	if err != nil {
		t.Fatal(err)
	}
	return server.Close
}
