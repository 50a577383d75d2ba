//go:build interop

package interop

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The Postfix that has the lines of tlspolicy's README. The rest says nothing about TLS to
// others.
const policyMain = commonMain + `smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
`

const policyMaster = `smtp     unix       - - n -    10 smtp
pickup   unix       n - n 60    1 pickup
`

// policyCases are scenarios, and what a table of MTA-STS policies has for them.
var policyCases = []struct {
	why, scenario string
	sts           string // policy; empty: no policy
	want          treatment
	asksSTS       bool
	log           string // of Postfix
}{
	{"DANE applies; MTA-STS would refuse", "ee-key", "secure match=nobody.test", authenticated, false, ""},
	{"DANE applies and fails; MTA-STS would let pass", "mismatch", "secure match=mail.mismatch.signed", refused, false, "not verified"},
	{"no TLSA records; MTA-STS is content", "nxdomain", "secure match=mail.nxdomain.signed", authenticated, true, ""},
	{"no TLSA records; MTA-STS is not", "nodata", "secure match=nobody.test", refused, true, ""},
	{"no TLSA records, no MTA-STS", "nxdomain-clear", "", cleartext, true, ""},
	{"nothing is signed; MTA-STS is content", "plain", "secure match=mail.plain.signed", authenticated, true, ""},
	{"nothing is signed, no MTA-STS", "plain-clear", "", cleartext, true, ""},
	{"the TLSA record is bogus: the reason is in the log", "tlsa-bogus", "may", refused, false, "socketmap server temporary error: no host is left: the lookups failed: host mail.tlsa-bogus.signed: "},
	{"no record is usable", "pkix", "secure match=nobody.test", encrypted, false, ""},
	{"the first host has no TLSA record: mixed", "first-none", "secure match=nobody.test", encrypted, false, ""},
	{"that of the first host is bogus", "first-bogus", "may", authenticated, false, ""},
	{"every host is under DANE, and the first one is down", "first-down", "may", authenticated, false, ""},
	{"no MX record", "implicit", "may", authenticated, false, ""},
	{"the MX record is bogus", "mx-bogus", "may", refused, false, ""},
}

// testTLSPolicy puts tlspolicy before a table of MTA-STS policies, by the lines that its README
// gives, as they stand.
func (w *world) testTLSPolicy(t *testing.T) {
	p, sts := w.policyWorld(t)
	var recipients []string
	for _, c := range policyCases {
		recipients = append(recipients, p.policyAddress(t, c.scenario))
		if c.sts != "" {
			_, domain, _ := strings.Cut(p.policyAddress(t, c.scenario), "@")
			sts.policies[domain] = c.sts
		}
	}
	p.deliveries(t, recipients)
	log, err := p.postfixLog()
	if err != nil {
		t.Fatal(err)
	}
	// The world's authority is trusted here, which makes a certificate Trusted whoever's it is.
	attempts := readDeliveries(strings.ReplaceAll(log, ": Trusted TLS", ": Untrusted TLS"))
	for _, c := range policyCases {
		address := p.policyAddress(t, c.scenario)
		got := attempts[address]
		if got.treatment != c.want {
			t.Errorf("%s: %s: %q, want %s\n%s", c.scenario, c.why, got.treatment, c.want, got.text)
		}
		_, domain, _ := strings.Cut(address, "@")
		if asked := sts.asked(domain); asked != c.asksSTS {
			t.Errorf("%s: %s: the MTA-STS table is asked: %t", c.scenario, c.why, asked)
		}
		if !strings.Contains(log, c.log) {
			t.Errorf("%s: %s: Postfix has not logged %q", c.scenario, c.why, c.log)
		}
	}
	t.Run("postmap", p.testPostmap)
	t.Run("resolver", p.testPolicyResolver)
	t.Run("outage", func(t *testing.T) { p.testOutage(t, w) })
}

// testOutage takes the name server away while there is mail, and brings it back: the mail waits
// and is then delivered.
func (w *world) testOutage(t *testing.T, outer *world) {
	const fresh = "ta-key" // nobody has asked for it
	address, key := w.policyAddress(t, fresh), fresh+".signed"
	for _, d := range outer.site.daemons {
		if d.name == "world-named" {
			d.stop()
		}
	}
	if err := w.submit(t, []string{address}); err != nil {
		t.Fatal(err)
	}
	w.awaitDelivery(t, address, refused)
	policy := func() (string, error) {
		return w.command("postmap", "-c", w.site.path("postfix/etc"), "-q", key, "socketmap:inet:127.0.0.1:8463:dane")
	}
	if out, err := policy(); err == nil || !strings.Contains(err.Error(), "temporary error: the MX lookup failed") {
		t.Errorf("tlspolicy says %q, %v", out, err)
	}
	var err error
	outer.do(func() { err = outer.serveDNS() })
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		if out, err := policy(); out == "dane-only\n" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("with the name server back, tlspolicy says %q, %v", out, err)
		}
	}
	if _, err := w.command("postfix", "-c", w.site.path("postfix/etc"), "flush"); err != nil {
		t.Fatal(err)
	}
	w.awaitDelivery(t, address, authenticated)
}

// awaitDelivery waits until Postfix has tried a recipient, with that result.
func (w *world) awaitDelivery(t *testing.T, address string, want treatment) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		log, err := w.postfixLog()
		if err != nil {
			t.Fatal(err)
		}
		switch got := readDeliveries(log)[address]; {
		case got.treatment == want:
			return
		case time.Now().After(deadline):
			t.Fatalf("%s: %v, want %s", address, got, want)
		}
	}
}

func (w *world) policyAddress(t *testing.T, name string) string {
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("there is no scenario %s", name)
	}
	return "policy@" + scenarios[i].domain()
}

// policyWorld is the world with another Postfix, and with the tables.
func (w *world) policyWorld(t *testing.T) (*world, *stsTable) {
	t.Helper()
	lines := readmeLines(t)
	p := *w
	p.site = &internet{dir: w.site.path("policy"), rootDS: w.site.rootDS}
	t.Cleanup(func() { stopAll(t, p.site.daemons) })
	for _, d := range w.site.daemons {
		if d.name == "postfix" {
			d.stop() // its address is needed
		}
	}
	authority, err := w.site.writeFile("authority.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.root.Certificate.Raw})))
	if err != nil {
		t.Fatal(err)
	}
	sts := &stsTable{policies: map[string]string{}}
	w.do(func() {
		for _, step := range []func() error{
			func() error { return os.Mkdir(p.site.dir, 0o755) },
			func() error {
				_, err := command("/", "mount", "--bind", authority, "/etc/ssl/certs/ca-certificates.crt")
				return err
			},
			func() error { return sts.listen("127.0.0.1:8461") },
			p.serveTLSPolicy,
			func() error {
				return p.site.runPostfix(policyMain+lines, worldMaster+policyMaster, w.site.path("postfix.pem"), greets(worldMail+":25"))
			},
		} {
			if err := step(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	t.Cleanup(sts.close)
	if t.Failed() {
		t.FailNow()
	}
	return &p, sts
}

// readmeLines returns the configuration for Postfix in the README.
func readmeLines(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../examples/tlspolicy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    (smtp_\w+ = .*\n)`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 5 {
		t.Fatalf("the README has %d lines for Postfix, and says five", len(lines))
	}
	all := ""
	for _, l := range lines {
		all += l[1]
	}
	return all
}

// serveTLSPolicy starts the program without a flag but those for the world's root.
func (w *world) serveTLSPolicy() error {
	program := w.site.path("..", "tlspolicy")
	ready := func() error {
		conn, err := net.DialTimeout("tcp4", "127.0.0.1:8463", time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	}
	return w.site.startDaemon("tlspolicy", ready, program, "-anchors", w.site.rootDS, "-hints", w.site.path("..", "hints"))
}

// testPostmap asks as an operator does: postmap exits with 0 and prints what it found, or with 1.
func (w *world) testPostmap(t *testing.T) {
	for _, tt := range []struct{ key, out, says string }{
		{"ee-key.signed", "dane-only\n", ""},
		{"pkix.signed", "dane\n", ""},
		{"[mail.ee-key.signed]:smtp", "dane-only\n", ""},
		{"nxdomain.signed", "", ""},
		{".signed", "", ""},
		{"tlsa-bogus.signed", "", "temporary error"},
		{strings.Repeat("x", 64<<10), "", "error"}, // too long
	} {
		out, err := w.command("postmap", "-c", w.site.path("postfix/etc"), "-q", tt.key, "socketmap:inet:127.0.0.1:8463:dane")
		said := fmt.Sprint(err)
		if out != tt.out || (err == nil) != (tt.out != "") || tt.says != "" && !strings.Contains(said, tt.says) || tt.says == "" && strings.Contains(said, "error") {
			t.Errorf("%.40s: %q, %.400s", tt.key, out, said)
		}
	}
}

// testPolicyResolver has a resolver that does not validate in the file.
func (w *world) testPolicyResolver(t *testing.T) {
	file, err := w.site.writeFile("resolv.conf", "nameserver "+worldDNS+"\n")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"ee-key.signed":   "TEMP Postfix would not heed dane-only: the DNS server " + worldDNS + " of " + file + " does not validate",
		"nxdomain.signed": "NOTFOUND ",
	} {
		out, _ := w.command(w.site.path("..", "tlspolicy"), "-anchors", w.site.rootDS, "-hints", w.site.path("..", "hints"), "-resolv-conf", file, "-query", key)
		if !strings.HasPrefix(out, want) {
			t.Errorf("%s: %q, want %q", key, out, want)
		}
	}
}

// An stsTable is a table of policies that do not change, in the place of one that looks them up.
type stsTable struct {
	policies map[string]string // before it is asked
	listener net.Listener

	mu   sync.Mutex
	keys map[string]bool
}

func (s *stsTable) listen(address string) (err error) {
	if s.listener, err = net.Listen("tcp4", address); err != nil {
		return err
	}
	s.keys = map[string]bool{}
	go func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return nil
}

func (s *stsTable) close() {
	if s.listener != nil {
		s.listener.Close()
	}
}

func (s *stsTable) asked(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

func (s *stsTable) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		var length int
		if _, err := fmt.Fscanf(r, "%d:", &length); err != nil || length > 1000 {
			return
		}
		request := make([]byte, length+1)
		if _, err := io.ReadFull(r, request); err != nil {
			return
		}
		_, key, _ := strings.Cut(strings.TrimSuffix(string(request), ","), " ")
		s.mu.Lock()
		s.keys[key] = true
		s.mu.Unlock()
		answer := "NOTFOUND "
		if policy, found := s.policies[key]; found {
			answer = "OK " + policy
		}
		fmt.Fprintf(conn, "%d:%s,", len(answer), answer)
	}
}
