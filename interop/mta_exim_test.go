//go:build interop

package interop

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// worldExim is the address at which Exim takes mail, in the world of Postfix.
const worldExim = "10.25.0.26"

// Exim keeps what it gets in one file. It has no nobody@…, and is never ready for later@….
const mtaEximConf = `primary_hostname = mail.exim.signed
spool_directory = DIR/spool
log_file_path = DIR/%slog
exim_path = EXIM
local_interfaces = ` + worldExim + `
daemon_smtp_ports = 25
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = CHAIN
tls_privatekey = CHAIN
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny local_parts = nobody
    message = 5.1.1 no such user
  defer local_parts = later
    message = 4.2.0 greylisted
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = DIR/box
  user = ` + eximUser + `
`

// eximUser is built into Debian's program.
const eximUser = "Debian-exim"

// startMTAExim runs Exim as a mail server.
func (w *world) startMTAExim(t *testing.T) {
	program := eximProgram(t)
	w.addUser(t, eximUser)
	dir := w.site.path("mta-exim")
	for _, argv := range [][]string{
		{"ip", "address", "replace", worldExim, "dev", "lo"},
		{"install", "-d", "-o", eximUser, "-m", "755", dir},
		{"install", "-o", eximUser, "-m", "600", w.site.path("postfix.pem"), dir + "/chain.pem"},
	} {
		if _, err := w.command(argv...); err != nil {
			t.Fatal(err)
		}
	}
	conf := strings.NewReplacer("DIR", dir, "EXIM", program, "CHAIN", dir+"/chain.pem").Replace(mtaEximConf)
	file, err := w.site.writeFile("mta-exim.conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	w.do(func() {
		err = w.site.startDaemon("mta-exim", greets(worldExim+":25"), program, "-C", file, "-bdf")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testMTAQueue has the program mta of the examples deliver from its queue to Exim and Postfix.
func (w *world) testMTAQueue(t *testing.T) {
	w.startMTAExim(t)
	program, state := w.buildMTA(t)
	queue, text := w.site.path("mta-queue"), "Subject: to all\n\nHello.\n.\n..two dots\r\nFrom here\n"
	const sender = "taker@received.signed" // Postfix takes the bounces
	file, err := w.site.writeFile("mta-message", text)
	if err != nil {
		t.Fatal(err)
	}
	before, err := w.postfixLog()
	if err != nil {
		t.Fatal(err)
	}
	reports := w.collectReports(t, w.site.path("tlsrpt"))
	if out, err := w.command("sh", "-c", `exec "$@" < `+file, "sh", program, "-queue", queue, "-from", sender,
		"one@exim.signed", "nobody@exim.signed", "later@exim.signed", "two@exim.signed", "taker@anybody.signed", "taker@stranger.signed"); err != nil {
		t.Fatal(err, out)
	}
	mta := w.startMTA(t, program, "-queue", queue, "-hello", "mta.world.test", "-trust-state", state, "-retry", "1s", "-expire", "12s", "-tlsrpt", w.site.path("tlsrpt"))
	w.awaitEmpty(t, queue)
	mta.stop()
	if exit := mta.cmd.ProcessState.ExitCode(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}

	box, err := os.ReadFile(w.site.path("mta-exim/box"))
	if err != nil {
		t.Fatal(err)
	}
	const body = "Hello.\n.\n..two dots\n"             // the last line is quoted by appendfile
	if n := strings.Count(string(box), body); n != 2 { // for one@ and two@
		t.Errorf("the message is there %d times in\n%s", n, box)
	}
	exim, err := os.ReadFile(w.site.path("mta-exim/mainlog"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<= ` + sender + ` .* X=TLS1\.3:`, `=> one <one@exim.signed>`, `two <two@exim.signed>`} {
		if n := len(regexp.MustCompile(want).FindAllString(string(exim), -1)); n != 1 {
			t.Errorf("%q is there %d times in\n%s", want, n, exim)
		}
	}
	postfix, err := w.postfixLog()
	if err != nil {
		t.Fatal(err)
	}
	postfix = postfix[len(before):]
	// For nobody@ at once, and for later@ and taker@stranger.signed when their time is over.
	if n := strings.Count(postfix, "to=<"+sender+">, relay=none"); n != 3 {
		t.Errorf("%d bounces in\n%s", n, postfix)
	}
	if !strings.Contains(postfix, "to=<taker@anybody.signed>, relay=none") {
		t.Errorf("no message to anybody.signed in\n%s", postfix)
	}
	for _, want := range []string{
		`"d":"exim\.signed".*"policy-type":1,"policy-domain":"mail\.exim\.signed".*"t":0,"f":0`,
		`"d":"stranger\.signed".*"policy-type":1.*"failure-details":\[{"c":203,.*"n":"mail\.stranger\.signed","r":"10\.25\.0\.25",.*"t":1,"f":1`,
	} {
		if !regexp.MustCompile(want).MatchString(reports()) {
			t.Errorf("no TLS report like %s in\n%s", want, reports())
		}
	}
}

// startMTA runs the program in the world.
func (w *world) startMTA(t *testing.T, argv ...string) *daemon {
	t.Helper()
	ready := func() error {
		log, err := os.ReadFile(w.site.path("mta-queue.log"))
		if err == nil && !strings.Contains(string(log), "started") {
			err = fmt.Errorf("not started yet: %s", log)
		}
		return err
	}
	var err error
	w.do(func() { err = w.site.startDaemon("mta-queue", ready, argv...) })
	if err != nil {
		t.Fatal(err)
	}
	return w.site.daemons[len(w.site.daemons)-1]
}

// awaitEmpty waits until there is no envelope in the queue.
func (w *world) awaitEmpty(t *testing.T, queue string) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		files, err := os.ReadDir(queue)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, f := range files {
			if strings.HasSuffix(f.Name(), ".json") {
				left = append(left, f.Name())
			}
		}
		switch {
		case len(left) == 0:
			return
		case time.Now().After(deadline):
			t.Fatalf("left in the queue: %v", left)
		}
	}
}
