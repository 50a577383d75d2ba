package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
)

// Rows are sent together when there are so many octets of them, or so long after the first.
const (
	batchOctets = 256 << 10
	batchDelay  = 200 * time.Millisecond
)

// A tracker knows which lines of which shards are not done, sends rows, and acknowledges shards.
type tracker struct {
	*Worker

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, when anything changes
	shards  map[*open]bool
	rows    []row.Row // that wait to be sent
	octets  int
	full    chan struct{}
	held    unheard
}

// An open shard is one that is not acknowledged.
type open struct {
	message jetstream.Msg
	shard   shard
	left    map[int]bool // lines without a row that is stored; nil before it is begun
}

func newTracker(w *Worker) *tracker {
	return &tracker{Worker: w, changed: make(chan struct{}), shards: make(map[*open]bool), full: make(chan struct{}, 1)}
}

// change lets those look who wait. The caller has mu.
func (t *tracker) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// wait returns when something is so.
func (t *tracker) wait(ctx context.Context, so func() bool) error {
	for {
		t.mu.Lock()
		changed := t.changed
		t.mu.Unlock()
		if so() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *tracker) openShards() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.shards)
}

// add says from now on that a shard is worked on.
func (t *tracker) add(o *open) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shards[o] = true
}

func (t *tracker) remove(o *open) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.shards, o)
	t.change()
}

// begin waits for the rows of a shard. It is true if there are none to wait for.
func (t *tracker) begin(o *open) bool {
	t.mu.Lock()
	for _, l := range o.shard.Lines {
		o.left[l.Line] = true
	}
	empty := len(o.left) == 0
	t.mu.Unlock()
	if empty {
		t.acknowledge(o)
	}
	return empty
}

// made is a row that is ready, where several are made at a time.
type made struct {
	row    row.Row
	err    error
	domain string
	asks   bool  // somebody was asked
	deaf   error // nobody answered
}

// make makes the row that is sent.
func (t *tracker) make(_ context.Context, r *survey.Row) {
	m := made{domain: r.Domain}
	m.asks, m.deaf = work.Heard(r)
	if r.Result != nil && unseen(r.Result) != nil {
		r.Result.Local = true // whatever the other servers show, this is no verdict
	}
	one, err := row.Of(r, t.Row)
	if err == nil && int64(len(one.Text)) > t.conn.MaxPayload()-1024 {
		own := survey.Row{Entry: r.Entry, Result: &dane.Result{Name: r.Domain, Started: one.At, Local: true}}
		own.Result.Outcome = dane.OutcomeFailure
		own.Result.Err = fmt.Errorf("the row has %d octets, and cannot be sent", len(one.Text))
		one, err = row.Of(&own, t.Row)
	}
	m.row, m.err = one, err
	r.Extra, r.Result = m, nil // what is in the row is held no longer
}

// Put takes a row, and waits if too many are not sent.
func (t *tracker) Put(ctx context.Context, r survey.Row) error {
	m := r.Extra.(made)
	if m.err != nil {
		return m.err
	}
	for _, one := range t.hold(m) {
		if err := t.put(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// put has a row sent.
func (t *tracker) put(ctx context.Context, one row.Row) error {
	if err := t.wait(ctx, func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.octets < 4*batchOctets
	}); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, one)
	t.octets += len(one.Text)
	if t.octets >= batchOctets || len(t.rows) == 1 {
		select {
		case t.full <- struct{}{}:
		default:
		}
	}
	return nil
}

// run sends rows, and says that shards are worked on, until ctx ends and all is sent.
func (t *tracker) run(ctx context.Context) {
	ticker := time.NewTicker(t.ackWait / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			t.working()
		case <-t.full:
			sleep(ctx, t.delay())
			t.flush(ctx)
		}
	}
}

// delay is how long others are waited for, to be sent together.
func (t *tracker) delay() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.octets >= batchOctets {
		return 0
	}
	return batchDelay
}

// working says that all shards are worked on.
func (t *tracker) working() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for o := range t.shards {
		if err := o.message.InProgress(); err != nil {
			t.Log.Debug("not said that a shard is worked on", "error", err)
		}
	}
}

// flush sends all rows that there are, and acknowledges the shards that are done.
func (t *tracker) flush(ctx context.Context) {
	for {
		batch := t.batch()
		if len(batch) == 0 || t.store(ctx, batch) != nil {
			return
		}
		for _, o := range t.stored(batch) {
			t.acknowledge(o)
		}
	}
}

// batch takes rows that fit into a message.
func (t *tracker) batch() []row.Row {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, octets := 0, 0
	for n < len(t.rows) && (n == 0 || octets+len(t.rows[n].Text) < batchOctets) {
		octets += len(t.rows[n].Text) + 1
		n++
	}
	return t.rows[:n:n]
}

// store returns when the Server has rows on its disk.
func (t *tracker) store(ctx context.Context, rows []row.Row) error {
	text := row.AppendLines(nil, rows)
	for {
		var r rowsReply
		if err := t.requestWorking(ctx, text, &r); err != nil {
			return err
		}
		if r.Error == "" {
			return nil
		}
		t.Log.Warn("rows are not stored", "error", r.Error)
		t.working()
		if !sleep(ctx, time.Second) {
			return ctx.Err()
		}
	}
}

// requestWorking says while it waits for an answer that shards are worked on.
func (t *tracker) requestWorking(ctx context.Context, text []byte, into any) error {
	done := make(chan error, 1)
	go func() { done <- t.request(ctx, opRows, text, into) }()
	ticker := time.NewTicker(t.ackWait / 3)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			t.working()
		}
	}
}

// stored forgets rows, and returns the shards that have all of theirs.
func (t *tracker) stored(rows []row.Row) (done []*open) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rows {
		t.octets -= len(r.Text)
		for o := range t.shards {
			if o.left[r.Line] {
				delete(o.left, r.Line)
				if len(o.left) == 0 {
					done = append(done, o)
				}
			}
		}
	}
	t.Worker.rows.Add(int64(len(rows)))
	t.rows = t.rows[len(rows):]
	t.change()
	return done
}

// acknowledge says that a shard is done. If that gets lost it comes again, and is dropped then.
func (t *tracker) acknowledge(o *open) {
	if err := o.message.Ack(); err != nil {
		t.Log.Warn("a shard is not acknowledged", "error", err)
	}
	t.remove(o)
}

// send sends one row by itself.
func (t *tracker) send(ctx context.Context, r *survey.Row) error {
	one, err := row.Of(r, t.Row)
	if err != nil {
		return err
	}
	return t.store(ctx, []row.Row{one})
}

// giveBack sends what is left when the work has ended, and gives back what is not done.
func (t *tracker) giveBack() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	t.flush(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	for o := range t.shards {
		if err := o.message.Nak(); err != nil {
			t.Log.Debug("a shard is not given back", "error", err)
		}
	}
	t.conn.FlushWithContext(ctx)
}

// setAside makes a row without a verdict of what is known about a domain.
func setAside(r *survey.Row, ends []end) {
	if r.Result == nil {
		r.Result = &dane.Result{Name: r.Domain}
	}
	r.Err = nil
	r.Result.Started, r.Result.Local, r.Result.Outcome = time.Now(), true, dane.OutcomeFailure
	r.Result.Err = errors.New("set aside: " + told(ends))
}
