//go:build interop

package interop

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/smtp"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// commonMain is what each Postfix of the world has in main.cf: nothing of this machine's.
const commonMain = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
mail_owner = OWNER
maillog_file = /dev/stdout
myhostname = postfix.world.test
inet_interfaces = ` + worldMail + `
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
mydestination =
fast_flush_domains =
notify_classes =
mynetworks = 10.25.0.0/16
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_chain_files = CHAIN
`

// Postfix in the world has a transport for each level, named like it, for the
// recipients with that local part. It takes mail from everybody, and throws that for
// taker@… away.
const worldMain = commonMain + `smtpd_tls_loglevel = 1
transport_maps = regexp:{TRANSPORTS}
smtp_dns_support_level = dnssec
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
`

const worldMaster = worldMail + `:25 inet n - n - - smtpd
tlsmgr   unix       - - n 1000? 1 tlsmgr
rewrite  unix       - - n -     - trivial-rewrite
anvil    unix       - - n -     1 anvil
proxymap unix       - - n -     - proxymap
postlog  unix-dgram n - n -     1 postlogd
cleanup  unix       n - n -     0 cleanup
qmgr     unix       n - n 300   1 qmgr
bounce   unix       - - n -     0 bounce
defer    unix       - - n -     0 bounce
trace    unix       - - n -     0 bounce
error    unix       - - n -     - error
retry    unix       - - n -     - error
discard  unix       - - n -     - discard
`

// startPostfix runs it.
func (w *world) startPostfix() error {
	master, transports := worldMaster, "{ /^taker@/ discard: }"
	for _, l := range levels {
		transports += fmt.Sprintf(" { /^%s@/ %[1]s: }", l.name)
		master += l.name + " unix - - n - 10 smtp -o syslog_name=postfix/" + l.name
		for _, option := range l.postfix {
			master += " -o " + option
		}
		master += "\n"
	}
	key, err := x509.MarshalPKCS8PrivateKey(w.postfix.Key)
	if err != nil {
		return err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, c := range w.postfix.Chain() {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	file, err := w.site.writeFile("postfix.pem", string(chain))
	if err != nil {
		return err
	}
	main := strings.ReplaceAll(worldMain, "TRANSPORTS", transports)
	return w.site.runPostfix(main, master, file, greets(worldMail+":25"))
}

// postfixLog is what Postfix has logged so far.
func (w *world) postfixLog() (string, error) {
	b, err := os.ReadFile(w.site.path("postfix.log"))
	return string(b), err
}

// submit gives Postfix one message for all.
func (w *world) submit(t *testing.T, recipients []string) error {
	conn, err := w.Dial(t.Context(), "tcp", worldMail+":25")
	if err != nil {
		return err
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	client, err := smtp.NewClient(conn, worldMail)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Mail(""); err != nil { // a bounce, which does not bounce
		return err
	}
	for _, to := range recipients {
		if err := client.Rcpt(to); err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(data, "Subject: to all\r\n\r\n")
	if err := data.Close(); err != nil {
		return err
	}
	return client.Quit()
}

var (
	smtpTLS    = regexp.MustCompile(`smtp\[(\d+)\]: (\w+) TLS connection established to (\S+):`)
	smtpStatus = regexp.MustCompile(`\w+\[(\d+)\]: \w+: to=<(\S+)>, relay=(\S+), .*status=(\w+) (\(.*)`)
)

// An attempt is one delivery by Postfix's smtp(8).
type attempt struct {
	treatment treatment
	text      string // from the log
}

// deliveries sends to the recipients, and waits until Postfix has tried each.
func (w *world) deliveries(t *testing.T, recipients []string) map[string]attempt {
	t.Helper()
	if err := w.submit(t, recipients); err != nil {
		t.Fatal(err)
	}
	var attempts map[string]attempt
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		log, err := w.postfixLog()
		if err != nil {
			t.Fatal(err)
		}
		if attempts = readDeliveries(log); len(attempts) >= len(recipients) {
			break
		}
	}
	return attempts
}

// readDeliveries puts together what the log says of a delivery: a process has one at a
// time, and names the host of each TLS connection before the host it delivered to.
func readDeliveries(log string) map[string]attempt {
	attempts := map[string]attempt{}
	last := map[string][]string{} // TLS connection of a process
	for line := range strings.Lines(log) {
		if tls := smtpTLS.FindStringSubmatch(line); tls != nil {
			last[tls[1]] = tls
			continue
		}
		status := smtpStatus.FindStringSubmatch(line)
		if status == nil {
			continue
		}
		process, to, relay := status[1], status[2], status[3]
		a := attempt{refused, status[4] + " " + status[5]}
		if status[4] == "sent" {
			a.treatment = cleartext
			if tls := last[process]; tls != nil && tls[3] == relay {
				a.treatment = encrypted
				if tls[2] == "Verified" || tls[2] == "Trusted" { // the latter behind an insecure MX record
					a.treatment = authenticated
				}
			}
		}
		attempts[to] = a
		delete(last, process)
	}
	return attempts
}
