package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// A zone has other servers than those of a delegation that lasts for hours yet, and the old ones
// do not serve it any more. The zone above knows, so it is asked.
func TestZonesThatHaveMoved(t *testing.T) {
	t.Parallel()
	refuses := authority("other.test.")
	lame := serveReply(func(r *dns.Msg) { r.Ns = []dns.RR{rr(". 60 NS a.root.")} })
	const moved = "test.\nexample NS ns3.example\nns3.example A 192.0.2.12"
	renumbered := strings.NewReplacer("192.0.2.10", "192.0.2.12", "192.0.2.11", "192.0.2.12").Replace(testZone)
	for _, tt := range []struct {
		name  string
		after time.Duration
		old   behaviour // of the servers that it had
		above string    // the zone above, by then
		ask   string
		want  string
		most  int // queries
	}{
		{"the old servers refuse", time.Hour / 2, refuses, moved, "mx.example.test. A", "NOERROR, 192.0.2.80", 4},
		{"they are lame", time.Hour / 2, lame, moved, "mx.example.test. A", "NOERROR, 192.0.2.80", 4},
		{"they are dead", time.Hour / 2, nil, moved, "mx.example.test. A", "NOERROR, 192.0.2.80", 4},
		{"they are silent", time.Hour / 2, silent, moved, "mx.example.test. A", "NOERROR, 192.0.2.80", 0},
		{"the names are the same, and the addresses are not", time.Hour / 2, nil, renumbered, "mx.example.test. A", "NOERROR, 192.0.2.80", 4},
		{"a name below that was not asked for before", time.Hour / 2, nil, moved, "deep.er.name.example.test. A", "NOERROR, 192.0.2.81", 5},
		{"the zone has gone", time.Hour / 2, nil, "test.\nother TXT there", "mx.example.test. A", "NXDOMAIN, a. b. 1 2 3 4 60", 4},
		{"the zone above has no word of another server", time.Hour / 2, refuses, testZone, "mx.example.test. A", "REFUSED", 3},
		{"so that the old ones are asked no more than once", time.Hour / 2, nil, testZone, "mx.example.test. A", "no server of zone example.test. gave an answer", 3},
		{"the delegation is new", minDelegationLife / 2, refuses, moved, "mx.example.test. A", "REFUSED", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := internet(map[string]behaviour{"192.0.2.12": authority(exampleZone)})
				net := newNet(t, servers)
				r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
				if _, got := askRecursor(t, r, "example.test. MX"); !strings.Contains(got, "NOERROR") {
					t.Fatal(got)
				}
				before := len(net.log)
				servers["192.0.2.10"], servers["192.0.2.11"], servers["192.0.2.2"] = tt.old, tt.old, authority(tt.above)
				time.Sleep(tt.after)
				_, got := askRecursor(t, r, tt.ask)
				if !strings.Contains(got, tt.want) {
					t.Errorf("got %s\nwant %s", got, tt.want)
				}
				if n := len(net.log) - before; tt.most > 0 && n > tt.most {
					t.Errorf("%d queries, want %d at most: %q", n, tt.most, net.log[before:])
				}
				if _, again := askRecursor(t, r, tt.ask); again != got && tt.want[:2] == "NO" {
					t.Errorf("again: got %s\nbefore it was %s", again, got)
				}
			})
		})
	}
}

// Those who ask for a zone that is broken for good cost the zone above next to nothing.
func TestBrokenZonesAreSeldomLookedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refuses := authority("other.test.")
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": refuses, "192.0.2.11": refuses}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		for range 1800 {
			askRecursor(t, r, "mx.example.test. A")
			time.Sleep(time.Second)
		}
		if n := net.queries("192.0.2.2 "); n > 6 {
			t.Errorf("%d queries to the zone above in half an hour", n)
		}
	})
}

// If the zone above has moved, too, the one above that is asked.
func TestZonesThatHaveMovedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := internet(map[string]behaviour{"192.0.2.12": authority(exampleZone)})
		net := newNet(t, servers)
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, r, "example.test. MX")
		time.Sleep(time.Hour / 2)
		root := strings.ReplaceAll(rootZone, "192.0.2.2\n", "192.0.2.22\n")
		if root == rootZone {
			t.Fatal("the server of test has not moved")
		}
		for _, old := range []string{"192.0.2.2", "192.0.2.10", "192.0.2.11"} {
			servers[old] = nil
		}
		_, failed := askRecursor(t, r, "www.example.test. A")
		if !strings.Contains(failed, "no server of zone example.test.") {
			t.Errorf("with the zone above dead: %s, want what is wrong with the zone", failed)
		}
		servers["192.0.2.1"], servers["192.0.2.22"] = authority(root), authority("test.\nexample NS ns3.example\nns3.example A 192.0.2.12")
		time.Sleep(time.Hour / 4)
		if _, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
			t.Errorf("got %s", got)
		}
	})
}
