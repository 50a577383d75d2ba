package dane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/localfault"
)

// Verify finds out what a sender of mail to the domain gets; see [Checker.Verify]. It is
// that of the zero [Checker].
func Verify(ctx context.Context, domain string) (*Result, error) {
	return new(Checker).Verify(ctx, domain)
}

// A Checker finds out what a sender of mail gets at a domain, as a check: it goes through
// STARTTLS with the domain's servers, and sends no mail. The zero Checker is ready to use.
// Like a [Verifier] it may be copied and changed, but not while it is in use, and is safe for
// concurrent use.
type Checker struct {
	// Verifier is the sender in whose place the Checker is. Nil means the zero Verifier.
	Verifier *Verifier

	// Parallel bounds the hosts that are looked up, and the addresses that there is a
	// connection to, both together, at a time. 0 means 8; with 1 it is one after the
	// other, in order.
	Parallel int

	// FirstSuccess: Verify ends as soon as it knows the host, and the address of it,
	// that a message would be delivered to. Those after it are not in the Result,
	// although some may have been connected to already, unless Parallel is 1. Otherwise
	// all are.
	FirstSuccess bool

	// AllCertificates: a server that has presented a certificate is connected to once more,
	// by TLS 1.2 with the cipher suites for the other kind of key, RSA or ECDSA, since senders
	// differ in what they prefer; and where its key is of neither kind, as ML-DSA, for both.
	// What it then presents is in Attempt.Others, and judged in Attempt.Report; the outcome
	// stays that of the sender. A server that has TLS 1.3 alone hides other certificates, for
	// there the client's list of signatures decides, which crypto/tls does not let anybody
	// change: Attempt.OnlyTLS13 says so. A key of ML-DSA, which TLS 1.3 alone has, is seen by
	// programs that are built with Go 1.27 or later, which offer it first; one of Go 1.26 does
	// not know it, sees another certificate of the server, and gets no handshake if there is
	// no other.
	AllCertificates bool

	// ChainRecords: each Lookup.Chain keeps its records, that is the keys, DS records,
	// denials and signatures themselves, and what is denied by them; package
	// dane/explanation needs them. They may be as large as all replies were. They are not in
	// the JSON.
	ChainRecords bool

	// Prober makes the connections. Nil means that each is made at once.
	Prober Prober
}

func (c *Checker) verifier() *Verifier {
	v := new(Verifier)
	if c.Verifier != nil {
		*v = *c.Verifier
	}
	v.prober = c.Prober
	return v
}

func (c *Checker) parallel() int { return max(1, cmp.Or(c.Parallel, defaultParallel)) }

// Verify finds out what a sender of mail to the domain gets, and connects to its
// servers for that. All hosts are looked up, and those that must be authenticated or
// encrypted are connected to at each of their addresses, up to and through STARTTLS; no mail
// is sent. The outcome is that of the first host, in order, that would be delivered to:
// one that fails gives way to the next, and one without DANE needs no connection, and
// has the outcome [OutcomeNone]. FirstSuccess ends the search there.
//
// Several hosts and addresses are worked on at the same time; see Parallel. The order
// of what is in the [Result] does not depend on who answers first. Hooks of a [Trace] are
// called by the goroutine that called Verify, in the order of the hosts. When it returns,
// nothing is connected to any more, and lookups that were made ahead are cancelled.
//
// The work is bounded: at most 16 hosts and 4 addresses of each, and a budget of lookups of
// which each host has its share. What is left out is counted in the Result.
//
// A nil error means that the Result is a verdict, [OutcomeFailure] included. The error is
// of type *[Error]: it wraps [ErrName] for what is not a domain name, or [ErrNoResolver]
// where the DNS could not be asked, whatever the domain. The Result is never nil.
// When ctx is cancelled, Verify returns promptly, with what is known: the outcome is
// OutcomeFailure, and [Result.Err] wraps context.Canceled, unless the host that would be
// delivered to was known before. A deadline that passes is a failure of the hosts that
// have not answered by then.
func (c *Checker) Verify(ctx context.Context, domain string) (*Result, error) {
	return c.verify(ctx, &Result{Name: domain})
}

// Plan is [Checker.Verify] without connections: it looks everything up. The outcome is what
// the DNS allows at best: [OutcomeSuccess] means that the host must be authenticated by
// DANE, not that it was.
func (c *Checker) Plan(ctx context.Context, domain string) (*Result, error) {
	return c.verify(ctx, &Result{Name: domain, Planned: true})
}

// verify completes the result of a domain.
func (c *Checker) verify(ctx context.Context, r *Result) (*Result, error) {
	v := c.verifier()
	ctx = withEvidence(ctx, c.ChainRecords)
	r.Profile, r.Started = v.profile(r.Name), time.Now()
	r.Mandatory = r.Profile.DANE == DANEMandatory
	defer func() {
		r.conclude()
		r.Elapsed = time.Since(r.Started)
		contextTrace(ctx).result(r)
	}()
	// What is looked up ahead goes on until the end.
	early, cancel := withReserve(ctx)
	defer cancel()
	ahead := new(suggester)
	r.Domain, r.Err = v.lookupDomain(dnssec.WithBudget(early, lookupsForMX), r.Name, ahead)
	if r.Domain == nil {
		return r, r.Err
	}
	if r.Err != nil {
		return r, v.blame(ctx, r)
	}
	hosts := hostsCheck{verifier: v, early: early, endLookups: cancel, parallel: c.parallel(), firstSuccess: c.FirstSuccess, allCertificates: c.AllCertificates, result: r, ahead: ahead}
	hosts.run(ctx)
	return r, v.blame(ctx, r)
}

// blame makes a failure one without a verdict where it is not the domain's, and returns the error of
// that. Lookups for which this process lacked what any query needs say nothing about DNS servers; what
// they mean is Result.Local's to say.
func (v *Verifier) blame(ctx context.Context, r *Result) error {
	if r.Outcome != OutcomeFailure {
		return nil
	}
	away := sync.OnceValue(func() bool { return v.serversAway(ctx) }) // however many lookups have failed
	for l := range r.AllLookups() {
		if l.Err != nil && (incapable(l.Err) || unanswered(*l) && !localfault.IsExhausted(l.Err) && !v.othersAnswered(*l) && away()) {
			r.Unresolved = true
			r.Err = &Error{Domain: r.Domain.Name, Err: fmt.Errorf("%w: %w", ErrNoResolver, l.Err)}
			return r.Err
		}
	}
	return nil
}

// withReserve is for lookups: it keeps some of the time back, to find out whose fault it is when nobody
// answers.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/4, maxReserve)))
}

// serversAway reports whether the DNS servers that are asked answer nothing, not even for the keys of
// the root, which are asked for whatever is in the cache, or are not capable of DNSSEC. If the keys are
// late the servers were away until now.
func (v *Verifier) serversAway(ctx context.Context) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	_, root, err := v.lookup(dnssec.WithPrefetch(ctx, evenIfCached), "", dns.TypeDNSKEY)
	contextTrace(ctx).lookups(root)
	if err != nil {
		return incapable(err) || unanswered(root)
	}
	return root.Elapsed > maxReplyAge
}

// evenIfCached is longer than anything is cached.
const evenIfCached = 1<<63 - 1

// maxReplyAge is how old a reply may be that shows that DNS servers are there, and how long one may
// take that shows that they were: a few round trips.
const maxReplyAge = time.Second

// othersAnswered reports whether a reply to anything came just now, and while the failed lookup waited if
// that has just ended. So the servers of the root are not asked about each domain of a list whose own
// are dead.
func (v *Verifier) othersAnswered(failed Lookup) bool {
	r, ok := v.resolver().(interface{ LastReply() time.Time })
	if !ok {
		return false
	}
	age := time.Since(r.LastReply())
	return age < maxReplyAge && age < failed.Elapsed
}
