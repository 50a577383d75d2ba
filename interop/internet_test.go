//go:build interop

package interop

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// An internet is the private Internet: name servers, resolvers and a mail server.
type internet struct {
	dir     string // of keys, zones, configurations and logs
	daemons []*daemon

	rootDS   string // file: the root's DS record, for daneverify and Unbound
	rootBIND string // file: the same as a BIND trust-anchors statement

	root, tld, leaf int // ports of the authoritative servers
	resolvers       []resolver
	validator       int // port of the Unbound that validates
	smtp            int // port of the mail server

	certificate certificate
}

// A resolver passes questions on without judging the answers.
type resolver struct {
	name string
	port int
}

// programs are what the tests run, apart from the go command.
var programs = []string{
	"named", "dnssec-keygen", "dnssec-settime", "dnssec-signzone", "dnssec-dsfromkey", "delv", "dig",
	"unbound", "unbound-checkconf", "unbound-host", "dnsperf", "kresd", "knotd", "keymgr", "dnsdist", "postfix", "posttls-finger", "openssl", "danetool", "ldns-dane", "tlsa", "ip", "iptables", "unshare", "nsenter", "mount", "prometheus", "prometheus-node-exporter",
}

// start builds the Internet from the certificate up. What it started before an
// error is left to stop.
func (n *internet) start() error {
	if os.Geteuid() != 0 {
		return errors.New("postfix starts only for root: run these tests as root")
	}
	var missing []error
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, err)
		}
	}
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	// Postfix's processes drop their privileges and still read below dir.
	if err := os.Chmod(n.dir, 0o755); err != nil {
		return err
	}
	for _, port := range []*int{&n.root, &n.tld, &n.leaf, &n.validator, &n.smtp} {
		p, err := freePort()
		if err != nil {
			return err
		}
		*port = p
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"certificates", n.makeCertificates},
		{"mail server", n.startPostfix},
		{"zones", n.signZones},
		{"copies of the servers", n.copyServers},
		{"name servers", n.startNameServers},
		{"resolvers", n.startResolvers},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func (n *internet) stop() {
	for _, d := range n.daemons {
		d.stop()
	}
}

// printLogs prints those of the servers that belong to no test.
func (n *internet) printLogs(w io.Writer) {
	for _, d := range n.daemons {
		if d.told {
			continue
		}
		fmt.Fprintf(w, "--- log of %s (end)\n%s\n", d.name, d.logTail())
	}
}

// path is the name of a file in the directory of the Internet.
func (n *internet) path(elem ...string) string {
	return filepath.Join(append([]string{n.dir}, elem...)...)
}

func (n *internet) writeFile(name, text string) (string, error) {
	file := n.path(name)
	return file, os.WriteFile(file, []byte(text), 0o644)
}
