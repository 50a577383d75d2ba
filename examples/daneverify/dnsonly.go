package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// lookupsPerPlan bounds the work for one domain, whatever its records lead to, as
// dane.Verify does.
const lookupsPerPlan = 24

// plan finds out what a sender must do with each mail server of a domain, and
// connects to none. The Result is that of dane.Verify without probes. Its Outcome is
// what the DNS allows at best: Success means that the first host to deliver to must
// be authenticated by DANE, not that it was.
func plan(ctx context.Context, v *dane.Verifier, domain string) (*dane.Result, error) {
	ctx = dnssec.WithBudget(ctx, lookupsPerPlan)
	r := &dane.Result{Name: domain, Mandatory: v.Mandatory, Started: time.Now()}
	if r.Mandatory {
		r.Profile.DANE = dane.DANEMandatory
	}
	defer func() { r.Elapsed = time.Since(r.Started) }()
	r.Domain, r.Err = lookupMX(ctx, v, domain)
	if r.Domain == nil {
		return r, r.Err
	}
	if r.Err != nil {
		if unresolved(ctx, v.Resolver, r.Domain.Lookup) {
			r.Unresolved = true
			r.Err = &dane.Error{Domain: r.Domain.Name, Err: fmt.Errorf("%w: %w", dane.ErrNoResolver, r.Domain.Lookup.Err)}
			return r, r.Err
		}
		return r, nil
	}
	r.Hosts = make([]dane.HostResult, len(r.Domain.MX)) // a few: dane bounds them
	var hosts sync.WaitGroup
	for i, mx := range r.Domain.MX {
		hosts.Go(func() { r.Hosts[i].Host = v.LookupHost(ctx, r.Domain, mx) })
	}
	hosts.Wait()
	foresee(r)
	return r, nil
}

// lookupMX leaves some of the time to find out whose fault it is when there is no
// answer.
func lookupMX(ctx context.Context, v *dane.Verifier, domain string) (*dane.Domain, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/4, 2*time.Second)))
		defer cancel()
	}
	return v.LookupMX(ctx, domain)
}

// foresee sets the outcome by the first host that may be delivered to.
func foresee(r *dane.Result) {
	for _, h := range r.Hosts {
		if h.Action == dane.Skip {
			r.Err = cmp.Or(r.Err, h.Err)
			continue
		}
		if h.Action == dane.MustAuthenticate && h.PKIX == "" && h.MXSecure {
			r.Outcome, r.Err = dane.Success, nil
			return
		}
		r.Outcome, r.MTASTS = dane.None, h.MTASTS
		return
	}
}

// action is what to do with the first host that may be delivered to; Skip if there
// is none.
func action(r *dane.Result) dane.Action {
	for _, h := range r.Hosts {
		if h.Action != dane.Skip {
			return h.Action
		}
	}
	return dane.Skip
}

// unresolved reports whether a failed lookup is the fault of the DNS servers, and not
// of the domain: they are not capable of DNSSEC, or do not answer for the root's keys
// either.
func unresolved(ctx context.Context, resolver dane.Resolver, l dane.Lookup) bool {
	if l.Err == nil {
		return false
	}
	if incapable(l.Err) {
		return true
	}
	if len(l.Exchanges) == 0 || answered(l.Exchanges) {
		return false
	}
	root, err := resolver.Lookup(ctx, ".", dns.TypeDNSKEY)
	return err != nil && (incapable(err) || !answered(root.Exchanges()))
}

func incapable(err error) bool {
	_, ok := errors.AsType[*upstream.CapabilityError](err)
	return ok
}

func answered(exchanges []dnssec.Exchange) bool {
	return slices.ContainsFunc(exchanges, func(e dnssec.Exchange) bool { return e.Err == nil })
}

// queries counts those that the resolver sent for a result.
func queries(r *dane.Result) int {
	n := 0
	for _, l := range r.Lookups() {
		n += len(l.Exchanges)
	}
	return n
}

// writePlanJSON writes the object that dane has for a result, with the plan and what
// the DNS took in place of the outcome. It is edited as text, since a survey would
// spend as much time on decoding it as on the DNS.
func writePlanJSON(w io.Writer, r *dane.Result) error {
	text, err := r.MarshalJSON()
	if err != nil {
		return err
	}
	before, after, found := bytes.Cut(text, fmt.Appendf(nil, `"outcome":%q,`, r.Outcome))
	if !found {
		return errors.New("a result without outcome")
	}
	_, err = fmt.Fprintf(w, "%s\"plan\":%q,\"dns_ms\":%.3f,\"queries\":%d,%s\n", before, action(r), float64(r.Elapsed.Microseconds())/1000, queries(r), after)
	return err
}

// writePlan writes a line for the domain, and one for each mail server.
func writePlan(w io.Writer, r *dane.Result) {
	name := r.Name
	if r.Domain != nil {
		name = r.Domain.Name
	}
	fmt.Fprintf(w, "PLAN for %s: %s", quoted(name), action(r))
	if r.Err != nil {
		fmt.Fprintf(w, ": %s", quoted(r.Err.Error()))
	}
	fmt.Fprintf(w, " (%s, %d queries)\n", r.Elapsed.Round(time.Microsecond), queries(r))
	for i, h := range r.Hosts {
		fmt.Fprintf(w, "  %d %s: %s", r.Domain.MX[i].Preference, quoted(h.Name), h.Action)
		if h.Err != nil {
			fmt.Fprintf(w, ": %s", quoted(h.Err.Error()))
		}
		for _, a := range h.Addresses {
			fmt.Fprintf(w, ", %s %s", strings.ToUpper(a.Status.String()), a.Addr)
		}
		for _, record := range h.Records {
			fmt.Fprintf(w, ", TLSA %s", record)
		}
		fmt.Fprintln(w)
	}
	if r.Domain != nil && r.Domain.Omitted > 0 {
		fmt.Fprintf(w, "  %d more are left out\n", r.Domain.Omitted)
	}
}
