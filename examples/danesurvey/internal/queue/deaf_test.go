package queue

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A patchy resolver asks a DNS server that is not there, until it is.
type patchy struct {
	alive, dead *dnssec.Resolver
	there       atomic.Bool
}

func (p *patchy) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	if p.there.Load() {
		return p.alive.Lookup(ctx, name, qtype)
	}
	return p.dead.Lookup(ctx, name, qtype)
}

// A heard log can be read while it is written.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

func (h *heard) contains(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text.String(), text)
}

// TestWorkerWithoutDNS: a worker that no DNS server answers gives back what it has, and takes no more until one does; so
// no line has a row that says nothing about its domain. Few lines are like many.
func TestWorkerWithoutDNS(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		lines  int
		others int // workers that DNS answers
	}{
		{"it is alone, with more lines than may say so in a row", 400, 0},
		{"it is alone, with some lines", 20, 0},
		{"another one does its work", 400, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := newFolder(t, w, tt.lines)
			st := f.create(t)
			defer st.Close()
			server, conn := embed(t, &Embedded{})
			s := newServer(conn, st, f.dir)
			said := new(heard)
			s.lease, s.Log = time.Second, slog.New(slog.NewTextHandler(said, nil))
			nobody, err := upstream.Servers(freePort(t))
			if err != nil {
				t.Fatal(err)
			}
			v := w.verifier()
			resolver := &patchy{alive: v.Resolver.(*dnssec.Resolver)}
			resolver.dead = &dnssec.Resolver{Exchanger: nobody, Anchors: resolver.alive.Anchors}
			v.Resolver = resolver
			deaf := newWorker(server.ClientURL(), "", &dane.Checker{Verifier: v})
			deaf.listenEvery = 200 * time.Millisecond
			workers := []*Worker{deaf}
			for range tt.others {
				workers = append(workers, newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()}))
			}
			if tt.others == 0 {
				go func() {
					for !deaf.deaf.Load() {
						if !sleep(t.Context(), 20*time.Millisecond) {
							return
						}
					}
					time.Sleep(s.lease) // until the Server knows it
					resolver.there.Store(true)
				}()
			}
			runWorkers(t, s, workers...)
			checkRows(t, st, f, w.states(t), "")
			if !said.contains("no DNS server answers a worker") {
				t.Error("the server does not say it")
			}
			if rows := deaf.rows.Load(); (rows == 0) != (tt.others > 0) {
				t.Errorf("the worker without DNS has sent %d rows", rows)
			}
		})
	}
}
