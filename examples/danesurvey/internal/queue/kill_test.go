package queue

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// TestKills: workers and the Server are killed at random moments, and started again. Each line has one
// row in the end, with the right verdict.
func TestKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := newFolder(t, w, 2000)
	r := w.role(t, f)
	r.Slow = 5 * time.Millisecond
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	server, workers := r.server().start(t), []*exec.Cmd{r.worker().start(t), r.worker().start(t)}
	for n := range 5 {
		time.Sleep(time.Duration(700+random.IntN(800)) * time.Millisecond)
		if n == 2 {
			server.Process.Kill()
			server.Wait()
			server = r.server().start(t)
			continue
		}
		i := random.IntN(2)
		workers[i].Process.Kill()
		workers[i].Wait()
		workers[i] = r.worker().start(t)
	}
	ended(t, server)
	st, err := store.Open(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	checkRows(t, st, f, w.states(t), "")
}

// TestPoison: a domain that ends whoever asks about it is set aside after three workers, with what
// is known of it, and so is one whose server ends whoever connects to it. All others have
// their verdicts.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		poison func(w *world, r *role) string // returns the domain
		ends   int                            // of workers
		said   []string                       // in the row
	}{
		{
			"in DNS", func(_ *world, r *role) string { r.Poison = "mail.mismatch.example"; return "mismatch.example" },
			3, []string{"set aside: 3 workers have ended"},
		},
		{
			"in the judgement on a certificate", func(_ *world, r *role) string {
				r.PoisonJudge = "mail.mismatch.example"
				return "mismatch.example"
			},
			3, []string{"set aside: 2 workers have ended", "mail.mismatch.example"},
		},
		{
			"in a connection", func(w *world, r *role) string {
				r.PoisonAddr = w.addressOf("mail.mismatch.example")
				return "mismatch.example"
			},
			1, []string{"3 workers have ended", "; a process of "}, // another process connects then
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := newFolder(t, w, 60)
			r := w.role(t, f)
			domain := tt.poison(w, &r)
			for i, l := range f.lines { // once is enough
				if l == domain && i > len(w.Domains) {
					f.lines[i] = "good.example"
				}
			}
			f.write(t)
			server := r.server().start(t)
			died, stop := r.keepWorkers(t, 2)
			ended(t, server)
			stop()
			if n := int(died.Load()); n != tt.ends {
				t.Errorf("%d workers have ended, want %d", n, tt.ends)
			}
			st, err := store.Open(f.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			states := w.states(t)
			for r, err := range st.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				if r.Input != domain {
					continue
				}
				if !r.NoVerdict {
					t.Errorf("a verdict: %.500s", r.Text)
				}
				for _, want := range tt.said {
					if !strings.Contains(string(r.Text), want) {
						t.Errorf("the row does not say %q: %.1500s", want, r.Text)
					}
				}
				states[domain] = r.State + " " + r.Finding
			}
			checkRows(t, st, f, states, "")
		})
	}
}

// ended waits for the Server to be done.
func ended(t *testing.T, server *exec.Cmd) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- server.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(5 * time.Minute):
		t.Fatal("the server is not done after five minutes")
	}
}

// role is that of a process in the world.
func (w *world) role(t *testing.T, f *folder) role {
	t.Helper()
	r := role{
		Dir: f.dir, Listen: freePort(t), DNS: w.dns, Proxy: w.proxy, Parallel: 8,
		LeaseAckWait: [2]time.Duration{2 * time.Second, 4 * time.Second},
	}
	r.URL = "nats://" + r.Listen
	for _, a := range w.DNS.Anchors() {
		r.Anchors = append(r.Anchors, a.DS.String())
	}
	return r
}

func (r role) server() role { r.Serve = true; return r }
func (r role) worker() role { r.Work = true; return r }

// addressOf returns the address of a host, by asking for it.
func (w *world) addressOf(host string) string {
	answer, err := w.Internet.Verifier().Resolver.Lookup(context.Background(), host, dns.TypeA)
	if err != nil {
		panic(err)
	}
	return answer.Records[0].(*dns.A).A.String()
}

// keepWorkers has so many workers, until stop is called: one that ends is followed by another.
func (r role) keepWorkers(t *testing.T, n int) (died *atomic.Int64, stop func()) {
	t.Helper()
	died = new(atomic.Int64)
	stopped := make(chan struct{})
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			for {
				cmd := r.worker().start(t)
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case err := <-ended:
					if err == nil {
						return
					}
					died.Add(1)
				case <-stopped:
					cmd.Process.Kill()
					<-ended
					return
				}
			}
		})
	}
	return died, func() { close(stopped); running.Wait() }
}
