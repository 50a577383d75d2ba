package survey

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A Sighting is what a server showed at some time, in a connection in which nobody was verified. So
// it says nothing about a domain yet, and serves for all that have the server.
type Sighting struct {
	// At is when the connection was begun.
	At time.Time
	// Shared: somebody else has made it.
	Shared bool
	// Result and Err are what [dane.Probe.Do] returned. The Result is never nil.
	Result *smtpprobe.Result
	Err    error
	// Presented is the state of the handshake when the server's certificates had come, as hooks
	// see it. Nil if they did not come.
	Presented *tls.ConnectionState
}

// errHooks is why somebody else cannot make a connection.
var errHooks = errors.New("not connected to: hooks and secrets of the caller cannot be had by another process")

// Sight makes a connection when its turn comes, or returns what was seen before: for another Survey,
// whose Look asks this one. Nobody is verified, and hooks of p are not called. The error is that
// of ctx or Look, or wraps [ErrBusy]; then there was no connection.
func (s *Survey) Sight(ctx context.Context, p *dane.Probe) (Sighting, error) {
	s.start()
	key, common := keyOf(p)
	if !common {
		return Sighting{}, errHooks
	}
	v := &visit{survey: s, clock: newClock(ctx, defaultTimeout)}
	defer v.clock.end(context.Canceled)
	seen, shared, err := s.cache.sight(ctx, key, v.wait, func() (*sighting, error) {
		return v.look(ctx, p, lookUnverified)
	})
	if err != nil {
		return Sighting{}, err
	}
	own := *seen.result
	return Sighting{seen.at, shared || seen.elsewhere, &own, seen.err, seen.presented}, nil
}

// connect makes a connection, or has Look do it. That may be long in coming, so the domain waits.
func (v *visit) connect(
	ctx context.Context, p *dane.Probe, how func(context.Context, *dane.Probe) *sighting,
) (*sighting, error) {
	if v.survey.Look == nil {
		return how(ctx, p), nil
	}
	if _, common := keyOf(p); !common {
		return nil, errHooks
	}
	var seen Sighting
	var err error
	v.wait(func() { seen, err = v.survey.Look(ctx, p) })
	if err != nil {
		return nil, err
	}
	return &sighting{seen.At, seen.Result, seen.Err, seen.Presented, seen.Shared}, nil
}
