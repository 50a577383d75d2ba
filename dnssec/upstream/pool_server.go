package upstream

import "time"

// A poolServer is an Exchanger of a Pool and what the Pool has learned about it. All
// but the first two fields are guarded by Pool.mu.
type poolServer struct {
	exchanger Exchanger
	name      string // for errors; and as in Reply.Server, if the Exchanger is a Client

	failure      error                      // why it is in backoff: it gave no reply; nil if it is not
	backoffUntil time.Time                  // until when
	capabilities map[string]capabilityEntry // by zone
	probes       map[string]*inflightProbe  // by zone
}

// A longExchanger does more for one Exchange than to ask one server, and takes longer.
type longExchanger interface {
	exchangeLimit() time.Duration
}

// timeLimit is how long the server may take for a query, while so many servers are left
// to be asked, itself included.
func (s *poolServer) timeLimit(left int) time.Duration {
	if e, ok := s.exchanger.(longExchanger); ok {
		return e.exchangeLimit()
	}
	if left > 1 {
		return defaultTimeout // no time for TCP after UDP: others may be better
	}
	return maxTry
}

// setBackoff has a server asked after all others for a while, for the reason given. A nil
// reason puts it back in its place.
func (p *Pool) setBackoff(s *poolServer, reason error) {
	until := p.now().Add(backoffTime)
	p.mu.Lock()
	defer p.mu.Unlock()
	s.failure, s.backoffUntil = reason, until
}

// backoffReason returns why a server is in backoff, or nil if it is not.
func (p *Pool) backoffReason(s *poolServer, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.failure != nil && !now.Before(s.backoffUntil) {
		s.failure = nil
	}
	return s.failure
}
