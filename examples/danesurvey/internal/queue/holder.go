package queue

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// settle is how long a new owner waits before it connects to anybody: limits let those of one
// second come at once, and the owner before may just have had them.
const settle = time.Second

// A worker asks for its lease every quarter of it. As long as partitions change hands it asks this often, so that
// who has just come gets its part soon, and so many times after the last change: for longer than the others
// take to be told, so long as the lease is the usual one.
const (
	askSoon  = 250 * time.Millisecond
	soonAsks = 16
)

// maxQuestions bounds the questions that an owner answers at a time. Others stay in the connection.
const maxQuestions = 4096

// A holder has the partitions that are leased to a worker, and answers questions for them.
type holder struct {
	conn    *nats.Conn
	names   names
	vantage string
	worker  string
	answer  func(ctx context.Context, t tier, question []byte) *probeReply
	deaf    func() bool // no DNS server answers the worker; nil is false
	among   func(workers int)
	log     *slog.Logger
	places  chan struct{}

	mu        sync.Mutex
	held      map[int]*held
	expiry    *time.Timer
	finished  func()
	contacted time.Time // when the Server has answered for the last time
}

// A held partition ends when its context does, and is let go of once nothing goes on in it.
type held struct {
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup // begun with mu
	ready   bool           // questions are answered
	ending  bool
	subs    []*nats.Subscription
}

// run has partitions until ctx ends. It calls finished when there is no more work.
func (h *holder) run(ctx context.Context, lease time.Duration) {
	h.places = make(chan struct{}, maxQuestions)
	h.expiry = time.AfterFunc(lease, h.letGoAll)
	defer h.expiry.Stop()
	defer h.letGoAll()
	soon := soonAsks
	for ctx.Err() == nil {
		granted, changed := h.renew(ctx, false, lease/4)
		if granted > 0 {
			lease = granted
		}
		if soon--; changed {
			soon = soonAsks
		}
		every := lease / 4
		if soon > 0 {
			every = min(every, askSoon)
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	h.letGoAll()
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	h.renew(leaving, true, time.Second)
}

// renew asks for the lease of what there is, and of more. It returns how long that is, 0 if
// there is no answer, and whether there is more or less than before.
func (h *holder) renew(ctx context.Context, leaving bool, timeout time.Duration) (lease time.Duration, changed bool) {
	h.mu.Lock()
	q := leaseRequest{Worker: h.worker, Leaving: leaving, Deaf: h.deaf != nil && h.deaf()}
	for p := range h.held {
		q.Holds = append(q.Holds, p)
	}
	h.mu.Unlock()
	text, err := json.Marshal(q)
	if err != nil {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sent := time.Now()
	m, err := h.conn.RequestWithContext(ctx, h.names.server(h.vantage, opLease), text)
	var r leaseReply
	if err == nil {
		err = json.Unmarshal(m.Data, &r)
	}
	if err != nil {
		if !leaving && ctx.Err() == nil {
			h.log.Debug("no lease", "error", err)
		}
		return 0, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.contacted = sent
	if r.Finished {
		h.finished()
	}
	if leaving {
		return 0, false
	}
	if h.among != nil {
		h.among(r.Workers)
	}
	// A little before the Server gives it to somebody else, since clocks do not run the same.
	h.expiry.Reset(r.Lease - r.Lease/10 - time.Since(sent))
	for p, partition := range h.held {
		if !slices.Contains(r.Grant, p) {
			h.letGo(p, partition)
			changed = true
		}
	}
	for _, p := range r.Grant {
		if p >= 0 && p < partitions && h.held[p] == nil {
			wait := settle
			if r.Fresh {
				wait = 0
			}
			h.take(p, wait)
			changed = true
		}
	}
	return r.Lease, changed
}

// take begins to own a partition, after a wait.
func (h *holder) take(p int, wait time.Duration) {
	partition := new(held)
	partition.ctx, partition.end = context.WithCancel(context.Background())
	h.held[p] = partition
	time.AfterFunc(wait, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if partition.ending {
			return
		}
		partition.ready = true
		for _, t := range []tier{tierProvider, tierAddress} {
			sub, err := h.conn.Subscribe(h.names.probe(h.vantage, t, p), func(m *nats.Msg) { h.asked(partition, t, m) })
			if err != nil {
				h.log.Error("a partition cannot be served", "partition", p, "error", err)
				continue
			}
			partition.subs = append(partition.subs, sub)
		}
	})
}

// letGo ends what goes on in a partition, and forgets it after that. The caller has mu.
func (h *holder) letGo(p int, partition *held) {
	if partition.ending {
		return
	}
	partition.ending, partition.ready = true, false
	for _, sub := range partition.subs {
		sub.Unsubscribe()
	}
	partition.end()
	go func() {
		partition.running.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.held, p)
	}()
}

// letGoAll ends everything, as the lease is over or nobody wants it any more.
func (h *holder) letGoAll() {
	h.mu.Lock()
	var ending []*held
	for p, partition := range h.held {
		h.letGo(p, partition)
		ending = append(ending, partition)
	}
	h.mu.Unlock()
	for _, partition := range ending {
		partition.running.Wait()
	}
}

// enter begins something in a partition, if this worker owns it.
func (h *holder) enter(partition *held) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !partition.ready {
		return false
	}
	partition.running.Add(1)
	return true
}

// own returns a partition of this worker, which the caller must leave; nil if it is not.
func (h *holder) own(p int) *held {
	h.mu.Lock()
	partition := h.held[p]
	h.mu.Unlock()
	if partition == nil || !h.enter(partition) {
		return nil
	}
	return partition
}

// asked answers a question, and says until then that it is at it.
func (h *holder) asked(partition *held, t tier, m *nats.Msg) {
	if !h.enter(partition) {
		h.reply(m, &probeReply{Moved: true})
		return
	}
	h.places <- struct{}{} // those who come then wait in the connection
	go func() {
		defer func() { <-h.places; partition.running.Done() }()
		answered := make(chan *probeReply, 1)
		go func() { answered <- h.answer(partition.ctx, t, m.Data) }()
		ticker := time.NewTicker(sayWait)
		defer ticker.Stop()
		for {
			select {
			case r := <-answered:
				if partition.ctx.Err() != nil {
					r = &probeReply{Moved: true}
				}
				h.reply(m, r)
				return
			case <-ticker.C:
				h.reply(m, &probeReply{Wait: true})
			}
		}
	}()
}

func (h *holder) reply(m *nats.Msg, r *probeReply) {
	text, err := json.Marshal(r)
	if err == nil && int64(len(text)) > h.conn.MaxPayload() {
		text, err = json.Marshal(&probeReply{Error: "what the server has shown is too large to be sent"})
	}
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		h.log.Warn("an answer was not sent", "error", err)
	}
}
