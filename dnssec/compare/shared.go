package compare

import (
	"context"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// shared answers what was asked before from memory. Each server of a zone is judged by a
// resolver of its own, and all of these need the same keys and DS records of the zones above,
// whose servers are to be asked once.
type shared struct {
	upstream.Exchanger

	mu      sync.Mutex
	replies map[sharedKey]*sharedReply
}

type sharedKey struct {
	Question
	signed bool // the query has the DO bit
}

// A sharedReply is a reply, or the wait for one.
type sharedReply struct {
	done  chan struct{}
	reply *upstream.Reply // nil if there was none
}

// Limits of what is kept. Keys and DS records of the zones above are smaller.
const (
	maxShared      = 512      // replies
	maxSharedReply = 16 << 10 // octets
)

// overShared returns a resolver like r that asks each question once.
func overShared(r *dnssec.Resolver) *dnssec.Resolver {
	if r == nil {
		r = new(dnssec.Resolver)
	}
	exchanger := r.Exchanger
	if exchanger == nil {
		exchanger = new(upstream.Auto)
	}
	return &dnssec.Resolver{
		Exchanger: &shared{Exchanger: exchanger, replies: make(map[sharedKey]*sharedReply)},
		Anchors:   r.Anchors, Algorithms: r.Algorithms, MaxIterations: r.MaxIterations, NegativeAnchors: r.NegativeAnchors,
		NoAggressiveUse: true, Time: r.Time, ClockSkew: r.ClockSkew,
	}
}

// Exchange asks, unless the reply is there or on its way. What another server is to be asked for
// is always asked, and what has failed is asked again.
func (s *shared) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if len(q.Avoid) > 0 || len(q.Msg.Question) != 1 || !q.Msg.CheckingDisabled {
		return s.Exchanger.Exchange(ctx, q)
	}
	opt := q.Msg.IsEdns0()
	key := sharedKey{Question{dns.CanonicalName(q.Msg.Question[0].Name), q.Msg.Question[0].Qtype}, opt != nil && opt.Do()}
	s.mu.Lock()
	known := s.replies[key]
	own := known == nil && len(s.replies) < maxShared
	if own {
		known = &sharedReply{done: make(chan struct{})}
		s.replies[key] = known
	}
	s.mu.Unlock()
	if own {
		return s.ask(ctx, q, key, known)
	}
	if known != nil {
		select {
		case <-known.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if known.reply != nil {
			return copyOf(known.reply, q), nil
		}
	}
	return s.Exchanger.Exchange(ctx, q)
}

// ask asks for all who wait.
func (s *shared) ask(ctx context.Context, q *upstream.Query, key sharedKey, entry *sharedReply) (*upstream.Reply, error) {
	defer close(entry.done)
	reply, err := s.Exchanger.Exchange(ctx, q)
	if err != nil || reply == nil || reply.Msg == nil || reply.Msg.Len() > maxSharedReply {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.replies, key)
		return reply, err
	}
	entry.reply = copyOf(reply, q)
	return reply, nil
}

// copyOf is a reply for another query: its owner may change it.
func copyOf(reply *upstream.Reply, q *upstream.Query) *upstream.Reply {
	own := *reply
	own.Msg = reply.Msg.Copy()
	own.Msg.Question = slices.Clone(q.Msg.Question)
	own.PassedOver = slices.Clone(reply.PassedOver)
	return &own
}
