package upstream

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A serverLookup is the outcome of looking for the addresses of one name server.
type serverLookup struct {
	name      string
	addresses []netip.AddrPort
	expires   time.Time
	err       error // why there may be more addresses than these
}

// findServers looks for the addresses of name servers of the zone, and reports whether there
// are any now: another question may have found them since, and so have left nothing to look
// for. The addresses of one server are enough to go on. It looks for a few at once, and for
// others if those have no address or take long.
func (z *zoneQuery) findServers(ctx context.Context) bool {
	names, circular := z.zone.unknownServers(z.now(), z.task.pending, z.avoided && len(z.errs) == 0)
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(z.lookedFor, name) })
	if circular {
		z.unsettled = errCircular
	}
	ctx, cancel := context.WithCancel(ctx)
	lookups := make(chan serverLookup, len(names))
	var all sync.WaitGroup
	defer all.Wait() // after cancel
	defer cancel()
	patience := time.NewTicker(serverTimeout)
	defer patience.Stop()
	for running, most := 0, maxLookedUp; ; {
		for ; running < most && len(names) > 0; running++ {
			if z.lookups.Add(1) > maxLookups {
				names, z.unsettled = nil, errLimit
				break
			}
			name := names[0]
			names = names[1:]
			all.Go(func() { lookups <- z.lookUp(ctx, name) })
		}
		if running == 0 {
			_, ok := z.best()
			return ok
		}
		select {
		case found := <-lookups:
			running--
			if z.learn(ctx, found) {
				return true
			}
		case <-patience.C:
			most += maxLookedUp
		case <-ctx.Done():
			return false
		}
	}
}

// learn keeps the outcome of a lookup, and reports whether there are addresses. That there
// are none is kept only if a lookup on its own would have come to the same: which question
// led to it must make no difference to later ones.
func (z *zoneQuery) learn(ctx context.Context, found serverLookup) bool {
	z.lookedFor = append(z.lookedFor, found.name)
	none := len(found.addresses) == 0
	switch {
	case none && ctx.Err() != nil:
		return false
	case none && errors.Is(found.err, errLimit):
		z.unsettled = errLimit
		return false
	case none && errors.Is(found.err, errCircular) && len(z.task.pending) > 0:
		z.unsettled = errCircular
		return false
	case none && isOwnFailure(found.err):
		z.unsettled = found.err
		return false
	}
	z.zone.learn(found.name, found.addresses, found.expires, z.now())
	z.delegations.resized(z.zone)
	return !none
}

// lookUp looks for the addresses of one name server. Those of one family are enough if the
// others take long. A lookup within a lookup asks for one family after the other: both need
// the same servers on their way, and would look for them twice.
func (z *zoneQuery) lookUp(ctx context.Context, name string) serverLookup {
	ctx, cancel := context.WithCancel(ctx)
	lookups := make(chan serverLookup, 2)
	var all sync.WaitGroup
	defer all.Wait() // after cancel
	defer cancel()
	pending := append(slices.Clone(z.task.pending), name)
	lookUp := func(qtype uint16) {
		lookups <- z.lookUpType(ctx, &task{question: dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}, pending: pending})
	}
	if len(z.task.pending) == 0 {
		all.Go(func() { lookUp(dns.TypeA) })
		all.Go(func() { lookUp(dns.TypeAAAA) })
	} else {
		all.Go(func() { lookUp(dns.TypeA); lookUp(dns.TypeAAAA) })
	}
	first := <-lookups
	var late <-chan time.Time
	if len(first.addresses) > 0 {
		late = time.After(addressGrace)
	}
	select {
	case second := <-lookups:
		return merge(first, second)
	case <-late:
		first.expires = earlier(first.expires, z.now().Add(minAddressLife))
		return first
	}
}

// merge returns the addresses of both families.
func merge(a, b serverLookup) serverLookup {
	switch {
	case len(b.addresses) == 0:
		a.err = errors.Join(a.err, b.err)
		return a
	case len(a.addresses) == 0:
		return b
	}
	a.addresses, a.expires = append(a.addresses, b.addresses...), earlier(a.expires, b.expires)
	return a
}

// lookUpType looks for the addresses of one family. If the server lies in the zone that it
// serves, the zone above has them as glue, and perhaps another server of the zone knows them.
func (z *zoneQuery) lookUpType(ctx context.Context, t *task) serverLookup {
	name := t.question.Name
	if !isBelow(z.zone.name, name) {
		reply, err := z.resolve(ctx, t)
		return z.serverLookup(name, reply, err)
	}
	found := z.askForGlue(ctx, t)
	if len(found.addresses) == 0 && len(z.zone.addresses(z.now())) > 0 && ctx.Err() == nil {
		own := z.newQuery(t, z.zone, t.question)
		own.knownOnly = true
		o, err := own.run(ctx)
		found = z.serverLookup(name, o.reply, err)
	}
	return found
}

// askForGlue asks the servers above a zone for the address of a server in it: not
// every referral has room for all (RFC 9471 §3.2).
func (z *zoneQuery) askForGlue(ctx context.Context, t *task) serverLookup {
	name := t.question.Name
	if z.zone.name == "." {
		return serverLookup{name: name}
	}
	above := z.closestDelegation(parent(z.zone.name))
	for range maxReferrals {
		glue := z.newQuery(t, above, t.question)
		glue.glueOf = z.zone.name
		o, err := glue.run(ctx)
		switch {
		case o.next == nil:
			return z.serverLookup(name, o.reply, err)
		case !isBelow(o.next.name, z.zone.name) || o.next.name == z.zone.name:
			return serverLookup{name: name, addresses: o.next.addressesOf(name), expires: o.next.expires}
		}
		above = o.next
	}
	return serverLookup{name: name, err: errLimit}
}

// serverLookup reads the addresses of a name server in a reply, and when they expire. It
// does not follow an alias (RFC 2181 §10.3).
func (r *Recursor) serverLookup(name string, reply *Reply, err error) serverLookup {
	found := serverLookup{name: name, expires: r.now().Add(maxDelegationLife), err: err}
	if reply == nil {
		return found
	}
	for _, rr := range reply.Msg.Answer {
		addr, ok := address(rr)
		if !ok || dns.CanonicalName(rr.Header().Name) != name || !r.filter.allows(addr) || len(found.addresses) == maxServerAddresses {
			continue
		}
		found.addresses = append(found.addresses, netip.AddrPortFrom(addr, port))
		found.expires = earlier(found.expires, r.now().Add(time.Duration(rr.Header().Ttl)*time.Second))
	}
	return found
}
