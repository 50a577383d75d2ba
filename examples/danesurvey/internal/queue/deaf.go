package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
)

// listenEvery is how often a worker whose rows say that no DNS server answers looks whether one does.
const listenEvery = 5 * time.Second

// unheard are rows in a row that say that no DNS server answers. They are sent once one does, which makes them
// such of their domains; else others ask about these, as DNS is spoken to by each worker for itself.
type unheard struct {
	rows  []made
	since time.Time
	end   context.CancelCauseFunc // has the worker stop
}

// hold returns the rows that can be sent now that there is one more.
func (t *tracker) hold(m made) (rows []row.Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.deaf == nil {
		if m.asks {
			rows = t.heard()
		}
		return append(rows, m.row)
	}
	if len(t.held.rows) == 0 {
		t.held.since = time.Now()
	}
	t.held.rows = append(t.held.rows, m)
	if len(t.held.rows) == work.MaxDeaf {
		t.held.end(fmt.Errorf("%w, for %d domains in a row; of %s: %w", work.ErrDeaf, work.MaxDeaf, m.domain, m.deaf))
	}
	return nil
}

// heard returns the rows that were held, and holds them no longer. The caller has mu.
func (t *tracker) heard() (rows []row.Row) {
	for _, m := range t.held.rows {
		rows = append(rows, m.row)
	}
	t.held.rows = nil
	return rows
}

// listen looks until ctx ends whether a DNS server answers where rows have been held for some time, as the last ones
// of a list may be. If so they are sent, and else the worker stops.
func (t *tracker) listen(ctx context.Context) {
	every := cmp.Or(t.listenEvery, listenEvery)
	for sleep(ctx, every) {
		t.mu.Lock()
		domain := ""
		if len(t.held.rows) > 0 && time.Since(t.held.since) >= every {
			domain = t.held.rows[0].domain
		}
		end := t.held.end
		t.mu.Unlock()
		if domain == "" {
			continue
		}
		if deaf := t.deafTo(ctx, domain); deaf != nil {
			end(fmt.Errorf("%w; of %s: %w", work.ErrDeaf, domain, deaf))
			continue
		}
		t.mu.Lock()
		rows := t.heard()
		t.mu.Unlock()
		for _, one := range rows {
			if t.put(ctx, one) != nil {
				return
			}
		}
	}
}

// deafTo asks DNS about a domain, and returns why nobody answers.
func (w *Worker) deafTo(ctx context.Context, domain string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r := w.plan(ctx, domain)
	_, deaf := work.Heard(&r)
	return cmp.Or(deaf, ctx.Err())
}

// giveUp gives back the shards that there are, after the rows that say something have been sent, and forgets the
// others. It returns a domain about which nobody answered.
func (t *tracker) giveUp(ctx context.Context) (domain string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	t.wait(ctx, func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return len(t.rows) == 0
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	for o := range t.shards {
		if err := o.message.Nak(); err != nil {
			t.Log.Debug("a shard is not given back", "error", err)
		}
		delete(t.shards, o)
	}
	if len(t.held.rows) > 0 {
		domain = t.held.rows[0].domain
	}
	t.held.rows = nil
	t.change()
	return domain
}

// work does the shards of a source. While no DNS server answers it has none.
func (w *Worker) work(ctx context.Context, source *source) error {
	for {
		round, end := context.WithCancelCause(ctx)
		w.tracker.mu.Lock()
		w.tracker.held.end = end
		w.tracker.mu.Unlock()
		err := w.peers.shards.Run(round, source, w.tracker)
		why := context.Cause(round)
		end(nil)
		if !errors.Is(why, work.ErrDeaf) || ctx.Err() != nil {
			return err
		}
		source.forget()
		domain := w.tracker.giveUp(ctx)
		w.deaf.Store(true)
		waiting := &complaint{log: w.Log}
		for {
			waiting.tell("the shards go back, and no more are taken until a DNS server answers", "error", why)
			select {
			case <-source.finished:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(cmp.Or(w.listenEvery, listenEvery)):
			}
			deaf := w.deafTo(ctx, domain)
			if deaf == nil {
				break
			}
			why = deaf
		}
		waiting.over("DNS answers again")
		w.deaf.Store(false)
	}
}
