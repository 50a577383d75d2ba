//go:build interop

package interop

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// startNameServers runs one named for the root, one for the top-level domains
// and one for the mail domains, so that no server knows another level's data.
func (n *internet) startNameServers() error {
	for _, s := range []struct {
		name  string
		port  int
		zones []string
	}{
		{"named-root", n.root, []string{"."}},
		{"named-tld", n.tld, topLevel},
		{"named-leaf", n.leaf, domainNames()},
	} {
		var conf strings.Builder
		fmt.Fprintf(&conf, namedOptions, s.port, "recursion no; dnssec-validation no;")
		for _, zone := range s.zones {
			conf.WriteString(n.zoneStatement(zone))
		}
		if err := n.startNamed(s.name, conf.String(), answers(address(s.port), s.zones[0], dns.TypeSOA)); err != nil {
			return err
		}
	}
	return nil
}

// zoneStatement has named serve a zone.
func (n *internet) zoneStatement(zone string) string {
	return fmt.Sprintf("zone %q { type primary; file %q; };\n", zone, n.path(zoneFile(zone)))
}

// startResolvers runs the two resolvers that daneverify asks, neither of which
// validates, and the one that does for comparison.
func (n *internet) startResolvers() error {
	for _, name := range []string{"unbound", "named"} {
		port, err := freePort()
		if err != nil {
			return err
		}
		n.resolvers = append(n.resolvers, resolver{name, port})
	}
	recursive, forwarder := n.resolvers[0].port, n.resolvers[1].port

	// Name servers are found on port 53 only, so Unbound is told each zone's
	// port. It asks the parent's server for a DS all the same.
	conf := fmt.Sprintf(unboundServer, recursive, "iterator")
	stub := func(zone string, port int) {
		conf += fmt.Sprintf("stub-zone:\n name: %q\n stub-addr: 127.0.0.1@%d\n", zone, port)
	}
	stub(".", n.root)
	for _, zone := range topLevel {
		stub(zone, n.tld)
	}
	for _, zone := range domainNames() {
		stub(zone, n.leaf)
	}
	if err := n.startUnbound("unbound", conf, recursive); err != nil {
		return err
	}

	conf = fmt.Sprintf(namedOptions, forwarder,
		fmt.Sprintf("dnssec-validation no; forward only; forwarders { 127.0.0.1 port %d; };", recursive))
	if err := n.startNamed("named-forwarder", conf, answers(address(forwarder), domains[0].name, dns.TypeMX)); err != nil {
		return err
	}

	conf = fmt.Sprintf(unboundServer, n.validator, "validator iterator") +
		fmt.Sprintf(" trust-anchor-file: %q\n", n.rootDS) +
		fmt.Sprintf("forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\n", recursive)
	return n.startUnbound("unbound-validator", conf, n.validator)
}

// Nothing is sent to other servers but what is configured here.
const namedOptions = `options {
	listen-on port %d { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile none;
	notify no;
	empty-zones-enable no;
	%s
};
controls { };
`

// startNamed runs named, by way of other programs if there are any in front.
func (n *internet) startNamed(name, conf string, ready func() error, front ...string) error {
	file, err := n.writeFile(name+".conf", conf)
	if err != nil {
		return err
	}
	return n.startDaemon(name, ready, append(front, n.path("bin-named"), "-g", "-n", "1", "-c", file)...)
}

// By default Unbound refuses test. (RFC 6761 §6.2) and servers on loopback.
const unboundServer = `remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@%d
 module-config: %q
 directory: ""
 chroot: ""
 username: ""
 pidfile: ""
 logfile: ""
 use-syslog: no
 do-daemonize: no
 do-ip6: no
 do-not-query-localhost: no
 local-zone: "test." nodefault
 ede: yes
 trust-anchor-signaling: no
`

func (n *internet) startUnbound(name, conf string, port int) error {
	file, err := n.writeFile(name+".conf", conf)
	if err != nil {
		return err
	}
	return n.startDaemon(name, answers(address(port), domains[0].name, dns.TypeMX), n.path("bin-unbound"), "-d", "-c", file)
}

// answers returns a check that the server has an answer to a question.
func answers(server, name string, qtype uint16) func() error {
	return func() error {
		reply, err := ask(server, name, qtype)
		if err == nil && len(reply.Answer) == 0 {
			err = fmt.Errorf("%s %s: %s and no answer", name, dns.TypeToString[qtype], dns.RcodeToString[reply.Rcode])
		}
		return err
	}
}

// ask puts one question to a server, with DO, and with RD for resolvers.
func ask(server, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(1232, true)
	c := &dns.Client{Timeout: 2 * time.Second}
	reply, _, err := c.Exchange(q, server)
	if err == nil && reply.Truncated {
		c.Net = "tcp"
		reply, _, err = c.Exchange(q, server)
	}
	return reply, err
}
