package queue

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// A Worker takes shards, and finds out about their domains.
type Worker struct {
	// URL of the server, and how to connect to it.
	URL     string
	Options []nats.Option
	// Name of the survey, and Row its vantage point and how rows are made.
	Name string
	Row  row.Options
	// Survey is how it would be done on one machine. Its limits are those of all workers together.
	Survey *survey.Survey
	// DNS is the limit on queries to one DNS server, if Survey asks such through it. Nil is not divided among workers.
	DNS *DNSLimit
	// Try has a process of its own do what the function Try does, for addresses on which a worker may have
	// died. It returns what was written, or an error of that process. Nil means that this one does it.
	Try func(ctx context.Context, question []byte) (answer []byte, err error)
	Log *slog.Logger

	api     api
	ackWait time.Duration // 0 means defaultAckWait
	quiet   time.Duration // of owners; 0 means maxQuiet

	noVantage, listenEvery time.Duration // 0 mean the constants

	names    names
	id       string
	conn     *nats.Conn
	consumer jetstream.Consumer
	peers    *peers
	tracker  *tracker
	rows     atomic.Int64
	deaf     atomic.Bool // no DNS server answers
}

// Run works until the survey is done, for nil, or ctx ends.
func (w *Worker) Run(ctx context.Context) (err error) {
	if w.names, err = newNames(w.Name); err != nil {
		return err
	}
	w.id, w.ackWait = rand.Text(), cmp.Or(w.ackWait, defaultAckWait)
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	w.api.log = w.Log
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	if err := w.connect(ctx, end); err != nil {
		return w.why(err)
	}
	defer w.conn.Close()
	w.Log.Info("connected", "server", w.conn.ConnectedUrlRedacted(), "worker", w.id, "vantage", w.Row.Vantage)
	source := newSource(w)
	w.peers.alone = source.isAlone
	w.peers.holder.finished = func() { source.finish() }
	var holding, sending sync.WaitGroup
	hold, letGo := context.WithCancel(context.WithoutCancel(ctx))
	send, stop := context.WithCancel(context.WithoutCancel(ctx))
	holding.Go(func() { w.peers.holder.run(hold, defaultLease) })
	sending.Go(func() { w.tracker.run(send) })
	sending.Go(func() { w.tracker.listen(send) })
	holding.Go(func() { w.watch(hold, func() { end(errOver) }) })
	err = w.work(ctx, source)
	if cause := context.Cause(ctx); cause == errOver {
		err = nil
	} else if cause != nil {
		err = w.why(cause)
	}
	stop()
	sending.Wait()
	w.tracker.giveBack()
	letGo() // others may wait for what is leased
	holding.Wait()
	w.Log.Info("ended", "rows", w.rows.Load(), "error", err)
	return err
}

// why makes clear why a worker may not do its work.
func (w *Worker) why(err error) error {
	if !errors.Is(err, ErrNotAllowed) {
		return err
	}
	return fmt.Errorf("this key is not for vantage point %q of survey %q, or for no worker: %w", w.Row.Vantage, w.Name, err)
}

// connect connects, and waits for a Server that is not there yet. It calls end if that cannot come to anything.
func (w *Worker) connect(ctx context.Context, end context.CancelCauseFunc) error {
	options := append([]nats.Option{
		nats.Name("danesurvey worker " + w.id), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				w.Log.Warn("disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { w.Log.Info("connected again") }),
		nats.ErrorHandler(w.names.guard(w.Log, end)),
		nats.ClosedHandler(func(conn *nats.Conn) { // as where the key is refused from now on
			end(fmt.Errorf("%s: connected no more: %w", w.URL, cmp.Or(conn.LastError(), nats.ErrConnectionClosed)))
		}),
	}, w.Options...)
	waiting := &complaint{log: w.Log}
	for {
		conn, err := nats.Connect(w.URL, options...)
		if err == nil {
			w.conn = conn
			break
		}
		if errors.Is(err, nats.ErrAuthorization) || !transient(err) {
			return fmt.Errorf("%s: %w", w.URL, err)
		}
		waiting.tell("nobody answers at the URL: serve has not begun, or is over; this worker waits for it", "server", w.URL,
			"error", err)
		if !sleep(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
	if err := w.prepare(ctx); err != nil {
		w.conn.Close()
		return err
	}
	return nil
}

// transient reports whether a server may just not be up.
func transient(err error) bool {
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrConnectionClosed)
}

// noVantage is how long a stream may be there without the consumer of a vantage point, which serve makes at once.
const noVantage = 30 * time.Second

// find finds the survey, and waits for one that is not there yet.
func (w *Worker) find(ctx context.Context) error {
	js, err := jetstream.New(w.conn)
	if err != nil {
		return err
	}
	waiting := &complaint{log: w.Log}
	var without time.Time // since when there is no consumer
	for {
		err = w.api.once(ctx, func(ctx context.Context) (err error) {
			w.consumer, err = js.Consumer(ctx, w.names.stream(), consumerName(w.Row.Vantage))
			return err
		})
		why := "it cannot be seen whether the survey is there"
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			why, without = "the server has no such survey: it has not begun, is over, or has another -name", time.Time{}
		case errors.Is(err, jetstream.ErrConsumerNotFound):
			why = "the survey has no such vantage point"
			if without.IsZero() {
				without = time.Now()
			}
			if time.Since(without) > cmp.Or(w.noVantage, noVantage) {
				return fmt.Errorf("survey %q has no vantage point %q: %w", w.Name, w.Row.Vantage, err)
			}
		}
		waiting.tell(why+"; this worker waits for it", "survey", w.Name, "vantage", w.Row.Vantage, "error", err)
		if !sleep(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
}

// prepare finds the survey, and makes what works on it.
func (w *Worker) prepare(ctx context.Context) (err error) {
	if err := w.find(ctx); err != nil {
		return err
	}
	w.peers = newPeers(w.Survey)
	w.peers.worker = w
	if w.peers.asker, err = newAsker(w.conn); err != nil {
		return err
	}
	w.peers.asker.quiet = cmp.Or(w.quiet, maxQuiet)
	w.peers.holder = &holder{
		conn: w.conn, names: w.names, vantage: w.Row.Vantage, worker: w.id, answer: w.peers.answer, deaf: w.deaf.Load, among: w.among,
		log: w.Log, held: make(map[int]*held),
	}
	w.tracker = newTracker(w)
	w.peers.shards.Finish = w.tracker.make
	return nil
}

// plan asks DNS about a domain, and nobody else.
func (w *Worker) plan(ctx context.Context, domain string) survey.Row {
	return (&survey.Survey{Checker: w.peers.shards.Checker, Planned: true}).Verify(ctx, domain)
}

// among divides what each worker has a part of.
func (w *Worker) among(workers int) {
	if w.DNS != nil {
		w.DNS.divide(workers)
	}
}

func consumerName(vantage string) string { return "v" + token(vantage) }

// request asks the Server for something, again and again until it answers.
func (w *Worker) request(ctx context.Context, op operation, data []byte, into any) error {
	for {
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		m, err := w.conn.RequestWithContext(limited, w.names.server(w.Row.Vantage, op), data)
		cancel()
		if err == nil {
			if err = json.Unmarshal(m.Data, into); err == nil {
				return nil
			}
		}
		w.Log.Debug("no answer", "to", op, "error", err)
		if !sleep(ctx, 500*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// sleep is false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
