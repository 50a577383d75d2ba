package upstream

import "time"

// An rttEstimator says how long to wait for a reply over UDP before the query is sent again.
// It follows RFC 6298, with what a DNS server has other than TCP: the time to find an answer
// is in its replies, and differs from name to name. So retransmissions that come earlier
// than without an estimate are few: where no packet is lost, and the server is just slow for
// some names, it gets no more than one packet in addition for each queriesPerEarly queries.
//
// The zero value knows nothing. It is guarded by Client.mu.
type rttEstimator struct {
	smoothed, variation time.Duration // SRTT and RTTVAR; 0 until there is a sample
	atLeast             time.Duration // the timeout, until there is one
	earned              uint16        // queries that count towards early retransmissions
}

// maxPackets is how many packets a query over UDP takes at most.
const maxPackets = 5

const (
	// minTimeout is how long the first packet is given at least where the server answers
	// from what it has (infra-cache-min-rtt in unbound.conf(5)), and minRecursiveTimeout
	// where it may have to ask others.
	minTimeout, minRecursiveTimeout = 50 * time.Millisecond, 250 * time.Millisecond
	// minVariation stands for the clock granularity in RFC 6298 §2.3: on a path as steady
	// as that, a busy machine still needs some time.
	minVariation = 20 * time.Millisecond
	// queriesPerEarly is how many queries earn an early retransmission, and maxEarned how
	// many are remembered for that.
	queriesPerEarly, maxEarned = 20, 20 * queriesPerEarly
)

// next returns how long to wait for the reply to the first packet of a query.
func (e *rttEstimator) next(initial time.Duration, recursive bool) time.Duration {
	e.earned = min(e.earned+1, maxEarned)
	timeout := initial
	if e.smoothed > 0 {
		floor := minTimeout
		if recursive {
			floor = minRecursiveTimeout
		}
		timeout = max(floor, e.smoothed+max(4*e.variation, minVariation))
		// Where the time varies so much, it says little: that is no reason to wait longer.
		timeout = min(timeout, max(initial, e.smoothed+minVariation))
	}
	return max(timeout, e.atLeast)
}

// spend reports whether a packet may be sent again early.
func (e *rttEstimator) spend() bool {
	if e.earned < queriesPerEarly {
		return false
	}
	e.earned -= queriesPerEarly
	return true
}

// observe learns from a reply that came so long after the first packet of its query. If there
// were several, nobody knows which one it answers, and it is no sample (Karn's algorithm). But
// it took no longer than that: where nothing else is known, the next queries wait as long, so
// that a server far away gives a sample at last.
func (e *rttEstimator) observe(elapsed time.Duration, packets int) {
	switch {
	case packets > 1 && e.smoothed > 0:
		return
	case packets > 1:
		e.atLeast = max(e.atLeast, elapsed+minVariation)
		return
	case e.smoothed == 0:
		e.smoothed, e.variation = elapsed, elapsed/2
	default:
		e.variation += ((elapsed - e.smoothed).Abs() - e.variation) / 4
		e.smoothed += (elapsed - e.smoothed) / 8
	}
	e.atLeast = 0
}

// A schedule says when the packets of a query are sent, from the timeout of the first and the
// time that there is for all.
type schedule struct{ timeout, total time.Duration }

// waitsUntil returns for how long to wait since the first packet before the next one is sent,
// where so many were, the last of them at that time: twice as long each time, unless that is
// later than without an estimate. early reports whether it is earlier. What is not less than
// the total is the end.
func (s schedule) waitsUntil(packets int, sent time.Duration) (wait time.Duration, early bool) {
	if packets >= maxPackets {
		return s.total, false
	}
	usual := s.usual(packets)
	wait = min(sent+s.timeout<<(packets-1), max(usual, sent+s.timeout), s.total)
	return wait, wait < usual
}

// usual is how long to wait where nothing is known.
func (s schedule) usual(packets int) time.Duration {
	return [...]time.Duration{s.total / 8, s.total / 4, s.total / 2, 3 * s.total / 4}[packets-1]
}

// schedule returns when to send the packets of a query over UDP.
func (c *Client) schedule(total time.Duration, recursive bool) schedule {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := schedule{total: total}
	s.timeout = min(c.peer.rtt.next(s.usual(1), recursive), s.usual(2))
	return s
}

// mayRetransmitEarly reports whether a packet may be sent again early, and counts it.
func (c *Client) mayRetransmitEarly() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer.rtt.spend()
}

// observe learns from the time that a reply took; see rttEstimator.observe.
func (c *Client) observe(elapsed time.Duration, packets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peer.rtt.observe(elapsed, packets)
}
