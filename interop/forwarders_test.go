//go:build interop

package interop

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// A forwarder is a resolver as people have them in front of a mail server. It
// passes questions on to the private Internet, and takes them over every transport.
type forwarder struct {
	name      string
	validates bool
	start     func(*internet, forwarder) error
	more      string // in its configuration, of options and the like
	httpsIdle int    // seconds that connections over HTTPS may be idle at dnsdist; 0 for its default

	port, tls, https int // ports of UDP and TCP, of TLS and of HTTPS
}

// forwarders are what Debian has. Those that validate have the same trust anchor as
// we do, and find the same zones bogus; asked with CD, they are to pass them on.
var forwarders = []forwarder{
	{name: "named", start: func(n *internet, f forwarder) error {
		return n.startEncryptingNamed(f, "dnssec-validation no;", "")
	}},
	{name: "named, validating", validates: true, start: func(n *internet, f forwarder) error {
		return n.startEncryptingNamed(f, "dnssec-validation yes;", fmt.Sprintf("include %q;\n", n.rootBIND))
	}},
	{name: "unbound", start: func(n *internet, f forwarder) error {
		return n.startEncryptingUnbound(f, "iterator")
	}},
	{name: "unbound, validating", validates: true, start: func(n *internet, f forwarder) error {
		return n.startEncryptingUnbound(f, "validator iterator")
	}},
	{name: "knot-resolver", validates: true, start: (*internet).startKnotResolver},
	{name: "dnsdist", start: (*internet).startDnsdist},
}

// startForwarder starts a forwarder on ports of its own.
func (n *internet) startForwarder(f forwarder) (forwarder, error) {
	for _, port := range []*int{&f.port, &f.tls, &f.https} {
		p, err := freePort()
		if err != nil {
			return f, err
		}
		*port = p
	}
	return f, f.start(n, f)
}

// configuration fills in what the configurations have in common.
func (n *internet) configuration(f forwarder, text string) string {
	return strings.NewReplacer(
		"DNS_PORT", fmt.Sprint(f.port), "TLS_PORT", fmt.Sprint(f.tls), "HTTPS_PORT", fmt.Sprint(f.https),
		"UNBOUND", fmt.Sprint(n.resolvers[0].port), "NAMED", fmt.Sprint(n.resolvers[1].port), "DIR", n.dir,
		"CERTIFICATE", n.path("resolver.pem"), "KEY", n.path("resolver.key"), "ANCHOR", n.rootDS, "FILE", f.file(),
		"HTTPS_IDLE", fmt.Sprint(cmp.Or(f.httpsIdle, 30)),
	).Replace(text)
}

// file is the name of the forwarder in names of files.
func (f forwarder) file() string {
	return "forwarding-" + strings.ReplaceAll(f.name, ", ", "-")
}

func (f forwarder) answers() func() error {
	return answers(address(f.port), domains[0].name, dns.TypeMX)
}

func (n *internet) startEncryptingNamed(f forwarder, validation, anchors string) error {
	conf := fmt.Sprintf(namedOptions, f.port, validation+f.more+namedEncryption) + anchors + namedTLS
	return n.startNamed(f.file(), n.configuration(f, conf), f.answers())
}

const namedEncryption = `
	listen-on port TLS_PORT tls resolver { 127.0.0.1; };
	listen-on port HTTPS_PORT tls resolver http default { 127.0.0.1; };
	forward only;
	forwarders { 127.0.0.1 port UNBOUND; };`

const namedTLS = `tls resolver { cert-file "CERTIFICATE"; key-file "KEY"; };
`

func (n *internet) startEncryptingUnbound(f forwarder, modules string) error {
	conf := fmt.Sprintf(unboundServer, f.port, modules) + f.more + unboundEncryption
	return n.startUnbound(f.file(), n.configuration(f, conf), f.port)
}

const unboundEncryption = ` interface: 127.0.0.1@TLS_PORT
 interface: 127.0.0.1@HTTPS_PORT
 tls-port: TLS_PORT
 https-port: HTTPS_PORT
 tls-service-pem: "CERTIFICATE"
 tls-service-key: "KEY"
 trust-anchor-file: "ANCHOR"
forward-zone:
 name: "."
 forward-addr: 127.0.0.1@UNBOUND
`

func (n *internet) startKnotResolver(f forwarder) error {
	file, err := n.writeFile(f.file()+".conf", n.configuration(f, knotResolver+f.more))
	if err != nil {
		return err
	}
	return n.startDaemon(f.file(), f.answers(), "kresd", "-n", "-c", file)
}

// By default Knot Resolver asks the root servers for themselves, their keys and the
// time, and denies test. (RFC 6761 §6.2) where no rule of our own comes before.
const knotResolver = `log_target('stdout')
for _, m in ipairs({'priming', 'ta_update', 'ta_signal_query', 'detect_time_skew'}) do modules.unload(m) end
net.ipv6 = false
net.listen('127.0.0.1', DNS_PORT, {kind = 'dns'})
net.listen('127.0.0.1', TLS_PORT, {kind = 'tls'})
net.listen('127.0.0.1', HTTPS_PORT, {kind = 'doh2'})
net.tls('CERTIFICATE', 'KEY')
cache.open(10*MB, 'lmdb://DIR/FILE-cache')
trust_anchors.add_file('ANCHOR', true)
policy.add(policy.all(policy.FORWARD('127.0.0.1@UNBOUND')))
`

func (n *internet) startDnsdist(f forwarder) error {
	file, err := n.writeFile(f.file()+".conf", n.configuration(f, dnsdist+f.more))
	if err != nil {
		return err
	}
	return n.startDaemon(f.file(), f.answers(), "dnsdist", "--supervised", "--disable-syslog", "-C", file)
}

// By default dnsdist looks up in the public DNS whether it is out of date.
const dnsdist = `setSecurityPollSuffix('')
setLocal('127.0.0.1:DNS_PORT')
addTLSLocal('127.0.0.1:TLS_PORT', 'CERTIFICATE', 'KEY')
addDOHLocal('127.0.0.1:HTTPS_PORT', 'CERTIFICATE', 'KEY', '/dns-query', {idleTimeout=HTTPS_IDLE})
newServer({address = '127.0.0.1:NAMED'})
`
