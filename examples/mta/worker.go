package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// scanInterval is how often the queue is looked through for what is new or due.
	scanInterval = 5 * time.Second
	// grace is the time that deliveries get when the program is to end. One that is cut off
	// after the message and before the reply is made twice.
	grace = 30 * time.Second
)

// A worker delivers what is in the queue.
type worker struct {
	queue    *queue
	mailer   *mailer
	log      *slog.Logger
	parallel int
	retry    time.Duration
	expire   time.Duration
	tell     <-chan os.Signal

	next map[string]time.Time // when the entries are due, as far as they are known
	busy map[string]bool      // entries that are being delivered
	done chan attempted
}

// An attempted entry is to be tried again, if it is still there.
type attempted struct {
	id   string
	next time.Time
}

// run delivers until the context ends, and what it has begun by then.
func (w *worker) run(ctx context.Context) {
	w.next, w.busy, w.done = map[string]time.Time{}, map[string]bool{}, make(chan attempted)
	if err := w.queue.clean(time.Now()); err != nil {
		w.log.Warn("cannot clean the queue", "err", err)
	}
	var anchors sync.WaitGroup
	if w.mailer.maintain != nil {
		anchors.Go(func() { w.mailer.maintain(ctx) })
	}
	deliveries, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	scan := time.NewTicker(scanInterval)
	defer scan.Stop()
	for w.start(deliveries); ctx.Err() == nil; {
		select {
		case <-scan.C:
			w.start(deliveries)
		case a := <-w.done:
			delete(w.busy, a.id)
			w.next[a.id] = a.next
			w.start(deliveries)
		case <-w.tell:
			w.mailer.logCounters()
		case <-ctx.Done():
		}
	}
	timer := time.AfterFunc(grace, abort)
	defer timer.Stop()
	for len(w.busy) > 0 {
		delete(w.busy, (<-w.done).id)
	}
	w.mailer.reports.Wait()
	anchors.Wait()
}

// start begins with what is due, and as many at a time as are allowed.
func (w *worker) start(ctx context.Context) {
	ids, err := w.queue.entries()
	if err != nil {
		w.log.Error("cannot read the queue", "err", err)
		return
	}
	next := make(map[string]time.Time, len(ids)) // without those that are gone
	now := time.Now()
	for _, id := range ids {
		if w.busy[id] {
			continue
		}
		due, known := w.next[id]
		if !known {
			due = w.due(id)
		}
		next[id] = due
		if due.After(now) || len(w.busy) >= w.parallel {
			continue
		}
		w.busy[id] = true
		go func() { w.done <- attempted{id, w.attempt(ctx, id)} }() // run waits for it
	}
	w.next = next
}

// due returns when an entry is to be tried that has not been tried yet.
func (w *worker) due(id string) time.Time {
	e, err := w.queue.read(id)
	if err != nil {
		return w.leave(id, err)
	}
	return e.Next
}

// leave leaves an entry that cannot be read where it is, for somebody to look at.
func (w *worker) leave(id string, err error) time.Time {
	if !errors.Is(err, fs.ErrNotExist) {
		w.log.Error("entry is left alone until the next start", "id", id, "err", err)
	}
	return time.Now().AddDate(100, 0, 0)
}

// attempt tries to deliver an entry once, writes down what is left of it, and returns when that
// is to be tried.
func (w *worker) attempt(ctx context.Context, id string) (next time.Time) {
	e, err := w.queue.read(id)
	if err != nil {
		return w.leave(id, err)
	}
	msg, err := w.queue.message(id, e)
	if err != nil {
		return w.leave(id, err)
	}
	var recipients []string
	for _, r := range e.Recipients {
		recipients = append(recipients, r.Address)
	}
	results := w.mailer.deliver(ctx, msg, recipients)
	expired := false
	if ctx.Err() == nil { // or else it was our own doing
		e.Attempts++
		e.Next = time.Now().UTC().Add(w.backoff(e.Attempts))
		expired = time.Since(e.Received) >= w.expire
	}
	if err := w.record(id, e, results, expired); err != nil {
		w.log.Error("queue cannot be written", "id", id, "err", err)
	}
	return e.Next
}

// backoff is the time until the next attempt (RFC 5321 §4.5.4.1).
func (w *worker) backoff(attempts int) time.Duration {
	return w.retry << min(attempts-1, 3)
}

// record takes out of an entry who has the message, and who is told by a bounce that it will
// not come.
func (w *worker) record(id string, e *envelope, results []result, expired bool) error {
	var left, failed []recipient
	for _, r := range results {
		now := recipient{Address: r.to, Code: r.failure.Code, Text: r.failure.Text}
		switch {
		case r.sent:
		case r.failure.Permanent || expired:
			failed = append(failed, now)
		default:
			left = append(left, now)
		}
	}
	if len(failed) > 0 {
		// First the bounce, and then the entry: what is cut off in between bounces twice.
		if err := w.bounce(id, e, failed); err != nil {
			left = append(left, failed...)
			w.log.Error("cannot bounce", "id", id, "err", err)
		}
	}
	if len(left) == 0 {
		return w.queue.remove(id)
	}
	e.Recipients = left
	w.log.Info("stays queued", "id", id, "recipients", len(left), "attempts", e.Attempts, "next", e.Next)
	return w.queue.update(id, e)
}

// bounce returns a message to its sender. One without a sender is a bounce itself, and is
// dropped (RFC 5321 §6.1).
func (w *worker) bounce(id string, e *envelope, failed []recipient) error {
	if e.From == "" {
		w.log.Warn("bounce cannot be delivered, and is dropped", "id", id, "to", failed[0].Address)
		return nil
	}
	text, err := os.Open(w.queue.path(id, textSuffix))
	if err != nil {
		return err
	}
	defer text.Close()
	header, err := readHeader(text)
	if err != nil {
		return err
	}
	ids, err := w.queue.add("", []string{e.From}, newReport(w.mailer.hello, e, failed, header, time.Now()))
	w.log.Info("bounces", "id", id, "to", e.From, "as", ids)
	return err
}
