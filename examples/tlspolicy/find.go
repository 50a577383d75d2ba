package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const (
	// failureTTL is how long a verdict with a failed lookup is kept: a queue that has much
	// for one domain does not ask for each message.
	failureTTL = 10 * time.Second
	// maxTTL caps how long any verdict is kept.
	maxTTL = 24 * time.Hour
	// The work for one target, in budgets of lookups, as dane.Verify has it: so much for the MX
	// lookup, and so much for all hosts, in equal shares.
	lookupsForMX, lookupsForHosts = 8, 32
)

// A found verdict holds until it expires.
type found struct {
	verdict
	expires time.Time
}

// failure reports whether a lookup failed. The zero verdict is one.
func (v *verdict) failure() bool { return v.mx == mxFailed || v.failed > 0 }

// lookUp finds out about a target what Postfix does when it has mail for it.
func lookUp(ctx context.Context, resolver dane.Resolver, t target, now time.Time) found {
	// Postfix connects to private and other addresses, too; there is nothing to protect here,
	// where nobody connects.
	v := &dane.Verifier{Resolver: resolver, Port: t.port, AllowAll: true}
	f := found{expires: now.Add(maxTTL)}
	var domain *dane.Domain
	var err error
	if t.isHost {
		if domain, err = dane.NewDomain(t.name, dnssec.Secure, dane.MX{Host: t.name}); err == nil {
			domain.Routed = true
		}
	} else if domain, err = v.LookupMX(dnssec.WithBudget(ctx, lookupsForMX), t.name); err == nil {
		f.holds(domain.Lookup)
	}
	if err != nil {
		return f.withoutHosts(domain, err, now)
	}
	if domain.Status != dnssec.Secure {
		f.mx, f.reason = mxInsecure, domain.Lookup.Reason.String()
		return f
	}
	f.mx, f.omitted = mxSecure, domain.Omitted
	hosts := make([]*dane.Host, len(domain.MX))
	done := make(chan struct{})
	for i, mx := range domain.MX { // at most sixteen, of which each then has two
		go func() {
			hosts[i] = v.LookupHost(dnssec.WithBudget(ctx, lookupsForHosts/len(hosts)), domain, mx)
			done <- struct{}{}
		}()
	}
	for range hosts {
		<-done
	}
	for _, h := range hosts {
		f.add(h)
	}
	if f.failure() {
		f.expires = now.Add(failureTTL)
	}
	return f
}

// withoutHosts is the verdict on a domain whose MX lookup gave none.
func (f found) withoutHosts(domain *dane.Domain, err error, now time.Time) found {
	f.reason = cause(err)
	switch {
	case errors.Is(err, dane.ErrNoDomain), errors.Is(err, dane.ErrNullMX), errors.Is(err, dane.ErrName):
		f.mx = mxNowhere
		if domain != nil {
			f.holds(domain.Lookup)
		}
	default:
		f.mx, f.expires = mxFailed, now.Add(failureTTL)
	}
	return f
}

// add counts a host.
func (f *found) add(h *dane.Host) {
	for _, lookup := range h.Lookups {
		f.holds(lookup)
	}
	switch h.Action {
	case dane.MustAuthenticate:
		f.authenticated++
	case dane.MustEncrypt:
		f.unusable++
	case dane.MayEncrypt:
		f.clear++
	default:
		if errors.Is(h.Err, dane.ErrNoAddress) || errors.Is(h.Err, dane.ErrName) {
			f.absent++ // for Postfix, too
			return
		}
		f.failed++
		if f.reason == "" {
			f.reason = fmt.Sprintf("host %s: %s", h.Name, cause(h.Err))
		}
	}
}

// holds shortens the life of the verdict to that of an answer.
func (f *found) holds(l dane.Lookup) {
	if !l.Expires.IsZero() && l.Expires.Before(f.expires) {
		f.expires = l.Expires
	}
}

// cause is an error without the names that stand beside it anyway.
func cause(err error) string {
	if e, is := errors.AsType[*dnssec.Error](err); is && e.Reason.Text != "" {
		if text := noWay(e.Err); text != "" {
			return e.Status.String() + ": " + text
		}
		text := e.Status.String() + ": " + e.Reason.String()
		if e.Err != nil {
			text += ": " + e.Err.Error()
		}
		return text
	}
	if e, is := errors.AsType[*dane.Error](err); is && e.Err != nil {
		return e.Err.Error()
	}
	if err == nil {
		return "no reason is known"
	}
	return err.Error()
}

// noWay is the text of an error where the servers of resolv.conf pass no DNSSEC records on, and
// those of the zones do not answer either. The latter is the trouble, and comes first: Postfix
// logs the beginning. Empty for other errors.
func noWay(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		both, is := e.(interface{ Unwrap() []error })
		if !is {
			continue
		}
		if all := both.Unwrap(); len(all) == 2 {
			if incapable, is := errors.AsType[*upstream.CapabilityError](all[0]); is {
				return "resolving from the root servers: " + brief(all[1]) + "; they are asked since " + brief(incapable)
			}
		}
		break
	}
	return ""
}

// brief is the text of an error of package upstream without its name.
func brief(err error) string { return strings.TrimPrefix(err.Error(), "upstream: ") }
