//go:build interop

package interop

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// pebbleVersion is built from the module proxy, which takes a minute where it is not in the
// cache, if there is no pebble in PATH.
const pebbleVersion = "v2.10.3"

// A hookWorld has an ACME server, and a mail server that presents what hooks have installed.
type hookWorld struct {
	*updateWorld
	acme string // the file of its own CA; empty if there is no Pebble
}

var hookFile = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n<!-- run by TestHooks -->\n```sh\n(.*?)```\n")

// newHookWorld writes the scripts of docs/hooks.md into a directory that is in PATH.
func newHookWorld(t *testing.T) *hookWorld {
	w := &hookWorld{updateWorld: newUpdateWorld(t, primaries[0])}
	text, err := os.ReadFile("../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := w.path("bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, match := range hookFile.FindAllSubmatch(text, -1) {
		if err := os.WriteFile(filepath.Join(bin, string(match[1])), match[2], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(w.program, filepath.Join(bin, "daneverify")); err != nil {
		t.Fatal(err)
	}
	server := smtptest.NewUnstartedServer()
	server.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(w.mail(hello.ServerName), w.mail(hello.ServerName))
		return &c, err
	}}
	w.do(func() { _, err = server.Listen(updateMail) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return w
}

// mail is the file that hooks install.
func (w *hookWorld) mail(host string) string { return filepath.Join(w.path(host), "mail.pem") }

// startPebble starts an ACME server that finds every challenge met.
func (w *hookWorld) startPebble(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("pebble")
	if err != nil {
		install := exec.Command("go", "install", "github.com/letsencrypt/pebble/v2/cmd/pebble@"+pebbleVersion)
		install.Dir, install.Env = w.dir, append(os.Environ(), "GOBIN="+w.dir, "GOFLAGS=-mod=mod")
		if out, err := install.CombinedOutput(); err != nil {
			t.Skipf("SKIPPED: no pebble in PATH, and it cannot be built: %v\n%s", err, out)
		}
		program = w.path("pebble")
	}
	ca := tlsatest.NewCA(tlsatest.Authority{Name: "HTTPS"})
	server := ca.Issue(tlsatest.Leaf{Names: []string{"localhost"}}).TLS()
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	w.acme = w.write("acme-ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate.Raw})))
	config := w.write("pebble.json", fmt.Sprintf(`{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
		"certificate": %q, "privateKey": %q, "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": ""}}`,
		w.write("acme.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate[0]}))),
		w.write("acme-key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))))
	w.do(func() {
		err = lab.startDaemon(filepath.Base(w.dir)+"-pebble", func() error {
			conn, err := net.Dial("tcp", "127.0.0.1:14000")
			if err == nil {
				conn.Close()
			}
			return err
		}, "env", "PEBBLE_VA_ALWAYS_VALID=1", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", program, "-config", config)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exec runs a client or a script with the configuration for a host.
func (w *hookWorld) exec(t *testing.T, host string, env []string, argv ...string) string {
	t.Helper()
	if err := os.MkdirAll(w.path(host), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := w.write(host+".conf", fmt.Sprintf("HOST=%s\nSERVER=%s\nTSIG=%s\nDIR=%s\nRELOAD=true\nTTL=2\nFLAGS='-recursive -hints %s -anchors %s'\n",
		host, updatePrimary, w.path("ddns.key"), w.path(host), w.hints, w.rootDS))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = w.dir
	cmd.Env = slices.Concat(os.Environ(), []string{"PATH=" + w.path("bin") + ":" + os.Getenv("PATH"), "DANE_DEPLOY_CONF=" + conf, "LEGO_CA_CERTIFICATES=" + w.acme}, env)
	var all strings.Builder
	cmd.Stdout, cmd.Stderr = &all, &all
	if err := w.finish(cmd); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, all.String())
	}
	return all.String()
}

// wantInstalled checks that what is installed is what the records say, and returns the record
// of its key. There may be others.
func (w *hookWorld) wantInstalled(t *testing.T, host string, records int) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(w.mail(host), w.mail(host))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	record, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, leaf)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.lookUp("_25._tcp." + host + ".")
	if err != nil || len(answer.Records) != records {
		t.Fatalf("%v, %v; want %d records", answer.Records, err, records)
	}
	if !slices.ContainsFunc(answer.Records, func(rr dns.RR) bool {
		return strings.HasSuffix(record.String(), strings.ToLower(rr.(*dns.TLSA).Certificate))
	}) {
		t.Errorf("%v, and the key has %s", answer.Records, record)
	}
	if _, err := os.Stat(filepath.Join(w.path(host), "old.pem")); err == nil {
		t.Error("the script has not finished")
	}
	return record.String()
}

// A client is an ACME client, and how to have it issue and renew a certificate.
type client struct {
	name         string
	issue, again func(w *hookWorld) []string
	sameKey      func(w *hookWorld) []string // renews with the same key
	prepare      func(w *hookWorld)
}

const acmeDirectory = "https://localhost:14000/dir"

func clients() []client {
	certbot := func(w *hookWorld, args ...string) []string {
		return append([]string{"certbot", "-n", "--server", acmeDirectory, "--no-verify-ssl", "--config-dir", w.path("certbot"), "--work-dir", w.path("certbot"), "--logs-dir", w.path("certbot")}, args...)
	}
	certonly := func(w *hookWorld, args ...string) []string {
		return certbot(w, append([]string{"certonly", "--agree-tos", "--register-unsafely-without-email", "--manual", "--manual-auth-hook", "true", "--preferred-challenges", "http",
			"--deploy-hook", w.path("bin/certbot"), "-d", "certbot.dyn"}, args...)...)
	}
	dehydrated := func(args ...string) func(*hookWorld) []string {
		return func(w *hookWorld) []string {
			return append([]string{"dehydrated", "-f", w.path("dehydrated.conf"), "--accept-terms", "-c", "-d", "dehydrated.dyn"}, args...)
		}
	}
	lego := func(w *hookWorld, args ...string) []string {
		return append([]string{"lego", "--server", acmeDirectory, "--email", "a@example.org", "--accept-tos", "--path", w.path("lego"), "-d", "lego.dyn", "--http", "--http.port", "127.0.0.1:5002"}, args...)
	}
	return []client{
		{
			name:  "certbot",
			issue: func(w *hookWorld) []string { return certonly(w) },
			again: func(w *hookWorld) []string {
				return certbot(w, "renew", "--force-renewal", "--no-random-sleep-on-renew")
			},
			sameKey: func(w *hookWorld) []string { return certonly(w, "--force-renewal", "--reuse-key") },
		}, {
			name:    "dehydrated",
			issue:   dehydrated(),
			again:   dehydrated("--force"),
			sameKey: dehydrated("--force"),
			prepare: func(w *hookWorld) {
				os.MkdirAll(w.path("wellknown"), 0o755)
				w.write("dehydrated.conf", fmt.Sprintf("CA=%s\nBASEDIR=%s\nWELLKNOWN=%s\nCURL_OPTS=-k\nHOOK=%s\nPRIVATE_KEY_ROLLOVER=yes\n",
					acmeDirectory, w.path("dehydrated"), w.path("wellknown"), w.path("bin/dehydrated")))
				os.MkdirAll(w.path("dehydrated"), 0o755)
			},
		}, {
			name:  "lego",
			issue: func(w *hookWorld) []string { return lego(w, "run", "--run-hook", w.path("bin/lego")) },
			again: func(w *hookWorld) []string {
				return lego(w, "renew", "--no-random-sleep", "--days", "9999", "--renew-hook", w.path("bin/lego"))
			},
			sameKey: func(w *hookWorld) []string {
				return lego(w, "renew", "--no-random-sleep", "--days", "9999", "--reuse-key", "--renew-hook", w.path("bin/lego"))
			},
		},
	}
}

// TestHooks has ACME clients issue a certificate, and renew it with a new key, and with the
// same key, where the scripts of docs/hooks.md are their hooks.
func TestHooks(t *testing.T) {
	w := newHookWorld(t)
	w.startPebble(t)
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			program, err := exec.LookPath(c.name)
			if err != nil {
				t.Skipf("SKIPPED: %v", err)
			}
			host := c.name + ".dyn"
			if c.prepare != nil {
				c.prepare(w)
			}
			run := func(argv []string) string {
				argv[0] = program // a hook has the same name
				return w.exec(t, host, nil, argv...)
			}
			run(c.issue(w))
			first := w.wantInstalled(t, host, 1)
			out := run(c.again(w))
			second := w.wantInstalled(t, host, 1)
			if first == second {
				t.Fatalf("the key has not changed:\n%s", out)
			}
			if c.name == "dehydrated" {
				w.currentAndNext(t, host, program)
				return
			}
			out = run(c.sameKey(w))
			if again := w.wantInstalled(t, host, 1); again != second {
				t.Errorf("the key has changed:\n%s", out)
			}
		})
	}
}

// currentAndNext publishes the record of the key that dehydrated has made ahead. After the next
// renewal, the records of both are there before the hook begins.
func (w *hookWorld) currentAndNext(t *testing.T, host, program string) {
	t.Helper()
	next := filepath.Join(w.path("dehydrated"), "certs", host, "privkey.roll.pem")
	w.exec(t, host, nil, w.path("bin/publish-next"), next)
	before := w.wantInstalled(t, host, 2)
	out := w.exec(t, host, nil, program, "-f", w.path("dehydrated.conf"), "-c", "-d", host, "--force")
	if after := w.wantInstalled(t, host, 1); after == before || !strings.Contains(out, "ALREADY THERE") {
		t.Errorf("not the key that was made ahead:\n%s", out)
	}
}

// TestHookOfAcmeSh has the environment that acme.sh documents for --reloadcmd, and the script
// that only waits.
func TestHookOfAcmeSh(t *testing.T) {
	w := newHookWorld(t)
	const host = "acmesh.dyn"
	install := func(c *tlsatest.Certificate) {
		t.Helper()
		key, err := x509.MarshalPKCS8PrivateKey(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		w.chain("acme-fullchain.pem", c)
		w.write("acme-privkey.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
		w.exec(t, host, []string{"CERT_FULLCHAIN_PATH=" + w.path("acme-fullchain.pem"), "CERT_KEY_PATH=" + w.path("acme-privkey.pem")}, w.path("bin/acme.sh"))
		w.wantInstalled(t, host, 1)
	}
	leaf := tlsatest.Leaf{Names: []string{host}}
	first := w.ca.Issue(leaf)
	install(first)
	install(first) // does nothing
	install(w.ca.Issue(leaf))
	w.exec(t, host, nil, w.path("bin/wait-only"), w.path("acme-fullchain.pem"))
}
