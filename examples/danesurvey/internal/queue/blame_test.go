package queue

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// TestBlame: an address is left alone after three processes have died of it, and one that was only connected to
// while something else ended a worker is innocent as soon as another process has connected to it.
func TestBlame(t *testing.T) {
	t.Parallel()
	const length = 10 * time.Second
	poison, good := netip.MustParseAddrPort("192.0.2.1:25"), netip.MustParseAddrPort("192.0.2.2:25")
	now := time.Unix(0, 0)
	l, b := newLeases(length, now), newBlamed()
	begin := func(worker string, addr netip.AddrPort, died bool) int {
		l.heard("v", worker, now)
		return len(b.begin("v", connectRequest{Worker: worker, Addr: addr, Died: died}, l, now))
	}
	steps := []struct {
		name string
		got  func() int
		want int
	}{
		{"nothing is known", func() int { return begin("a", poison, false) + begin("a", good, false) }, 0},
		{"a connection is over that was never begun", func() int {
			b.done("v", connectRequest{Worker: "b", Addr: good})
			return 0
		}, 0},
		{"a worker that is heard of has not died", func() int { return begin("b", poison, false) }, 0},
		{"that of another is over", func() int { b.done("v", connectRequest{Worker: "b", Addr: poison}); return 0 }, 0},
		{"a worker is gone: the first", func() int { now = now.Add(length + 1); return begin("b", poison, false) }, 1},
		{"and may have died of the second", func() int { return begin("b", good, false) }, 1},
		{"which another process finds innocent", func() int {
			b.done("v", connectRequest{Worker: "b", Addr: good, Apart: true})
			return begin("b", good, false)
		}, 0},
		{"a process dies", func() int { return begin("b", poison, true) }, 2},
		{"elsewhere nothing is known of it", func() int {
			return len(b.begin("w", connectRequest{Worker: "c", Addr: poison}, l, now))
		}, 0},
		{"a second one dies", func() int { return begin("b", poison, true) }, maxEnds},
		{"a late answer does not make it innocent", func() int {
			b.done("v", connectRequest{Worker: "b", Addr: poison, Apart: true})
			return begin("d", poison, false)
		}, maxEnds},
		{"who has left has died of nothing", func() int {
			begin("e", good, false)
			l.renew("v", leaseRequest{Worker: "e", Leaving: true}, now)
			return begin("d", good, false)
		}, 0},
	}
	for _, step := range steps {
		if got := step.got(); got != step.want {
			t.Errorf("%s: %d ends, want %d", step.name, got, step.want)
		}
	}
}

// TestTry: garbage is no question, and a server that is not there is an answer.
func TestTry(t *testing.T) {
	t.Parallel()
	q, err := json.Marshal(probeRequest{
		Addr: netip.MustParseAddrPort(freePort(t)), Host: "mx.example", Hello: "client.example", Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, question, want, wrong string }{
		{"no JSON", "EHLO", "", "makes no sense"},
		{"no address", "{}", "", "no address"},
		{"nobody listens", string(q), "ECONNREFUSED", ""},
	} {
		var out bytes.Buffer
		err := Try(t.Context(), smtpprobe.Prober{}, strings.NewReader(tt.question), &out)
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) ||
			!strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: %q, %v", tt.name, &out, err)
		}
	}
}

// TestWhatWasNotSeen: a reason of the queue's own is no verdict on a domain, whatever its other servers
// show, and is told as such from one worker to the next.
func TestWhatWasNotSeen(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"what the server has shown is too large to be sent", "3 workers have ended"} {
		var once, twice probeReply
		overTheWire(t, &probeReply{Error: text}, &once)
		overTheWire(t, replyTo(once.sighting()), &twice)
		_, err := twice.sighting()
		attempts := []dane.Attempt{{}, {Err: &smtpprobe.Error{Err: err}}}
		r := &dane.Result{Outcome: dane.OutcomeSuccess, Hosts: []dane.HostResult{{Attempts: attempts}}}
		if got := unseen(r); got == nil || got.text != text {
			t.Errorf("%q is told as %v", text, err)
		}
	}
	if got := unseen(&dane.Result{Hosts: []dane.HostResult{{Attempts: []dane.Attempt{{}}}}}); got != nil {
		t.Errorf("all was seen, and %v", got)
	}
}
