//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// startPostfix runs a Postfix that offers STARTTLS and takes no mail. It is the
// mail server of every domain, with one certificate for all.
func (n *internet) startPostfix() error {
	return n.runPostfix(postfixMain, fmt.Sprintf(postfixMaster, n.smtp), n.certificate.chain, greets(address(n.smtp)))
}

// runPostfix runs a Postfix in the directory postfix. In main.cf that is DIR, and
// the file of the certificate CHAIN.
func (n *internet) runPostfix(main, master, chain string, ready func() error) error {
	for _, dir := range []string{"postfix", "postfix/etc", "postfix/queue"} {
		if err := os.Mkdir(n.path(dir), 0o755); err != nil {
			return err
		}
	}
	owner := "postfix" // of the data directory, which Postfix insists on
	if _, err := command(n.dir, "install", "-d", "-o", owner, "-m", "700", n.path("postfix/data")); err != nil {
		return err
	}
	main = strings.NewReplacer("DIR", n.path("postfix"), "CHAIN", chain, "OWNER", owner).Replace(main)
	if _, err := n.writeFile("postfix/etc/main.cf", main); err != nil {
		return err
	}
	if _, err := n.writeFile("postfix/etc/master.cf", master); err != nil {
		return err
	}
	// "postfix start-fg" does these three steps too, but puts its master process
	// out of our reach.
	etc := n.path("postfix/etc")
	if _, err := command(n.dir, "postfix", "-c", etc, "check"); err != nil {
		return err
	}
	daemons, err := command(n.dir, "postconf", "-c", etc, "-h", "daemon_directory")
	if err != nil {
		return err
	}
	program := filepath.Join(strings.TrimSpace(daemons), "master")
	return n.startDaemon("postfix", ready, program, "-c", etc, "-s", "-e", lifetime)
}

// lifetime of Postfix in seconds. Its changes of user undo Pdeathsig, and so it
// would outlive a test that panics.
const lifetime = "900"

// Passwords, aliases and mailboxes stay out of it: no recipient is accepted.
const postfixMain = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
mail_owner = OWNER
maillog_file = /dev/stdout
myhostname = mail.good.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
mydestination =
smtpd_relay_restrictions = reject
smtpd_tls_security_level = may
smtpd_tls_chain_files = CHAIN
smtpd_tls_loglevel = 1
`

const postfixMaster = `127.0.0.1:%d inet n - n - - smtpd
tlsmgr   unix       - - n 1000? 1 tlsmgr
rewrite  unix       - - n -     - trivial-rewrite
anvil    unix       - - n -     1 anvil
proxymap unix       - - n -     - proxymap
postlog  unix-dgram n - n -     1 postlogd
`

// greets returns a check that the mail server offers STARTTLS.
func greets(address string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp4", address, time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		c := textproto.NewConn(conn)
		if _, _, err := c.ReadResponse(220); err != nil {
			return err
		}
		if err := c.PrintfLine("EHLO interop.test"); err != nil {
			return err
		}
		_, text, err := c.ReadResponse(250)
		if err != nil {
			return err
		}
		if !strings.Contains(text, "STARTTLS") {
			return fmt.Errorf("no STARTTLS in %q", text)
		}
		return c.PrintfLine("QUIT")
	}
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
