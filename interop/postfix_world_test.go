//go:build interop

package interop

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A world is a namespace with the domains of the scenarios: a DNS of its own, to which
// /etc/resolv.conf leads, and mail servers on port 25. It is for programs that look
// nowhere else.
type world struct {
	*namespace
	site         *internet // its files and daemons
	root         *tlsatest.CA
	intermediate *tlsatest.CA
	certificates []*tlsatest.Certificate // of the scenarios' servers
	postfix      *tlsatest.Certificate   // of Postfix
	stub         bool                    // its resolver is for stubs: AD, and no signatures
}

// The addresses in it. On the loopback device all of their network are ours. Those of
// the servers follow from the numbers of scenario and server.
const (
	worldDNS  = "10.25.0.53"
	worldMail = "10.25.0.25" // Postfix
)

func (s *scenario) domain() string {
	if strings.HasPrefix(s.plain, "@") {
		return s.name + ".plain"
	}
	return s.name + ".signed"
}

func newWorld(t *testing.T) *world { return newWorldWith(t, "world", (*world).serveUnbound) }

// newWorldWith makes one in a directory of its own, with another resolver at 127.0.0.1.
func newWorldWith(t *testing.T, dir string, resolver func(*world) error) *world {
	root := tlsatest.NewCA(tlsatest.Authority{})
	w := &world{
		namespace: newNamespace(t, syscall.CLONE_NEWNET|syscall.CLONE_NEWNS),
		site:      &internet{dir: filepath.Join(lab.dir, dir)},
		root:      root, intermediate: root.NewCA(tlsatest.Authority{}),
	}
	for _, s := range scenarios {
		w.certificates = append(w.certificates, w.issue(s))
	}
	w.postfix = w.intermediate.Issue(tlsatest.Leaf{Names: []string{"mail.received.signed"}})
	t.Cleanup(func() { stopAll(t, w.site.daemons) })
	w.do(func() {
		serveResolver := func() error { return resolver(w) }
		for _, step := range []func() error{w.settle, w.serveDNS, serveResolver, w.startPostfix} {
			if err := step(); err != nil {
				t.Error(err)
				return
			}
		}
		for i := range scenarios {
			w.serveMail(t, i)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return w
}

// settle makes the namespace fit to live in.
func (w *world) settle() error {
	if _, err := command("/", "mkdir", "-m", "755", w.site.dir); err != nil {
		return err
	}
	if err := w.sign(); err != nil {
		return err
	}
	resolvConf, err := w.site.writeFile("resolv.conf", "nameserver 127.0.0.1\noptions edns0 trust-ad\n")
	if err != nil {
		return err
	}
	for _, argv := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "address", "add", worldDNS + "/16", "dev", "lo"},
		{"ip", "address", "add", worldMail, "dev", "lo"}, // Postfix insists on it
		{"mount", "--make-rprivate", "/"},
		{"mount", "--bind", resolvConf, "/etc/resolv.conf"},
		{"mount", "--bind", w.site.rootDS, "/usr/share/dns/root.key"}, // for danetool
	} {
		if _, err := command("/", argv...); err != nil {
			return err
		}
	}
	return nil
}

// sign makes the zones: the root, and one of each kind below.
func (w *world) sign() error {
	plain := zoneHeader(worldDNS)
	signed := plain + strings.NewReplacer(
		"RECORD", w.root.Record(tlsa.SPKI, tlsa.SHA256).String(), "KEY", w.postfix.Record(tlsa.SPKI, tlsa.SHA256).String(),
	).Replace(mtaZone)
	var unsigned []string // RRsets that lose their signature
	for i := range scenarios {
		s := &scenarios[i]
		signed += fmt.Sprintf("$ORIGIN %s.signed.\n%s", s.name, w.records(i, s.zone))
		plain += fmt.Sprintf("$ORIGIN %s.plain.\n%s", s.name, w.records(i, s.plain))
		if s.bogus != "" {
			owner, qtype, _ := strings.Cut(s.bogus, " ")
			owner = strings.TrimPrefix(owner+".", "@.") + s.name + ".signed."
			unsigned = append(unsigned, regexp.QuoteMeta(owner)+`\s+\d+\s+IN\s+RRSIG\s+`+qtype+` `)
		}
	}
	if _, err := w.site.writeFile(zoneFile("plain"), plain); err != nil {
		return err
	}
	const algorithm = "ECDSAP256SHA256"
	ds, err := w.site.sign(signing{
		zone: "signed", text: signed, algorithm: algorithm, one: true,
		damage: replace(`(?m)^(`+strings.Join(unsigned, "|")+`).*\n`, ""),
	})
	if err != nil {
		return err
	}
	root := zoneHeader(worldDNS) + delegation("signed", worldDNS) + ds + delegation("plain", worldDNS)
	if ds, err = w.site.sign(signing{zone: ".", text: root, algorithm: algorithm, one: true}); err != nil {
		return err
	}
	return w.site.writeAnchors(ds)
}

// serveDNS runs a name server for all zones.
func (w *world) serveDNS() error {
	if err := w.site.copyServers(); err != nil {
		return err
	}
	conf := fmt.Sprintf(strings.ReplaceAll(namedOptions, "127.0.0.1", worldDNS), 53, "recursion no; dnssec-validation no;")
	for _, zone := range []string{".", "signed", "plain"} {
		conf += w.site.zoneStatement(zone)
	}
	return w.site.startNamed("world-named", conf, answers(worldDNS+":53", "signed", dns.TypeSOA))
}

// serveUnbound runs a resolver that validates.
func (w *world) serveUnbound() error {
	conf := fmt.Sprintf(unboundServer, 53, "validator iterator") +
		fmt.Sprintf(" trust-anchor-file: %q\n", w.site.rootDS) +
		fmt.Sprintf("stub-zone:\n name: \".\"\n stub-addr: %s\n", worldDNS)
	file, err := w.site.writeFile("world-unbound.conf", conf)
	if err != nil {
		return err
	}
	return w.site.startDaemon("world-unbound", answers("127.0.0.1:53", "signed", dns.TypeSOA), w.site.path("bin-unbound"), "-d", "-c", file)
}

// addr is that of a scenario's server, 1 or 2.
func addr(scenario, server int) string { return fmt.Sprintf("10.25.%d.%d", scenario+1, server) }

func (w *world) issue(s scenario) *tlsatest.Certificate {
	if len(s.leaf.Names) == 0 {
		s.leaf.Names = []string{"mail." + s.name + ".signed"}
	}
	if s.present == "self-signed" {
		return tlsatest.SelfSigned(s.leaf)
	}
	return w.intermediate.Issue(s.leaf)
}

// chain is what the server of a scenario presents.
func (w *world) chain(i int) tls.Certificate {
	c := w.certificates[i]
	switch scenarios[i].present {
	case "leaf":
		return c.TLSWith()
	case "no root":
		return c.TLSWith(w.intermediate.Certificate)
	case "no intermediate":
		return c.TLSWith(w.root.Certificate)
	}
	return c.TLS()
}

var ofCertificate = regexp.MustCompile(`\$[0-3][01][0-2]`)

// records completes the zone of a scenario.
func (w *world) records(i int, zone string) string {
	leaf := w.certificates[i].Leaf
	zone = ofCertificate.ReplaceAllStringFunc(zone, func(name string) string {
		of := leaf
		if name[1] == '0' || name[1] == '2' {
			of = w.root.Certificate
		}
		r, err := tlsa.New(tlsa.Usage(name[1]-'0'), tlsa.Selector(name[2]-'0'), tlsa.Matching(name[3]-'0'), of)
		if err != nil {
			panic(err) // the table is wrong
		}
		return r.String()
	})
	key, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, leaf)
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer(
		"$1", addr(i, 1), "$2", addr(i, 2), "$S", scenarios[i].name+".signed.", "$P", scenarios[i].name+".plain.",
		"$digest", fmt.Sprintf("%x", sha256.Sum256(leaf.Raw)), "$key", fmt.Sprintf("%x", key.Data),
	).Replace(zone)
}

// serveMail starts the servers of a scenario. The second one is always good.
func (w *world) serveMail(t *testing.T, i int) {
	s := &scenarios[i]
	for n := 1; n <= 2; n++ {
		server := smtptest.NewUnstartedServer(w.chain(i))
		server.Addr = addr(i, n) + ":25"
		if n == 1 && s.down {
			continue
		}
		if n == 1 && s.server != nil {
			s.server(server)
		}
		server.Start()
		t.Cleanup(server.Close)
	}
}

// verifier is ours, who asks the same resolver as the others.
func (w *world) verifier(t *testing.T, profile dane.Profile) *dane.Verifier {
	t.Helper()
	anchors, err := anchor.ReadFile(w.site.rootDS)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := dane.NewPolicy(profile, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &upstream.Client{Address: "127.0.0.1", Dial: w.Dial}
	var resolver dane.Resolver = &dnssec.Resolver{Exchanger: poolOf(client), Anchors: anchors}
	if w.stub {
		resolver = dnssec.TrustAD{Exchanger: client}
	}
	return &dane.Verifier{Resolver: resolver, Policy: policy, Dial: w.Dial, Hello: "world.test"}
}

// command runs a program in the world.
func (w *world) command(argv ...string) (string, error) {
	task := "/proc/" + strconv.Itoa(w.id) + "/ns/"
	return command("/", append([]string{"nsenter", "--net=" + task + "net", "--mount=" + task + "mnt"}, argv...)...)
}
