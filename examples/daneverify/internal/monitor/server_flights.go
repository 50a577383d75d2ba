package monitor

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Errors of a probe that was not made.
var (
	errBusy    = errors.New("as many probes run as may at a time; ask again in a few seconds")
	errClosing = errors.New("the monitor is about to end")
)

// probes are the checks in flight: at most one of a domain at a time, and a limited number of
// all. Those who ask for the same share what comes of it.
type probes struct {
	check Check
	most  int

	mu       sync.Mutex
	inFlight map[string]*probe
	running  sync.WaitGroup
	closed   bool
}

// A probe is a check in flight.
type probe struct {
	done     chan struct{} // closed when found is set
	found    Observation
	deadline time.Time
	cancel   context.CancelFunc
	waiting  int  // who want what comes of it; with the last one it is cancelled
	givenUp  bool // it is cancelled: whoever comes now waits, and asks anew
}

// observe returns what a check of the domain finds until the deadline: one that is in flight,
// or a new one. It returns when ctx ends, and then says that nothing is known.
func (p *probes) observe(ctx context.Context, domain string, deadline time.Time) (Observation, error) {
	started := time.Now()
	for {
		running, mine, err := p.join(domain, deadline)
		if err != nil {
			return Observation{}, err
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			p.leave(running)
			return stillborn(domain, started, "The check of "+domain+" has not ended in time."), nil
		}
		cancelled := p.leave(running)
		// Another's time may have been shorter than this one's.
		if mine || !running.found.Cut || !cancelled && !deadline.After(running.deadline.Add(grace)) {
			return running.found, nil
		}
	}
}

// join returns the check in flight, and whether it has begun for this caller.
func (p *probes) join(domain string, deadline time.Time) (running *probe, mine bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if running = p.inFlight[domain]; running != nil {
		running.waiting++
		return running, false, nil
	}
	switch {
	case p.closed:
		return nil, false, errClosing
	case len(p.inFlight) >= p.most:
		return nil, false, errBusy
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	running = &probe{done: make(chan struct{}), deadline: deadline, cancel: cancel, waiting: 1}
	if p.inFlight == nil {
		p.inFlight = make(map[string]*probe)
	}
	p.inFlight[domain] = running
	p.running.Go(func() { p.fly(ctx, domain, running) })
	return running, true, nil
}

// fly makes the check. It stays in flight until it has really ended, whatever its deadline.
func (p *probes) fly(ctx context.Context, domain string, running *probe) {
	found := checked(ctx, p.check, domain)
	running.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	running.found = found
	delete(p.inFlight, domain)
	close(running.done)
}

// leave is for who does not wait any longer. It returns whether the check was cancelled before.
func (p *probes) leave(running *probe) (cancelled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cancelled = running.givenUp
	if running.waiting--; running.waiting == 0 {
		running.givenUp = true
		running.cancel()
	}
	return cancelled
}

func (p *probes) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.inFlight)
}

// close begins no more checks, cancels those in flight, and waits for them, for a little.
func (p *probes) close() {
	p.mu.Lock()
	p.closed = true
	for _, running := range p.inFlight {
		running.givenUp = true
		running.cancel()
	}
	p.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		p.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(4 * grace):
	}
}
