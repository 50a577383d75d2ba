package survey

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A visit is one domain's way to its servers.
type visit struct {
	survey *Survey
	clock  *clock
	places chan struct{} // nil if the domain holds no place

	mu     sync.Mutex
	waits  int
	shared int
	seen   time.Time
	busy   bool
}

// Probe makes a connection when its turn comes, or judges what was seen before.
func (v *visit) Probe(ctx context.Context, p *dane.Probe) (*smtpprobe.Result, error) {
	look := func() (*sighting, error) { return v.look(ctx, p, lookUnverified) }
	key, common := keyOf(p)
	if !common || v.survey.cache.ttl <= 0 && v.survey.Look == nil { // what Look returns is to be judged
		alone, err := v.look(ctx, p, lookVerified)
		if err != nil {
			return &smtpprobe.Result{Addr: p.Addr}, err
		}
		return alone.result, alone.err
	}
	s, shared, err := v.survey.cache.sight(ctx, key, v.wait, look)
	if err != nil {
		return &smtpprobe.Result{Addr: p.Addr}, err
	}
	if shared || s.elsewhere {
		v.mu.Lock()
		v.shared++
		if v.seen.IsZero() || s.at.Before(v.seen) {
			v.seen = s.at
		}
		v.mu.Unlock()
	}
	return s.judge(p.TLS)
}

// look makes a connection when its turn comes. The error is that of the context, as one that
// had no connection.
func (v *visit) look(ctx context.Context, p *dane.Probe, how func(context.Context, *dane.Probe) *sighting) (*sighting, error) {
	if v.survey.lacks.pausing() {
		v.wait(func() { v.survey.lacks.wait(ctx) })
	}
	l, keys := v.survey.limiter, gatesFor(p.Addr.Addr(), p.Host.Name)
	if !l.try(keys) {
		var err error
		v.wait(func() { err = l.wait(ctx, keys) })
		if err != nil {
			return nil, v.notConnected(p, err)
		}
	}
	defer l.done(keys)
	s, err := v.connect(ctx, p, how)
	if err != nil {
		return nil, v.notConnected(p, err)
	}
	switch {
	case keys == nil:
	case s.refuses():
		l.refused(keys[0])
	case s.err == nil:
		l.accepted(keys[0])
	}
	if s.result.LocalAddr.IsValid() {
		v.survey.lacks.connected(p.Addr.Addr())
	}
	return s, nil
}

// notConnected is the error of a connection that was not made.
func (v *visit) notConnected(p *dane.Probe, err error) error {
	if errors.Is(err, ErrBusy) {
		v.mu.Lock()
		v.busy = true
		v.mu.Unlock()
	}
	return &smtpprobe.Error{Stage: smtpprobe.StageDial, Addr: p.Addr, Err: err}
}

// wait stops the clock of the domain and gives its place to another one, as long as anything
// of the domain waits.
func (v *visit) wait(until func()) {
	v.clock.stand()
	defer v.clock.goOn()
	v.mu.Lock()
	v.waits++
	first := v.waits == 1
	if first && v.places != nil {
		<-v.places
	}
	v.mu.Unlock()
	until()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waits--; v.waits == 0 && v.places != nil {
		v.places <- struct{}{} // who has one gives it up sooner or later, and needs nothing for that
	}
}
