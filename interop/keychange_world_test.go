//go:build interop

package interop

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// Addresses in the world where keys change. Those of mail servers are ours on the loopback device without more.
const (
	changeRoot  = "10.25.0.60"
	changeCache = "127.0.0.2" // which the resolver at 127.0.0.1 forwards to
)

// changeServers are the name servers of all mail domains. The first is where the domains'
// owners publish.
var changeServers = []string{"10.25.0.61", "10.25.0.62", "10.25.0.63"}

// Times of the zones, in seconds: the TTL of the TLSA records, and REFRESH and RETRY, where
// named takes from three quarters to all of it.
const (
	changeTTL     = 8
	changeRefresh = 40
)

// A changeWorld is a namespace with mail domains whose servers get other keys while Postfix
// sends to them, at the level dane-only, by a resolver that validates and asks a cache.
type changeWorld struct {
	*namespace
	site    *internet
	ca      *tlsatest.CA
	domains []*changeDomain
	named   []*daemon // the changeServers
}

// A changeDomain is a mail domain, its zone and its server.
type changeDomain struct {
	name      string
	secondary bool // the second name server is a secondary; otherwise there are three that know nothing of each other
	mail      string
	serial    int
	records   []tlsa.Record

	current, next *tlsatest.Certificate
	presented     atomic.Pointer[tls.Certificate]
}

func (d *changeDomain) host() string { return "mx." + d.name }

// servers are those of the zone, as numbers of changeServers.
func (d *changeDomain) servers() []int {
	if d.secondary {
		return []int{0, 1}
	}
	return []int{0, 1, 2}
}

// file is where a name server has the zone.
func (d *changeDomain) file(server int) string {
	return zoneFile(d.name) + "@" + strconv.Itoa(server)
}

// text is the zone, unsigned.
func (d *changeDomain) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL %d\n@ SOA ns0 hostmaster %d %d %d 86400 %d\n", changeTTL, d.serial, changeRefresh, changeRefresh, changeTTL)
	for _, n := range d.servers() {
		fmt.Fprintf(&b, "@ NS ns%d\nns%[1]d A %s\n", n, changeServers[n])
	}
	fmt.Fprintf(&b, "@ MX 10 mx\nmx A %s\n", d.mail)
	for _, r := range d.records {
		fmt.Fprintf(&b, "_25._tcp.mx TLSA %s\n", r)
	}
	return b.String()
}

func (d *changeDomain) signing() signing {
	return signing{zone: d.name, text: d.text(), algorithm: "ECDSAP256SHA256", one: true}
}

// present gives the mail server a certificate.
func (d *changeDomain) present(c *tlsatest.Certificate) {
	certificate := c.TLS()
	d.presented.Store(&certificate)
}

func newChangeWorld(t *testing.T, domains []*changeDomain) *changeWorld {
	w := &changeWorld{
		namespace: newNamespace(t, syscall.CLONE_NEWNET|syscall.CLONE_NEWNS),
		site:      &internet{dir: filepath.Join(lab.dir, "keychange")},
		ca:        tlsatest.NewCA(tlsatest.Authority{}), domains: domains,
	}
	t.Cleanup(func() { stopAll(t, w.site.daemons) })
	w.do(func() {
		for _, step := range []func() error{w.settle, w.sign, w.serveDNS, w.serveResolvers, w.startPostfix} {
			if err := step(); err != nil {
				t.Error(err)
				return
			}
		}
		for _, d := range w.domains {
			server := smtptest.NewUnstartedServer()
			server.Addr, server.Name = d.mail+":25", d.host()
			server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return d.presented.Load(), nil }}
			server.Start()
			t.Cleanup(server.Close)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return w
}

// settle makes the namespace fit to live in.
func (w *changeWorld) settle() error {
	if _, err := command("/", "mkdir", "-m", "755", w.site.dir); err != nil {
		return err
	}
	resolvConf, err := w.site.writeFile("resolv.conf", "nameserver 127.0.0.1\noptions edns0 trust-ad\n")
	if err != nil {
		return err
	}
	argvs := [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "address", "add", worldDNS + "/16", "dev", "lo"},
		{"mount", "--make-rprivate", "/"},
		{"mount", "--bind", resolvConf, "/etc/resolv.conf"},
	}
	for _, address := range append([]string{worldMail, changeRoot}, changeServers...) { // Postfix and named insist on it
		argvs = append(argvs, []string{"ip", "address", "add", address, "dev", "lo"})
	}
	for _, argv := range argvs {
		if _, err := command("/", argv...); err != nil {
			return err
		}
	}
	return nil
}

// sign makes certificates and zones.
func (w *changeWorld) sign() error {
	root := zoneHeader(changeRoot)
	for i, d := range w.domains {
		d.mail = fmt.Sprintf("10.25.1.%d", i+1)
		leaf := tlsatest.Leaf{Names: []string{d.host()}}
		d.current, d.next = w.ca.Issue(leaf), w.ca.Issue(leaf)
		d.present(d.current)
		for name, c := range map[string]*tlsatest.Certificate{"current": d.current, "next": d.next} {
			var chain []byte
			for _, cert := range c.Chain() {
				chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
			}
			if _, err := w.site.writeFile(d.name+"-"+name+".pem", string(chain)); err != nil {
				return err
			}
		}
		d.serial, d.records = 1, []tlsa.Record{d.current.Record(tlsa.SPKI, tlsa.SHA256)}
		ds, err := w.site.sign(d.signing())
		if err != nil {
			return err
		}
		root += ds
		for _, n := range d.servers() {
			root += fmt.Sprintf("%s. NS ns%d.%[1]s.\nns%[2]d.%[1]s. A %[3]s\n", d.name, n, changeServers[n])
			if err := w.place(d, n); err != nil {
				return err
			}
		}
	}
	ds, err := w.site.sign(signing{zone: ".", text: root, algorithm: "ECDSAP256SHA256", one: true})
	if err != nil {
		return err
	}
	_, err = w.site.writeFile("named.root", fmt.Sprintf(". 3600000 NS ns.\nns. 3600000 A %s\n", changeRoot))
	if err != nil {
		return err
	}
	return w.site.writeAnchors(ds)
}

// place puts the zone, as it was signed last, where a name server loads it.
func (w *changeWorld) place(d *changeDomain, server int) error {
	signed, err := os.ReadFile(w.site.path(zoneFile(d.name)))
	if err != nil {
		return err
	}
	_, err = w.site.writeFile(d.file(server), string(signed))
	return err
}

// serveDNS runs a name server for the root and those of the mail domains.
func (w *changeWorld) serveDNS() error {
	if err := w.site.copyServers(); err != nil {
		return err
	}
	// min-refresh-time is 300 seconds by default.
	options := fmt.Sprintf(namedOptions, 53, "recursion no; dnssec-validation no; allow-transfer { any; }; min-refresh-time 1; min-retry-time 1;")
	conf := strings.ReplaceAll(options, "127.0.0.1", changeRoot) + w.site.zoneStatement(".")
	if err := w.site.startNamed("named-root", conf, answers(changeRoot+":53", ".", dns.TypeSOA)); err != nil {
		return err
	}
	for n, address := range changeServers {
		conf := strings.ReplaceAll(options, "127.0.0.1", address)
		last := ""
		for _, d := range w.domains {
			switch {
			case n >= len(d.servers()): // it does not serve the zone
			case n > 0 && d.secondary:
				conf += fmt.Sprintf("zone %q { type secondary; primaries { %s; }; };\n", d.name, changeServers[0])
				last = d.name
			default:
				conf += fmt.Sprintf("zone %q { type primary; file %q; };\n", d.name, w.site.path(d.file(n)))
				last = d.name
			}
		}
		if err := w.site.startNamed(fmt.Sprintf("named-%d", n), conf, answers(address+":53", last, dns.TypeSOA)); err != nil {
			return err
		}
		w.named = append(w.named, w.site.daemons[len(w.site.daemons)-1])
	}
	return nil
}

// serveResolvers runs a cache, and a resolver that validates and forwards to it.
func (w *changeWorld) serveResolvers() error {
	conf := strings.ReplaceAll(fmt.Sprintf(unboundServer, 53, "iterator"), "127.0.0.1", changeCache) +
		fmt.Sprintf("stub-zone:\n name: \".\"\n stub-addr: %s\n", changeRoot)
	file, err := w.site.writeFile("unbound-cache.conf", conf)
	if err != nil {
		return err
	}
	ready := func(server string) func() error { return answers(server+":53", w.domains[0].name, dns.TypeMX) }
	if err := w.site.startDaemon("unbound-cache", ready(changeCache), w.site.path("bin-unbound"), "-d", "-c", file); err != nil {
		return err
	}
	conf = fmt.Sprintf(unboundServer, 53, "validator iterator") + fmt.Sprintf(" trust-anchor-file: %q\n", w.site.rootDS) +
		fmt.Sprintf("forward-zone:\n name: \".\"\n forward-addr: %s\n", changeCache)
	if file, err = w.site.writeFile("unbound.conf", conf); err != nil {
		return err
	}
	return w.site.startDaemon("unbound", ready("127.0.0.1"), w.site.path("bin-unbound"), "-d", "-c", file)
}

const changeMain = commonMain + `smtp_dns_support_level = dnssec
smtp_tls_security_level = dane-only
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
`

// startPostfix runs the sender.
func (w *changeWorld) startPostfix() error {
	return w.site.runPostfix(changeMain, worldMaster+"smtp unix - - n - 50 smtp\n", lab.certificate.chain, greets(worldMail+":25"))
}

// publish signs the zone with other records. deliver has name servers load it; secondaries
// have to come for it.
func (w *changeWorld) publish(d *changeDomain, records []tlsa.Record) error {
	d.serial, d.records = d.serial+1, records
	if err := w.site.resign(d.signing()); err != nil {
		return err
	}
	return w.deliver(d, 0)
}

// deliver returns when the name server answers by the zone as it was signed last.
func (w *changeWorld) deliver(d *changeDomain, server int) error {
	if err := w.place(d, server); err != nil {
		return err
	}
	for range 10 { // a signal that comes while named is loading may be lost
		if err := w.named[server].cmd.Process.Signal(syscall.SIGHUP); err != nil {
			return err
		}
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			if w.serialAt(d, server) == d.serial {
				return nil
			}
		}
	}
	return fmt.Errorf("%s does not load %s", changeServers[server], d.name)
}

// serialAt is the SOA serial of a zone at a name server, -1 if it does not answer.
func (w *changeWorld) serialAt(d *changeDomain, server int) int {
	var reply *dns.Msg
	var err error
	w.do(func() { reply, err = ask(changeServers[server]+":53", d.name, dns.TypeSOA) })
	if err != nil {
		return -1
	}
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return int(soa.Serial)
		}
	}
	return -1
}

// command runs a program in the world.
func (w *changeWorld) command(argv ...string) (string, error) {
	task := "/proc/" + strconv.Itoa(w.id) + "/ns/"
	return command("/", append([]string{"nsenter", "--net=" + task + "net", "--mount=" + task + "mnt"}, argv...)...)
}
