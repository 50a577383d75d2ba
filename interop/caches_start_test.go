//go:build interop

package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// simple starts a forwarder of the table in forwarders_test.go, with more in its
// configuration.
func simple(start func(*internet, forwarder) error, more string) func(*testing.T, string) (string, dialer) {
	return func(t *testing.T, file string) (string, dialer) {
		t.Helper()
		f, err := lab.startForwarder(forwarder{name: file, start: start, more: more})
		if err != nil {
			t.Fatal(err)
		}
		return address(f.port), nil
	}
}

const cachingDnsdist = `getPool(''):setCache(newPacketCache(10000))
`

// startCache starts a program on a port of its own, with a configuration.
func startCache(t *testing.T, file, configuration string, argv func(port int, file string) []string) (string, dialer) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	f := forwarder{name: file, port: port}
	path, err := lab.writeFile(f.file()+".conf", lab.configuration(f, configuration))
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.startDaemon(f.file(), f.answers(), argv(port, path)...); err != nil {
		t.Fatal(err)
	}
	return address(port), nil
}

func startCachingUnbound(t *testing.T, file string) (string, dialer) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(unboundServer, port, "iterator") +
		fmt.Sprintf("forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\n", lab.resolvers[1].port)
	if err := lab.startUnbound(forwarder{name: file}.file(), conf, port); err != nil {
		t.Fatal(err)
	}
	return address(port), nil
}

func startCoreDNS(t *testing.T, file string) (string, dialer) {
	program := os.Getenv("DANE_COREDNS")
	if program == "" {
		var err error
		if program, err = exec.LookPath("coredns"); err != nil {
			t.Skip("there is no coredns, and DANE_COREDNS is not set: go install github.com/coredns/coredns@v1.12.4")
		}
	}
	return startCache(t, file, ".:DNS_PORT {\n\tbind 127.0.0.1\n\tforward . 127.0.0.1:NAMED\n\tcache 30\n}\n",
		func(_ int, file string) []string { return []string{program, "-conf", file} })
}

func startDnsmasq(t *testing.T, file string) (string, dialer) {
	return startCache(t, file, "port=DNS_PORT\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nserver=127.0.0.1#NAMED\nedns-packet-max=1232\n",
		func(_ int, file string) []string {
			return []string{"dnsmasq", "--keep-in-foreground", "--user=root", "--pid-file=", "--conf-file=" + file}
		})
}

func startPowerDNS(t *testing.T, file string) (string, dialer) {
	return startCache(t, file, `daemon=no
local-address=127.0.0.1
local-port=DNS_PORT
forward-zones-recurse=.=127.0.0.1:NAMED
dnssec=process-no-validate
dont-query=
security-poll-suffix=
hint-file=no
`, func(_ int, file string) []string {
		dir := file + ".d"
		os.MkdirAll(dir, 0o755)
		os.Rename(file, dir+"/recursor.conf") // it takes the directory, and no other name
		return []string{"pdns_recursor", "--config-dir=" + dir, "--socket-dir=" + dir}
	})
}

// startResolved starts the stub of systemd-resolved as it is installed: at 127.0.0.53, with
// its cache and without DNSSEC. It wants files of its own in /etc and /run, a user and
// nothing else, neither systemd nor D-Bus. Its host is a namespace, from which a relay leads
// to named.
func startResolved(t *testing.T, file string) (string, dialer) {
	program := os.Getenv("DANE_RESOLVED")
	if program == "" {
		program = "/lib/systemd/systemd-resolved"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skipf("there is no systemd-resolved, and DANE_RESOLVED is not set: %v", err)
	}
	host := newNamespace(t, syscall.CLONE_NEWNET)
	const stub, relay = "127.0.0.53:53", "127.0.0.1:5353"
	var err error
	host.do(func() {
		for _, argv := range []string{
			"ip link set lo up",
			"ip link add eth0 type veth peer name eth1", // without a network card it asks nobody
			"ip address add 10.53.0.253/24 dev eth0",
			"ip link set eth0 up",
			"ip link set eth1 up",
		} {
			if _, err = command(lab.dir, strings.Fields(argv)...); err != nil {
				return
			}
		}
		if err = relayTo(t, relay, address(lab.resolvers[1].port)); err != nil {
			return
		}
		err = lab.startDaemon(file, answers(stub, domains[0].name, dns.TypeMX),
			"unshare", "--mount", "sh", "-c", resolved, "sh", program, relay)
	})
	if err != nil {
		t.Fatal(err)
	}
	return stub, host.Dial
}

const resolved = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/resolve /run/systemd/netif/links /run/etc/systemd
cat >/run/etc/systemd/resolved.conf <<END
[Resolve]
DNS=$2
FallbackDNS=
Domains=~.
DNSSEC=no
Cache=yes
CacheFromLocalhost=yes
LLMNR=no
MulticastDNS=no
ReadEtcHosts=no
END
{ cat /etc/passwd; echo 'systemd-resolve:x:990:990::/:/usr/sbin/nologin'; } >/run/etc/passwd
{ cat /etc/group; echo 'systemd-resolve:x:990:'; } >/run/etc/group
chown 990:990 /run/systemd/resolve
mkdir -p /etc/systemd
for name in passwd group systemd; do mount --bind "/run/etc/$name" "/etc/$name"; done
SYSTEMD_LOG_TARGET=console exec "$1"
`

// relayTo passes queries that come to one address on to another one, which the host of the
// caller's thread does not reach, over the same network and as they are.
func relayTo(t *testing.T, address, server string) error {
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	t.Cleanup(func() { udp.Close(); tcp.Close() })
	to := &bare{address: server}
	pass := func(network string) dns.HandlerFunc {
		return func(w dns.ResponseWriter, query *dns.Msg) {
			id := query.Id
			if reply, err := to.over(context.Background(), network, query); err == nil {
				reply.Id = id
				w.WriteMsg(reply)
			}
		}
	}
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: pass("udp")}, {Listener: tcp, Handler: pass("tcp")}} {
		go s.ActivateAndServe() // until its socket closes
	}
	return nil
}
