package rollover

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// Intervals of a [Watch].
const (
	// DefaultInterval is how often a Watch looks, except in the beginning.
	DefaultInterval = time.Minute
	// firstInterval is after the first look. Secondaries that are notified are seconds behind,
	// and so the pause doubles each time, up to the interval.
	firstInterval = 2 * time.Second
	// longInterval is how often at most while there is nothing to do but to let a TTL run out,
	// and looksInTTL how often within that: a server may go back.
	longInterval = 10 * time.Minute
	looksInTTL   = 30
)

// A Watch looks at the servers again and again, until a chain may be installed. It is used
// by one goroutine at a time.
type Watch struct {
	Surveyor *Surveyor
	Host     string
	Port     uint16
	Chain    []*x509.Certificate // that is to be installed: the server's own certificate first

	// Current is what the server presents, if that is known. If Chain has the same key, and is
	// accepted by records of it, its installation changes nothing for senders who accept
	// Current by those, and no TTL has to run out.
	Current []*x509.Certificate

	// State is what was seen before. Nil means nothing; Look sets it.
	State *State
	// Since asserts since when all servers have had the records; see [State.Assert].
	Since time.Time
	// Margin is waited for beyond the TTL: for servers behind one address, of which
	// only one is seen.
	Margin time.Duration
	// Interval is how often to look, after looks that are closer to each other. 0 means
	// DefaultInterval.
	Interval time.Duration
	// Timeout is when Wait gives up, after one more look. 0 means never.
	Timeout time.Duration
}

// A Look is one look at all servers, and what it means.
type Look struct {
	Readiness
	Time      time.Time
	Judgement *Judgement // nil if it is not known whom to ask, or the zone is bogus
	CachedFor time.Duration
}

// Look asks all servers once.
func (w *Watch) Look(ctx context.Context) *Look {
	surveyor := w.Surveyor
	if surveyor == nil {
		surveyor = new(Surveyor)
	}
	survey, err := surveyor.Survey(ctx, w.Host, w.Port)
	now := surveyor.now()
	if err != nil {
		look := &Look{Time: now, Readiness: Readiness{Why: "it is not known who serves the zone: " + err.Error()}}
		switch {
		case isMisfit(err):
			look.Why = "the trust anchors of this machine are of none of the root's keys, so that nothing can be validated, whatever the zone (daneverify anchors shows them): " + err.Error()
		case isBogus(err):
			look.Verdict = NotSafe
			look.Why = "the zone is bogus, so that senders that validate deliver nothing, whatever the records: " + err.Error()
		}
		return look
	}
	if w.State == nil {
		w.State = NewState(survey.Owner, w.Chain)
	}
	j := survey.Judge(w.Chain)
	w.State.Observe(j, now)
	if j.OK() && !w.Since.IsZero() {
		w.State.Assert(w.Since)
	}
	look := &Look{Time: now, Judgement: j, Readiness: w.State.Ready(j, now, w.Margin), CachedFor: w.State.CachedFor(survey)}
	if look.Verdict == NotSafe && j.OK() && !w.State.OldSeen && w.keepsKey(j) {
		look.Verdict = Safe
		look.Why = "senders accept the new certificate: it has the key of the one that is installed, and all name servers have a record of that"
	}
	return look
}

// keepsKey reports whether the chain has the key of the current one, and every server a record
// of that. A record of usage 3 and selector 1 says nothing about anything else.
func (w *Watch) keepsKey(j *Judgement) bool {
	if len(w.Current) == 0 || len(w.Chain) == 0 || !bytes.Equal(w.Current[0].RawSubjectPublicKeyInfo, w.Chain[0].RawSubjectPublicKeyInfo) {
		return false
	}
	return !slices.ContainsFunc(j.Views, func(v JudgedView) bool {
		return v.Accepted && !(v.Match.Record.Usage == tlsa.DANEEE && v.Match.Record.Selector == tlsa.SPKI)
	})
}

// ErrTimeout is the error of [Watch.Wait] when the time is up.
var ErrTimeout = errors.New("rollover: not safe within the timeout")

// Wait looks until the answer is Safe, or waiting does not help, and returns the last look,
// which says what was missing still. each is called after every look but the last, if it is
// not nil; an error of it ends the wait. Otherwise the error is [ErrTimeout], or that of the
// context.
func (w *Watch) Wait(ctx context.Context, each func(*Look) error) (*Look, error) {
	start := time.Now()
	var last *Look
	for looks := 0; ; looks++ {
		look := w.Look(ctx)
		if err := ctx.Err(); err != nil {
			if last == nil {
				last = look
			}
			return last, err // a look that was broken off says nothing
		}
		last = look
		if look.Verdict == Safe || look.Final {
			return look, nil
		}
		pause := w.pause(look, looks)
		if w.Timeout > 0 {
			left := w.Timeout - time.Since(start)
			if left <= 0 {
				return look, ErrTimeout
			}
			pause = min(pause, left)
		}
		if each != nil {
			if err := each(look); err != nil {
				return look, err
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return look, ctx.Err()
		}
	}
}

// pause is how long to wait before the next look, of which there were some before.
func (w *Watch) pause(look *Look, before int) time.Duration {
	interval := w.Interval
	if interval <= 0 {
		interval = DefaultInterval
	}
	left := look.SafeAt.Sub(look.Time)
	if look.SafeAt.IsZero() || left <= 0 {
		return min(interval, firstInterval<<min(before, 16))
	}
	return min(left, max(interval, min(longInterval, look.CachedFor/looksInTTL)))
}
