package survey

import (
	"context"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// unasked reports whether a lookup failed for DNS servers that are left alone, and until when
// they are: zero if it is of no use to wait. They were not asked, or their failures have led to it.
func (l *limiter) unasked(row *Row) (until time.Time, unasked bool) {
	var found []*busyError
	for lookup := range row.Result.AllLookups() {
		found = l.busyIn(lookup, found)
	}
	for _, busy := range found {
		if busy.until.IsZero() {
			return time.Time{}, true
		}
		if unasked = true; busy.until.After(until) {
			until = busy.until
		}
	}
	return until, unasked
}

// busyIn appends what a failed lookup says about servers that are left alone.
func (l *limiter) busyIn(lookup *dane.Lookup, found []*busyError) []*busyError {
	if lookup.Err == nil {
		return found
	}
	found = l.busyServers(lookup.Err, found)
	for _, exchange := range lookup.Exchanges {
		found = append(found, l.busyServer(exchange.Server)...)
		found = l.busyServers(exchange.Err, found)
	}
	return found
}

// busyServers appends what an error and its causes say about servers that are left alone.
func (l *limiter) busyServers(err error, found []*busyError) []*busyError {
	switch e := err.(type) {
	case *busyError:
		return append(found, e)
	case *upstream.Error:
		found = append(found, l.busyServer(e.Server)...)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return l.busyServers(e.Unwrap(), found)
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			found = l.busyServers(cause, found)
		}
	}
	return found
}

// busyServer returns an error if a server is left alone by now.
func (l *limiter) busyServer(server string) []*busyError {
	at, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil
	}
	if busy := l.leftAlone(dnsGate(at.Addr())); busy != nil {
		return []*busyError{busy}
	}
	return nil
}

// aside waits, without a place.
func aside(ctx context.Context, until time.Time, places chan struct{}) {
	if places != nil {
		<-places
		defer func() { places <- struct{}{} }()
	}
	timer := time.NewTimer(max(time.Until(until), afterFailure))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
