package upstream

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// A poolServer is an Exchanger of a Pool and what the Pool has learned about it. All
// but the first two fields are guarded by Pool.mu.
type poolServer struct {
	exchanger Exchanger
	name      string // for errors; and as in Reply.Server, if the Exchanger is a Client

	failure      error                      // why it rests: it gave no reply
	backoffUntil time.Time                  // until when
	capabilities map[string]capabilityEntry // by zone
	probes       map[string]*inflightProbe  // in flight, by zone
}

// A capabilityEntry is a Capability that is believed for some time.
type capabilityEntry struct {
	Capability
	until time.Time
}

// An inflightProbe is a probe in flight. Whoever needs its result waits for it; when the
// last one leaves it is cancelled.
type inflightProbe struct {
	done    chan struct{} // closed when result is set
	result  Capability
	cancel  context.CancelFunc
	waiters int // guarded by Pool.mu
}

// cachedCapability returns what is known of a server without asking it; the zero Capability
// if that is nothing, or too old.
func (p *Pool) cachedCapability(s *poolServer, zone string) Capability {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if j := s.capabilities[zone]; now.Before(j.until) {
		return j.Capability
	}
	return Capability{}
}

// capability returns what a server is capable of. It is probed if that is not known, once
// for all who ask meanwhile.
func (p *Pool) capability(ctx context.Context, s *poolServer, zone string) Capability {
	now := p.now()
	p.mu.Lock()
	if j := s.capabilities[zone]; now.Before(j.until) {
		p.mu.Unlock()
		return j.Capability
	}
	if err := ctx.Err(); err != nil {
		p.mu.Unlock()
		return unknownCapability(s, zone, err)
	}
	probe := s.probes[zone]
	if probe == nil {
		// The probe serves others, too, and so has a deadline of its own.
		probing, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		probe = &inflightProbe{done: make(chan struct{}), cancel: cancel}
		s.probes[zone] = probe
		go p.probe(probing, s, zone, probe) // ends soon after its last waiter
	}
	probe.waiters++
	p.mu.Unlock()

	select {
	case <-probe.done:
		return probe.result
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	probe.waiters--
	if probe.waiters == 0 {
		probe.cancel()
		if s.probes[zone] == probe {
			delete(s.probes, zone)
		}
	}
	return unknownCapability(s, zone, ctx.Err())
}

func unknownCapability(s *poolServer, zone string, err error) Capability {
	return Capability{Server: s.name, Zone: zone, Err: &Error{Server: s.name, Err: err}}
}

// isAlive reports whether some server answers anything.
func (p *Pool) isAlive(ctx context.Context, q *Query) bool {
	for _, s := range p.servers {
		if c := p.capability(ctx, s, dns.CanonicalName(q.Anchor)); c.Capable() || c.Incapable() {
			return true
		}
	}
	return false
}

func (p *Pool) probe(ctx context.Context, s *poolServer, zone string, probe *inflightProbe) {
	defer probe.cancel()
	probe.result = Probe(ctx, s.exchanger, zone)
	if probe.result.Server == "" {
		probe.result.Server = s.name
	}
	life := transientLife
	switch {
	case probe.result.Capable():
		life = capableLife
	case probe.result.isPermanent():
		life = incapableLife
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.probes[zone] == probe { // not given up
		delete(s.probes, zone)
		if len(s.capabilities) >= maxZones {
			clear(s.capabilities)
		}
		s.capabilities[zone] = capabilityEntry{probe.result, now.Add(life)}
	}
	close(probe.done)
}

// setBackoff puts a server behind the others for a while, for the reason given, or back
// in its place for none.
func (p *Pool) setBackoff(s *poolServer, reason error) {
	until := p.now().Add(backoffTime)
	p.mu.Lock()
	defer p.mu.Unlock()
	s.failure, s.backoffUntil = reason, until
}

// backoffReason returns why a server rests, or nil if it does not.
func (p *Pool) backoffReason(s *poolServer, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.failure != nil && !now.Before(s.backoffUntil) {
		s.failure = nil
	}
	return s.failure
}
