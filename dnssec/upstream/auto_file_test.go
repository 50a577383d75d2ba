package upstream

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// Who moves to another network has other DNS servers, and those of the old one do not answer.
func TestAutoFollowsTheFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := map[string]behaviour{"192.0.2.100": good, "192.0.2.101": good}
		net := newNet(t, servers)
		path := resolvConfOf(t, "nameserver 192.0.2.100\n")
		auto := &Auto{Private: true, path: path, dial: net.dial}
		ask := func(what, want string) {
			t.Helper()
			reply, err := auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if got := outcome(reply, err); !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %s, want %s", what, got, want)
			}
		}
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ask("at first", "192.0.2.100:53 udp")
		servers["192.0.2.100"] = silent
		write("nameserver 192.0.2.101\n")
		time.Sleep(systemLife)
		ask("the file has changed", "192.0.2.101:53 udp")
		if choice := auto.Choice(); choice != "the system's DNS servers: 192.0.2.101:53" {
			t.Errorf("Choice: %s", choice)
		}
		before := auto.pool
		for _, text := range []string{"nameserver 192.0.2.101\n", "", "# no network\n"} {
			write(text)
			time.Sleep(systemLife)
			ask("the file has become "+text, "192.0.2.101:53 udp")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(systemLife)
		ask("the file is not there", "192.0.2.101:53 udp")
		if auto.pool != before {
			t.Error("what was known of the servers is forgotten, although they are the same")
		}
		write("nameserver 192.0.2.100\nnameserver 192.0.2.101\n")
		time.Sleep(systemLife)
		ask("the file is there again", "192.0.2.101:53 udp")
	})
}

// Servers that do not answer at all are found out even if nobody has the time to wait for that, and
// a name that has no answer is still no reason to leave good ones.
func TestAutoFindsSilentServersOutForTheImpatient(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		system behaviour
		choice string
	}{
		"silent":              {silent, "the servers of the zones"},
		"silent for one name": {named(map[string]behaviour{"host": silent}), "the system's DNS servers"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{"192.0.2.100": tt.system, "192.0.2.101": tt.system, "192.0.2.1": authority(rootZone)})
				auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\nnameserver 192.0.2.101\n"), dial: net.dial}
				for range 5 {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					if reply, err := auto.Exchange(ctx, &Query{Msg: question("host.unsigned.test.", dns.TypeA)}); err == nil {
						t.Errorf("got %+v", reply)
					}
					cancel()
				}
				if choice := auto.Choice(); !strings.HasPrefix(choice, tt.choice) {
					t.Errorf("it asks %s, want %s", choice, tt.choice)
				}
				if asked := net.queries("192.0.2.1 udp test. A") > 0; asked != (name == "silent") {
					t.Errorf("the root servers were asked: %t", asked)
				}
				time.Sleep(time.Minute) // until all probes are over
			})
		})
	}
}

// What becomes of a query to the servers that the file named before says nothing about those
// that it names now.
func TestAutoBlamesNoServersForThoseBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": silent, "192.0.2.101": good, "192.0.2.1": authority(rootZone)})
		path := resolvConfOf(t, "nameserver 192.0.2.100\n")
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: path, dial: net.dial}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		}()
		synctest.Wait()
		if err := os.WriteFile(path, []byte("nameserver 192.0.2.101\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			time.Sleep(systemLife)
			reply, err := auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if got := outcome(reply, err); got != "192.0.2.101:53 udp" {
				t.Fatal(got)
			}
		}
		<-ended
		if choice := auto.Choice(); !strings.HasPrefix(choice, "the system's DNS servers") {
			t.Errorf("Choice: %s", choice)
		}
	})
}

// Who runs out of time while the servers are probed has not found out that they do not answer.
func TestAutoKeepsServersThatWereNotProbedToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": named(map[string]behaviour{"host": silent, "": slow(3*time.Second, good)})})
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
		defer cancel()
		auto.Exchange(ctx, &Query{Msg: plain("host.unsigned.test.", dns.TypeA)})
		if choice := auto.Choice(); !strings.HasPrefix(choice, "the system's DNS servers") {
			t.Error(choice)
		}
		time.Sleep(time.Minute) // until all probes are over
		if choice := auto.Choice(); !strings.HasPrefix(choice, "the system's DNS servers") {
			t.Errorf("later: %s", choice)
		}
	})
}
