package upstream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func TestAuto(t *testing.T) {
	t.Parallel()
	// The system's server is at 192.0.2.100, where the file says so.
	for _, tt := range []struct {
		name   string
		file   string // none if empty
		system behaviour
		server string // that answers
		choice string
		again  time.Duration // after which the system's server, good by now, is asked
	}{
		{"a capable server of the system", "nameserver 192.0.2.100\n", good, "192.0.2.100:53", "the system's DNS servers: 192.0.2.100:53", 0},
		{"a server that drops DNSSEC records", "nameserver 192.0.2.100\n", but(stripping), "192.0.2.80:53",
			"the servers of the zones, from the root down: no server is capable of DNSSEC: 192.0.2.100:53 drops DNSSEC records", incapableLife},
		{"a server that is dead", "nameserver 192.0.2.100\n", nil, "192.0.2.80:53", "connection refused", backoffTime},
		{"no file", "", good, "192.0.2.80:53", "no such file", time.Nanosecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "resolv.conf")
				write := func(text string) {
					if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if tt.file != "" {
					write(tt.file)
				}
				servers := map[string]behaviour{
					"192.0.2.100": tt.system,
					"192.0.2.1":   authority(".\n. NS a.root.\n. DNSKEY 257 3 13 a2V5\n. RRSIG DNSKEY 13 0 60 20300101000000 20200101000000 1 . c2ln\n. NSEC a.root. NS\n. RRSIG NSEC 13 0 60 20300101000000 20200101000000 1 . c2ln\na.root. A 192.0.2.1\nsigned.test. NS ns.signed.test.\nns.signed.test. A 192.0.2.80"),
					"192.0.2.80":  authority("signed.test.\n@ A 192.0.2.81"),
				}
				net := newNet(t, servers)
				auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: path, dial: net.dial}
				q := &Query{Msg: question("signed.test.", dns.TypeA)}
				for range 2 {
					reply, err := auto.Exchange(t.Context(), q)
					if err != nil || reply.Server != tt.server {
						t.Fatalf("got %+v, %v", reply, err)
					}
					if passed := len(reply.PassedOver); (passed > 0) != (tt.again > 0) {
						t.Errorf("passed over: %v", reply.PassedOver)
					}
				}
				if choice := auto.Choice(); !strings.Contains(choice, tt.choice) {
					t.Errorf("Choice: %s\nwant %s", choice, tt.choice)
				}
				if tt.again == 0 {
					return
				}
				write("nameserver 192.0.2.100\n")
				servers["192.0.2.100"] = good
				time.Sleep(max(tt.again, backoffTime, incapableLife))
				if reply, err := auto.Exchange(t.Context(), q); err != nil || reply.Server != "192.0.2.100:53" {
					t.Errorf("later: got %+v, %v", reply, err)
				}
			})
		})
	}
}

func TestAutoFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": but(stripping)})
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		q := &Query{Msg: question("signed.test.", dns.TypeA)}
		_, err := auto.Exchange(t.Context(), q)
		_, incapable := errors.AsType[*CapabilityError](err)
		if !incapable || !strings.Contains(err.Error(), "192.0.2.100:53 drops DNSSEC records") || !strings.Contains(err.Error(), "192.0.2.1:53 over udp") {
			t.Errorf("got %v, want both causes", err)
		}
	})
}

// One name that gets no answer is no reason to give up the servers of the system.
func TestAutoKeepsItsServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": func(n string, q *dns.Msg) [][]byte {
			if strings.HasPrefix(q.Question[0].Name, "slow.") {
				return nil
			}
			return good(n, q)
		}}) // port 53 to the outside is closed
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		if _, err := auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
			t.Fatal(err)
		}
		auto.Exchange(t.Context(), &Query{Msg: question("slow.test.", dns.TypeA)})
		if _, err := auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
			t.Errorf("after one slow name: %v", err)
		}
	})
}

// A caller who has no more time says nothing about the servers of the system, even if the context
// does not say yet that it is over.
func TestAutoKeepsItsServersFromTheImpatient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": silent, "192.0.2.1": authority(rootZone)})
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		ctx := lateContext{t.Context(), time.Now().Add(2 * time.Second)}
		_, err := auto.Exchange(ctx, &Query{Msg: question("host.unsigned.test.", dns.TypeA)})
		if choice := auto.Choice(); err == nil || !strings.HasPrefix(choice, "the system's DNS servers") {
			t.Errorf("%s, %v", choice, err)
		}
		time.Sleep(probeTimeout)
		if choice := auto.Choice(); !strings.HasPrefix(choice, "the system's DNS servers") {
			t.Errorf("later: %s", choice)
		}
	})
}

// A lateContext has a deadline, but does not end by itself.
type lateContext struct {
	context.Context
	deadline time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Names that only the system's servers know are not asked for elsewhere because these
// have no answer for another one.
func TestAutoKeepsSplitHorizons(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": func(network string, query *dns.Msg) [][]byte {
			if strings.HasPrefix(query.Question[0].Name, "slow.") {
				return nil
			}
			return good(network, query)
		}, "192.0.2.1": authority(rootZone)})
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		for _, name := range []string{"slow.test.", "host.unsigned.test."} {
			reply, err := auto.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
			if (err == nil) != (name == "host.unsigned.test.") || err == nil && reply.Server != "192.0.2.100:53" {
				t.Errorf("%s: got %+v, %v", name, reply, err)
			}
		}
	})
}
