package survey

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// AdmitDNS is for upstream.Recursor.Admit: it keeps Limits.DNS for each server. One that has
// answered and then refuses, or does not answer, many times in a row is left alone, as a mail
// server is that says 421, see Limits.Pause; the error is ErrBusy then, so that the other servers
// of the zone are asked. A domain for which none is left is tried again after the pause.
func (s *Survey) AdmitDNS(ctx context.Context, server netip.Addr) (done func(*upstream.Reply, error), err error) {
	s.start()
	if server.IsLoopback() {
		return func(*upstream.Reply, error) {}, nil
	}
	keys := []gateKey{dnsGate(server)}
	if busy := s.limiter.leftAlone(keys[0]); busy != nil {
		return nil, busy
	}
	if !s.limiter.try(keys) {
		if err := s.limiter.wait(ctx, keys); err != nil {
			return nil, err
		}
	}
	return func(reply *upstream.Reply, err error) {
		s.limiter.learn(keys[0], outcomeOf(ctx, reply, err), reply != nil && reply.Network == "tcp")
		s.limiter.done(keys)
	}, nil
}

func dnsGate(server netip.Addr) gateKey {
	server = server.Unmap().WithZone("")
	return gateKey{kind: gateDNS, net: netip.PrefixFrom(server, server.BitLen())}
}

// An outcome is what a query to a DNS server says about how busy that is.
type outcome uint8

const (
	saysNothing outcome = iota // it is about the question, or was cut short
	answers
	refuses // or does not answer
)

func outcomeOf(ctx context.Context, reply *upstream.Reply, err error) outcome {
	switch {
	case err == nil && reply.Msg.Rcode == dns.RcodeRefused:
		return refuses
	case err == nil:
		return answers
	case ctx.Err() != nil:
		return saysNothing
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ECONNREFUSED):
		return refuses
	}
	return saysNothing
}

// A busyError is ErrBusy for a DNS server that is left alone until then.
type busyError struct {
	server netip.Addr
	until  time.Time // zero if it is of no use to wait
}

func (e *busyError) Error() string        { return "DNS server " + e.server.String() + ": " + ErrBusy.Error() }
func (e *busyError) Is(target error) bool { return target == ErrBusy }

// leftAlone returns an error if a server is left alone.
func (l *limiter) leftAlone(key gateKey) *busyError {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gates[key]
	if g == nil || !g.paused.After(time.Now()) {
		return nil
	}
	return g.busyError(key)
}

func (g *gate) busyError(key gateKey) *busyError {
	if g.busy() {
		return &busyError{server: key.net.Addr()}
	}
	return &busyError{server: key.net.Addr(), until: g.paused}
}

// learn takes what came of a query, and whether there was one more, over TCP. A server for some
// zones may be named by others that it knows nothing of, and refuses for them as long as they are
// there. So it counts as busy if it did answer not long ago and then did not, so many times
// in a row; after a pause, once is enough.
func (l *limiter) learn(key gateKey, what outcome, overTCP bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g, now := l.gate(key), time.Now()
	if overTCP {
		g.charge(now)
	}
	switch {
	case what == answers:
		g.answered, g.unanswered, g.refusals = now, 0, 0
	case what == saysNothing || l.pause < 0 || g.paused.After(now):
	case g.refusals > 0:
		l.leaveAlone(key, g, now)
	case now.Sub(g.answered) < answeredLately:
		if g.unanswered++; g.unanswered >= unansweredInARow {
			g.unanswered = 0
			l.leaveAlone(key, g, now)
		}
	default:
		g.unanswered = 0
	}
}

// leaveAlone begins a pause of a DNS server, and sends away who waits for its turn.
func (l *limiter) leaveAlone(key gateKey, g *gate, now time.Time) {
	g.pause(l.pause, now)
	l.sendAway(key, g.busyError(key))
}
