package dnssec

import (
	"context"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// maxPrefetched bounds the questions that are sent at once: the keys and DS records of
// six zones. Names for mail lie two or three zones deep.
const maxPrefetched = 12

// A prefetch is the questions of a lookup that are on their way before it is known
// whether their answers are needed, so that a chain takes one round trip and not one
// for each zone. Only the sending is concurrent: replies are judged by the lookup, one
// after the other, when it comes to them. The zero prefetch has sent nothing.
type prefetch struct {
	ctx     context.Context // for what is sent
	cancel  context.CancelFunc
	pending map[question]*pending
	sent    int
	all     sync.WaitGroup
}

// A pending question has been sent.
type pending struct {
	done    chan struct{} // closed when there is an outcome
	reply   *upstream.Reply
	err     error
	elapsed time.Duration
}

// end gives up what was not needed.
func (p *prefetch) end() {
	if p.cancel != nil {
		p.cancel()
		p.all.Wait()
	}
}

// prefetch sends what the verdict on a reply will rest on: the keys and DS records of
// the zone that its signatures name and of those above it, as far as they are not
// known. Where there are no signatures, it is the DS records of the names that are
// most often cut.
func (l *lookup) prefetch(ctx context.Context, q question, msg *dns.Msg) {
	top, ok := l.anchorOf(q)
	if !ok || l.fresh {
		return
	}
	var sigs []*dns.RRSIG
	for _, section := range [][]dns.RR{msg.Answer, msg.Ns} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && len(sigs) < maxRRsetSignatures {
				sigs = append(sigs, sig)
			}
		}
	}
	// What is most likely a zone: the signer, or the domain below the top-level domain.
	lowest := q.enclosed()
	lowest = lowest.Ancestor(min(lowest.Labels(), top.Labels()+2))
	if signers := l.signers(q, sigs); len(signers) > 0 {
		lowest = signers[0]
		l.send(ctx, question{lowest, dns.TypeDNSKEY})
	}
	for zone := lowest; zone != top && zone.Below(top) && l.send(ctx, question{zone, dns.TypeDS}); zone = zone.Parent() {
		l.send(ctx, question{zone.Parent(), dns.TypeDNSKEY})
	}
}

// send sends a question, and reports whether those above it may be needed, too: they
// are not if the answer is known.
func (l *lookup) send(ctx context.Context, q question) bool {
	p := &l.ahead
	if p.pending[q] != nil {
		return true
	}
	if p.sent >= maxPrefetched || l.known[q] != nil || l.resolver.cache.get(q, l.now, l.generation) != nil {
		return false
	}
	if l.budget.spendQuery() != nil {
		return false
	}
	if p.cancel == nil {
		p.ctx, p.cancel = context.WithCancel(ctx)
		p.pending = make(map[question]*pending)
	}
	p.sent++
	pending := &pending{done: make(chan struct{})}
	p.pending[q] = pending
	query := l.query(q, nil)
	p.all.Go(func() {
		defer close(pending.done)
		start := time.Now()
		pending.reply, pending.err = exchange(p.ctx, l.resolver.upstream, query)
		pending.elapsed = time.Since(start)
	})
	return true
}

// receive returns the outcome of a question that has been sent, once; ok is false for
// others, and where there are servers to avoid.
func (l *lookup) receive(ctx context.Context, q question, avoid []string) (reply *upstream.Reply, elapsed time.Duration, err error, ok bool) {
	pending := l.ahead.pending[q]
	if pending == nil || len(avoid) > 0 {
		return nil, 0, nil, false
	}
	delete(l.ahead.pending, q)
	select {
	case <-pending.done:
		return pending.reply, pending.elapsed, pending.err, true
	case <-ctx.Done():
		return nil, 0, ctx.Err(), true
	}
}

// query is the message for a question.
func (l *lookup) query(q question, avoid []string) *upstream.Query {
	zone, _ := l.anchorSet.Enclosing(q.name.String())
	return newQuery(q, zone, avoid)
}

// newQuery is the message for a question below the zone of an anchor, "" for none.
func newQuery(q question, anchorZone string, avoid []string) *upstream.Query {
	msg := new(dns.Msg)
	msg.SetQuestion(q.name.String(), q.qtype)
	msg.CheckingDisabled = true // RFC 6840 §5.9: the validation is ours
	// Where no anchor leads to, signatures prove nothing, and the capability of a
	// server makes no difference.
	msg.SetEdns0(ednsSize, anchorZone != "")
	return &upstream.Query{Msg: msg, Avoid: avoid, Anchor: anchorZone}
}
