package dane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// Verify calls Verify of the zero Verifier.
func Verify(ctx context.Context, domain string) (*Result, error) {
	return new(Verifier).Verify(ctx, domain)
}

// Verify finds out what a sender of mail to the domain gets, and connects to its
// servers for that: it tries the hosts in order until one would be delivered to.
// Hosts that must be authenticated or encrypted are probed, up to and through
// STARTTLS; no mail is sent. A host that fails gives way to the next. The first
// one without DANE ends the search, unprobed, with the outcome None; those after
// it are looked up all the same, to be shown.
//
// A nil error means that the Result is a verdict, Failure included. The error is
// of type *Error: it wraps ErrName where the domain is none, or ErrNoResolver
// where the DNS could not be asked, whatever the domain. The Result is never nil.
func (v *Verifier) Verify(ctx context.Context, domain string) (*Result, error) {
	ctx = dnssec.WithBudget(ctx, lookupsPerVerify)
	profile := v.profile(domain)
	r := &Result{Name: domain, Profile: profile, Mandatory: profile.DANE == DANEMandatory, Started: time.Now()}
	defer func() {
		r.conclude()
		r.Elapsed = time.Since(r.Started)
		contextTrace(ctx).result(r)
	}()
	r.Domain, r.Err = v.lookupMXInTime(ctx, domain)
	if r.Domain == nil {
		return r, r.Err
	}
	if r.Err != nil {
		if r.Domain.Lookup.Err != nil && v.unresolved(ctx, r.Domain.Lookup) {
			r.Unresolved = true
			r.Err = &Error{Domain: r.Domain.Name, Err: fmt.Errorf("%w: %w", ErrNoResolver, r.Domain.Lookup.Err)}
			return r, r.Err
		}
		return r, nil
	}
	v.tryHosts(ctx, r)
	return r, nil
}

// lookupMXInTime leaves some of the time to find out whose fault it is when there is
// no answer.
func (v *Verifier) lookupMXInTime(ctx context.Context, domain string) (*Domain, error) {
	if deadline, ok := ctx.Deadline(); ok {
		reserve := min(time.Until(deadline)/4, maxReserve)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	return v.LookupMX(ctx, domain)
}

// tryHosts sets the outcome and the hosts that it took.
func (v *Verifier) tryHosts(ctx context.Context, r *Result) {
	decided := false
	for _, mx := range r.Domain.MX {
		host := HostResult{Host: v.LookupHost(ctx, r.Domain, mx)}
		if host.Audited != nil {
			host.Host = host.Audited // what would have been done
		}
		delivered := host.Action == MayEncrypt || host.Action == SendClear
		if !delivered && host.Action != Skip && !decided {
			delivered = v.probeHost(ctx, &host)
		}
		r.Hosts = append(r.Hosts, host)
		if decided {
			continue
		}
		switch {
		case !delivered:
			if r.Err == nil {
				r.Err = host.failed()
			}
		case host.byDANE() && host.MXSecure:
			r.Outcome, r.Err = Success, nil
			return
		case host.Action == MustAuthenticate, host.Action == MustEncrypt:
			// RFC 7672 §2.2.1: behind an insecure MX record a host that matches is not
			// proven to be the domain's.
			r.Outcome = None
			return
		default:
			r.Outcome, decided = None, true
		}
	}
}

// probeHost connects to the host's addresses in order until one is fit to deliver
// to, and reports whether one is.
func (v *Verifier) probeHost(ctx context.Context, h *HostResult) bool {
	prober := smtpprobe.Prober{Dial: v.Dial, LocalAddr: v.LocalAddr, Hello: v.Hello}
	for i, addr := range h.Addrs {
		if i == maxProbesPerHost {
			h.Omitted += len(h.Addrs) - i
			break
		}
		at := netip.AddrPortFrom(addr, h.Port)
		p := v.probe(ctx, &prober, h.Host, at)
		if weaker := h.Fallback(); weaker != nil && handshakeFailed(p.Err) {
			p = v.probe(ctx, &prober, weaker, at)
			p.Fallback = true
		}
		h.Probes = append(h.Probes, p)
		contextTrace(ctx).probe(h.Host, p)
		if p.Err == nil {
			return true
		}
	}
	return false
}

func (v *Verifier) probe(ctx context.Context, prober *smtpprobe.Prober, h *Host, addr netip.AddrPort) Probe {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p := Probe{Addr: addr}
	p.Session, p.Err = prober.Probe(ctx, addr.String(), h.TLSConfig(nil))
	if p.Err != nil {
		return p
	}
	if h.byDANE() {
		// The hook has found a match, or the handshake would have failed; this says
		// which.
		if p.Match, p.Err = h.matcher().Verify(p.Session.TLS.PeerCertificates); p.Err != nil {
			return p
		}
		p.Authenticated = true
	}
	// A server that takes the handshake and then refuses EHLO takes no mail.
	if late, ok := errors.AsType[*smtpprobe.Error](p.Session.Late); ok && late.Stage == smtpprobe.StageHelloTLS {
		p.Err = late
	}
	return p
}

// unresolved reports whether a failed lookup is the fault of the DNS servers that
// are asked, and not of the domain: they are not capable of DNSSEC, or nobody
// answers, not even for the keys of the root.
func (v *Verifier) unresolved(ctx context.Context, failed Lookup) bool {
	if incapable(failed.Err) {
		return true
	}
	if !unanswered(failed) || errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	_, root, err := v.lookup(ctx, "", dns.TypeDNSKEY)
	contextTrace(ctx).lookups(root)
	return err != nil && (incapable(err) || unanswered(root))
}

func handshakeFailed(err error) bool {
	e, ok := errors.AsType[*smtpprobe.Error](err)
	return ok && e.Stage == smtpprobe.StageHandshake
}

func incapable(err error) bool {
	_, ok := errors.AsType[*upstream.CapabilityError](err)
	return ok
}

// unanswered reports whether queries were sent, and none was answered.
func unanswered(l Lookup) bool {
	return len(l.Exchanges) > 0 && !slices.ContainsFunc(l.Exchanges, func(e dnssec.Exchange) bool { return e.Err == nil })
}
