package compare

import (
	"context"
	"errors"
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

// A hearing is a server, and what it has said.
type hearing struct {
	*upstream.Authority

	mu      sync.Mutex
	replies map[Question]*dns.Msg
}

// maxHeard bounds what is kept: the questions, and the keys that they need.
const maxHeard = 2 * maxQuestions

// Exchange is that of the server.
func (h *hearing) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := h.Authority.Exchange(ctx, q)
	if err != nil || len(q.Msg.Question) != 1 {
		return reply, err
	}
	asked := q.Msg.Question[0]
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.replies) < maxHeard {
		h.replies[Question{dns.CanonicalName(asked.Name), asked.Qtype}] = reply.Msg.Copy()
	}
	return reply, nil
}

// close closes what connections there are. A server that was not heard has none.
func (h *hearing) close() {
	if h != nil {
		h.CloseIdleConnections()
	}
}

func (h *hearing) reply(q Question) *dns.Msg {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.replies[q]
}

// listen makes the resolver that hears one server about the zone.
func (s *session) listen(z *zone, at *server) error {
	at.heard = &hearing{Authority: s.authority(z, at.Address), replies: make(map[Question]*dns.Msg)}
	var err error
	at.resolver, err = s.resolver.At(z.Name, at.heard)
	return err
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
		if at.resolver == nil {
			s.meet(ctx, z, at)
			if err := s.listen(z, at); err != nil {
				at.Outcome, at.Problem = Failed, problem(err)
			}
		}
		for _, q := range all {
			switch {
			case at.Outcome == Answered && ended(ctx) == nil && at.Answer(q) == nil:
				at.Answers = append(at.Answers, at.ask(ctx, z.name, q))
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
func (at *server) ask(ctx context.Context, zone canonical.Name, q Question) Answer {
	limited, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	answer, err := at.resolver.Lookup(limited, q.Name, q.Type)
	a := Answer{Question: q, RCode: -1}
	if err != nil && ended(ctx) != nil {
		a.Problem = "there was no time left to ask"
		return a
	}
	reply := at.heard.reply(q)
	if reply != nil {
		a.RCode = reply.Rcode
		a.read(reply)
	}
	if answer != nil {
		a.Status, a.Reason = answer.Status, answer.Reason
		a.SignatureEnds = ends(answer, zone)
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
	if s.listen(z, fresh) != nil {
		return
	}
	defer fresh.heard.close()
	answers := make(map[Question]Answer)
	for _, q := range questions {
		if old := at.Answer(q); old != nil && old.HasData() && ended(ctx) == nil {
			answers[q] = fresh.ask(ctx, z.name, q)
		}
	}
	for q := range maps.Keys(answers) {
		old, now := at.Answer(q), answers[q]
		if now.HasData() && now.said() != old.said() {
			old.Varies = true
		}
	}
}
