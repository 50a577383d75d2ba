package compare

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/localfault"
)

// A hearing is a server, and what it has said to the question at hand.
type hearing struct {
	*upstream.Authority

	mu    sync.Mutex
	asked Question
	said  *dns.Msg // nil without a reply
	keys  *dns.Msg // of the zone, which are asked for once, with the first question
}

// Exchange is that of the server.
func (h *hearing) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := h.Authority.Exchange(ctx, q)
	if err != nil || len(q.Msg.Question) != 1 {
		return reply, err
	}
	question := q.Msg.Question[0]
	h.mu.Lock()
	defer h.mu.Unlock()
	if question.Qtype == dns.TypeDNSKEY && sameName(question.Name, h.Zone) {
		h.keys = reply.Msg.Copy()
	}
	if h.asked == (Question{dns.CanonicalName(question.Name), question.Qtype}) {
		h.said = reply.Msg.Copy()
	}
	return reply, nil
}

// turn returns what was said to the question at hand, and turns to the next one.
func (h *hearing) turn(next Question) (said *dns.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if said = h.said; said == nil && h.asked.Type == dns.TypeDNSKEY && sameName(h.asked.Name, h.Zone) {
		said = h.keys
	}
	h.asked, h.said = next, nil
	return said
}

// listen makes the resolver that hears one server about the zone. It has a cache, so it is not
// kept for longer than the server is asked.
func (s *session) listen(z *zone, at *server) (stop func(), err error) {
	at.heard = &hearing{Authority: s.authority(z, at.Address)}
	at.resolver, err = s.resolver.At(z.Name, at.heard)
	return func() {
		at.heard.CloseIdleConnections()
		at.heard, at.resolver = nil, nil
	}, err
}

// askServers asks all servers of a zone. One that does not serve the zone is asked nothing
// more.
func (s *session) askServers(ctx context.Context, z *zone, questions []Question) {
	all := questions
	if !z.met {
		z.met = true
		all = []Question{{z.Name, dns.TypeSOA}, {z.Name, dns.TypeNS}, {z.Name, dns.TypeDNSKEY}}
		for _, q := range questions {
			if !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	inParallel(maxAddresses, z.servers, func(at *server) {
		if !at.Address.IsValid() {
			return
		}
		defer s.lock(at.Address)()
		if !at.met {
			at.met = true
			s.meet(ctx, z, at)
		}
		if at.Outcome != Answered {
			return
		}
		stop, err := s.listen(z, at)
		defer stop()
		if err != nil {
			at.Outcome, at.Problem = Failed, problem(err)
			return
		}
		for _, q := range all {
			if ended(ctx) == nil && at.Answer(q) == nil {
				at.Answers = append(at.Answers, s.ask(ctx, z, at, q))
			}
		}
	})
	for _, at := range z.servers { // whom the zone's own servers name
		if a := at.Answer(Question{z.Name, dns.TypeNS}); a != nil && a.HasData() {
			for _, server := range z.servers {
				server.Within = server.Within || slices.Contains(a.Records, server.Name)
			}
		}
	}
}

// ask has one answer of the server validated.
func (s *session) ask(ctx context.Context, z *zone, at *server, q Question) Answer {
	limited, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	at.heard.turn(q)
	answer, err := at.resolver.Lookup(limited, q.Name, q.Type)
	reply := at.heard.turn(Question{})
	a := Answer{Question: q, RCode: -1}
	if err != nil && ended(ctx) != nil {
		a.Problem = "there was no time left to ask"
		return a
	}
	if reply != nil {
		a.RCode = reply.Rcode
		a.read(reply)
		s.keep(&a)
	}
	if answer != nil {
		a.Status, a.Reason = answer.Status, answer.Reason
		a.SignatureEnds = ends(answer, z.name)
		if len(answer.Aliases) > 0 {
			// What is at the end of the alias is another question.
			first := answer.Aliases[0]
			a.Status, a.Alias, a.Records = first.Status, first.Target, nil
			if err = nil; first.Status >= dnssec.Insecure {
				a.Reason = dnssec.Reason{}
			}
		}
	}
	a.Outcome = Answered
	if err != nil {
		a.Outcome, a.Problem = a.failure(err, reply), problem(err)
		if e, ok := errors.AsType[*dnssec.Error](err); ok {
			a.Status, a.Reason = e.Status, e.Reason
		}
	}
	return a
}

// failure is the outcome of a lookup that has failed, by what the server itself has said.
func (a *Answer) failure(err error, reply *dns.Msg) Outcome {
	e, ok := errors.AsType[*dnssec.Error](err)
	switch {
	case localfault.Is(err):
		return Local
	case ok && e.Status == dnssec.Bogus:
		return Bogus
	case reply != nil && isRefusal(reply):
		return Refused
	case reply != nil:
		return Failed
	}
	return outcomeOf(err)
}

// read takes the records of a reply that answer the question.
func (a *Answer) read(reply *dns.Msg) {
	for _, rr := range reply.Answer {
		if !sameName(rr.Header().Name, a.Question.Name) {
			continue
		}
		if cname, ok := rr.(*dns.CNAME); ok && a.Question.Type != dns.TypeCNAME {
			a.Alias, a.Records = dns.CanonicalName(cname.Target), nil
			return
		}
		if rr.Header().Rrtype == a.Question.Type {
			a.Records = append(a.Records, dataOf(rr))
		}
	}
	slices.Sort(a.Records)
	a.Records = slices.Compact(a.Records)
}

// keep bounds what is kept of an answer. Too large a set of records is replaced by its digest:
// it can be compared still.
func (s *session) keep(a *Answer) {
	size := 0
	for _, record := range a.Records {
		size += len(record)
	}
	if size > maxAnswer || s.kept.Add(int64(size)) > maxKept {
		sum := sha256.Sum256([]byte(a.said()))
		a.Records = []string{fmt.Sprintf("%d records of %d characters, with the digest %x", len(a.Records), size, sum[:8])}
	}
}

// dataOf is the data of a record in presentation form. Names in it are in lower case, since
// servers keep the case that they like.
func dataOf(rr dns.RR) string {
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	switch rr.(type) {
	case *dns.MX, *dns.NS, *dns.CNAME, *dns.DNAME, *dns.SOA, *dns.SRV, *dns.TLSA, *dns.DS, *dns.AAAA:
		return strings.ToLower(text)
	}
	return text
}

// ends is when the first signature ends that the zone's part of an answer rests on.
func ends(answer *dnssec.Answer, zone canonical.Name) (first time.Time) {
	for _, link := range answer.Chain() {
		if zone.Is(link.Zone) && !link.Expiration.IsZero() && (first.IsZero() || link.Expiration.Before(first)) {
			first = link.Expiration
		}
	}
	return first
}

// again asks a server once more, without what it has said, and notes what has changed.
func (s *session) again(ctx context.Context, z *zone, at *server, questions []Question) {
	if at.Outcome != Answered || ended(ctx) != nil {
		return
	}
	defer s.lock(at.Address)()
	fresh := &server{Server: Server{Name: at.Name, Address: at.Address}}
	stop, err := s.listen(z, fresh)
	defer stop()
	if err != nil {
		return
	}
	answers := make(map[Question]Answer)
	for _, q := range questions {
		if old := at.Answer(q); old != nil && old.HasData() && ended(ctx) == nil {
			answers[q] = s.ask(ctx, z, fresh, q)
		}
	}
	for q := range maps.Keys(answers) {
		old, now := at.Answer(q), answers[q]
		if now.HasData() && now.said() != old.said() {
			old.Varies = true
		}
	}
}
