package upstream

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// A capabilityEntry is a Capability that counts for some time.
type capabilityEntry struct {
	Capability
	until time.Time
}

// An inflightProbe is a probe whose result is not there yet. Whoever needs the result
// waits for it; when the last one leaves, the probe is cancelled.
type inflightProbe struct {
	done    chan struct{} // closed when result is set
	result  Capability
	cancel  context.CancelFunc
	waiters int // guarded by Pool.mu
}

// cachedCapability returns what an earlier probe has shown. It is the zero Capability if
// there was none, or that was too long ago.
func (p *Pool) cachedCapability(s *poolServer, zone string) Capability {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if entry := s.capabilities[zone]; now.Before(entry.until) {
		return entry.Capability
	}
	return Capability{}
}

// isCapable reports whether an earlier probe has shown that a server is capable.
func (p *Pool) isCapable(s *poolServer, zone string) bool {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	entry := s.capabilities[zone]
	return now.Before(entry.until) && entry.Capable()
}

// capability returns what a server is capable of. If that is not known, it probes the
// server, once for all who ask meanwhile.
func (p *Pool) capability(ctx context.Context, s *poolServer, zone string) Capability {
	now := p.now()
	p.mu.Lock()
	if entry := s.capabilities[zone]; now.Before(entry.until) {
		p.mu.Unlock()
		return entry.Capability
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

// unknownCapability is the Capability of a server for which there was no time to wait.
func unknownCapability(s *poolServer, zone string, err error) Capability {
	return Capability{Server: s.name, Zone: zone, Err: &Error{Server: s.name, Err: err}}
}

// isAlive reports whether at least one server answers anything at all. It probes all of them at
// once: those that are silent take as long as there is.
func (p *Pool) isAlive(ctx context.Context, anchor string) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alive := make(chan bool, len(p.servers))
	for _, s := range p.servers {
		go func() { // ends with the context
			c := p.capability(ctx, s, dns.CanonicalName(anchor))
			alive <- c.Capable() || c.Incapable() || isStarved(c.Err) // which says nothing
		}()
	}
	for range p.servers {
		if <-alive {
			return true
		}
	}
	return false
}

// probe probes a server, and tells the result to all who wait for it.
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
	case isStarved(probe.result.Err):
		life = 0
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.probes[zone] == probe { // it was not cancelled
		delete(s.probes, zone)
		if len(s.capabilities) >= maxZones {
			clear(s.capabilities)
		}
		s.capabilities[zone] = capabilityEntry{probe.result, now.Add(life)}
	}
	close(probe.done)
}
