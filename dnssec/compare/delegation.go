package compare

import (
	"context"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Limits of one delegation, as of the servers of a zone.
const (
	maxServers         = 16
	maxServerAddresses = 8
)

// delegations asks servers of a zone for the delegation to a zone below, each at one address,
// and at others if nobody answers there.
func (s *session) delegations(ctx context.Context, above *zone, child canonical.Name) (all []Delegation) {
	left := slices.DeleteFunc(slices.Clone(above.servers), func(s *server) bool { return !s.Address.IsValid() })
	const tries = 2
	for range tries {
		var now, later []*server
		for _, at := range left {
			if len(now) < maxDelegations && !slices.ContainsFunc(now, func(s *server) bool { return s.Name == at.Name }) {
				now = append(now, at)
			} else {
				later = append(later, at)
			}
		}
		found := make([]Delegation, len(now))
		inParallel(maxDelegations, indexes(now), func(i int) { found[i] = s.delegation(ctx, above, now[i], child) })
		all = append(all, found...)
		if slices.ContainsFunc(found, func(d Delegation) bool { return d.Outcome == Answered }) || ended(ctx) != nil {
			break
		}
		left = later
	}
	return all
}

func indexes(servers []*server) (all []int) {
	for i := range servers {
		all = append(all, i)
	}
	return all
}

// delegation asks one server. One that serves the zone below, too, answers from that: then
// there is no delegation to see.
func (s *session) delegation(ctx context.Context, above *zone, at *server, child canonical.Name) Delegation {
	d := Delegation{Server: at.Name, Address: at.Address, DS: Answer{Question: Question{child.String(), dns.TypeDS}, RCode: -1}}
	defer s.lock(at.Address)()
	reply, err := s.exchange(ctx, above, at, newQuery(child.String(), dns.TypeNS, edns(true)), false)
	if err != nil {
		d.Outcome, d.Problem = outcomeOf(err), problem(err)
		return d
	}
	genuine := false
	d.NS, genuine = delegated(reply.Msg, child)
	if d.Outcome = Answered; len(d.NS) > 0 || reply.Msg.Authoritative {
		genuine = true
	} else {
		d.Outcome = Lame
		if isRefusal(reply.Msg) {
			d.Outcome = Refused
		}
		d.Problem = "it answers with " + describe(reply.Msg)
	}
	s.sawReply(genuine)
	if d.Outcome != Answered {
		return d
	}
	for _, name := range d.NS {
		glue := Glue{Name: name}
		for _, rr := range reply.Msg.Extra {
			addr, ok := addressOf(rr)
			if ok && len(glue.Addresses) < maxServerAddresses && sameName(rr.Header().Name, name) && !slices.Contains(glue.Addresses, addr) {
				glue.Addresses = append(glue.Addresses, addr)
			}
		}
		if len(glue.Addresses) > 0 {
			d.Glue = append(d.Glue, glue)
		}
	}
	d.DS = s.askDS(ctx, above, at, d.DS.Question)
	return d
}

// delegated returns the servers that a referral names.
func delegated(reply *dns.Msg, child canonical.Name) (names []string, ok bool) {
	if reply.Rcode != dns.RcodeSuccess || len(reply.Answer) > 0 {
		return nil, false
	}
	for _, rr := range reply.Ns {
		ns, isNS := rr.(*dns.NS)
		if !isNS || !child.Is(ns.Hdr.Name) {
			continue
		}
		if name := dns.CanonicalName(ns.Ns); len(names) < maxServers && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, compareNames)
	return names, len(names) > 0
}

// askDS has what the server says of the DS records validated.
func (s *session) askDS(ctx context.Context, above *zone, at *server, q Question) Answer {
	own := &server{Server: Server{Name: at.Name, Address: at.Address}}
	stop, err := s.listen(above, own)
	defer stop()
	if err != nil {
		return Answer{Question: q, Outcome: Failed, RCode: -1, Problem: problem(err)}
	}
	return s.ask(ctx, above, own, q)
}

func sameName(a, b string) bool { return dns.CanonicalName(a) == dns.CanonicalName(b) }

// exchange asks a server, and returns what came, whatever it is.
func (s *session) exchange(ctx context.Context, z *zone, at *server, query *dns.Msg, tcp bool) (*upstream.Reply, error) {
	authority := s.authority(z, at.Address)
	authority.TCP, authority.Verbatim = tcp, true
	defer authority.CloseIdleConnections()
	reply, err := authority.Exchange(ctx, &upstream.Query{Msg: query})
	if outcome := outcomeOf(err); outcome != Local && outcome != Forbidden {
		s.attempted.Store(true)
	}
	return reply, err
}

func (s *session) authority(z *zone, addr netip.Addr) *upstream.Authority {
	return &upstream.Authority{Zone: z.Name, Address: netip.AddrPortFrom(addr, 53), Dial: s.Dial, Allow: s.Allow, Timeout: s.timeout()}
}
