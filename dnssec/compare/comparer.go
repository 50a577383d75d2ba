package compare

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// Limits of one Compare. A zone has seldom more than 8 servers with 16 addresses, and a mail
// domain seldom more than 4 hosts in 3 zones.
const (
	maxZones        = 8
	maxAddresses    = 32   // of the servers of a zone
	maxOmitted      = 1024 // that are counted
	maxDelegations  = 4    // servers of the zone above that are asked
	maxQuestions    = 64
	maxRounds       = 8 // of questions that follow from answers
	maxAgain        = 8 // questions of a zone that are asked once more
	maxAskedAtOnce  = 8 // addresses
	maxZonesAtOnce  = 4
	maxAnswer       = 16 << 10         // characters of the records of an answer
	maxKept         = 16 << 20         // of all answers
	questionTimeout = 20 * time.Second // for the answer of one server, keys included
	findTimeout     = 20 * time.Second // for the way to a zone that does not resolve
	defaultTimeout  = 5 * time.Second
)

// A Comparer asks each name server of a zone by itself. The zero Comparer is ready to use. It
// is safe for concurrent use, and must not be changed after its first use.
type Comparer struct {
	// Resolver finds the zones and their servers, and validates what a server says: whom it
	// asks, its trust anchors and its clock count, and its cache is left alone. Nil means the
	// zero Resolver.
	Resolver *dnssec.Resolver

	// Dial connects to a name server; network is "udp" or "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Allow reports whether an address may be asked that stands in the DNS. Nil refuses what
	// [upstream.Authority] refuses: addresses of this machine and its link, for instance.
	Allow func(netip.Addr) bool

	// Timeout is how long to wait for a reply over UDP, and again over TCP. 0 means five
	// seconds.
	Timeout time.Duration

	// Next returns what is to be asked, too, because of an answer: the addresses of a host
	// that an MX record names, for instance. It is called for each different answer, which
	// may be Bogus, so that it comes from anybody. It must depend on nothing else. Nil asks
	// nothing more. Aliases are followed anyway.
	Next func(Question, *Answer) []Question
}

var errNoQuestion = errors.New("compare: no question is about a domain name")

// Compare asks the questions, and those that follow from the answers, of every server of the
// zones that they lie in. The error is that of the context, or that there is nothing to ask;
// what went wrong with zones and servers is in the Report. It takes seconds, and up to a
// minute where servers are silent; ctx bounds it.
func (c *Comparer) Compare(ctx context.Context, questions ...Question) (*Report, error) {
	s := &session{
		Comparer: c, resolver: overShared(c.Resolver),
		places: make(chan struct{}, maxAskedAtOnce), known: make(map[canonical.Name]*zone), asked: make(map[Question]bool),
	}
	report := &Report{Started: time.Now()}
	queue := s.admit(questions)
	if len(queue) == 0 {
		return nil, errNoQuestion
	}
	for range maxRounds {
		if len(queue) == 0 || ended(ctx) != nil {
			break
		}
		queue = s.round(ctx, queue)
	}
	report.Omitted = s.omitted + len(queue)
	s.askAgain(ctx)
	for _, z := range s.zones {
		report.Zones = append(report.Zones, z.finished())
	}
	report.Path = s.path()
	report.Elapsed = time.Since(report.Started)
	err := ended(ctx)
	report.Incomplete = err != nil
	return report, err
}

// A session is the work of one Compare.
type session struct {
	*Comparer
	resolver *dnssec.Resolver
	places   chan struct{} // of addresses that are asked at the same time
	locks    sync.Map      // of netip.Addr to *sync.Mutex: one question at a time

	// Of the one goroutine that finds zones.
	known   map[canonical.Name]*zone // whose servers are known
	zones   []*zone                  // that questions lie in
	asked   map[Question]bool
	omitted int

	// What tells whether the servers are reached.
	attempted, replied, genuine atomic.Bool

	kept atomic.Int64 // characters of answers
}

// admit returns the questions that were not asked yet, as far as they may be asked.
func (s *session) admit(questions []Question) (queue []Question) {
	for _, q := range questions {
		name, err := canonical.ParseName(q.Name)
		if err != nil {
			continue
		}
		q.Name = name.String()
		switch {
		case s.asked[q]:
		case len(s.asked) == maxQuestions:
			s.omitted++
		default:
			s.asked[q] = true
			queue = append(queue, q)
		}
	}
	return queue
}

// round asks the questions of all servers, and returns those that follow from the answers.
func (s *session) round(ctx context.Context, queue []Question) []Question {
	byZone := make(map[*zone][]Question)
	var zones []*zone
	for _, q := range queue {
		z := s.zoneOf(ctx, mustName(q.Name))
		if !s.take(ctx, z) {
			s.omitted++
			continue
		}
		if byZone[z] = append(byZone[z], q); !slices.Contains(zones, z) {
			zones = append(zones, z)
		}
	}
	inParallel(maxZonesAtOnce, zones, func(z *zone) { s.askServers(ctx, z, byZone[z]) })
	var next []Question
	for _, z := range zones {
		for _, q := range byZone[z] {
			next = append(next, s.follow(z, q)...)
		}
	}
	return s.admit(next)
}

// take reports whether the zone is among those that are compared, or may come to them; then
// its delegation is asked for.
func (s *session) take(ctx context.Context, z *zone) bool {
	switch {
	case slices.Contains(s.zones, z):
	case len(s.zones) == maxZones:
		return false
	default:
		s.zones = append(s.zones, z)
		s.findDelegations(ctx, z)
	}
	return true
}

// follow returns the questions that follow from the answers to one.
func (s *session) follow(z *zone, q Question) (next []Question) {
	var seen []string
	for _, server := range z.servers {
		a := server.Answer(q)
		if a == nil || !a.HasData() || slices.Contains(seen, a.said()) {
			continue
		}
		seen = append(seen, a.said())
		if a.Alias != "" {
			next = append(next, Question{a.Alias, q.Type})
		}
		if s.Next != nil {
			next = append(next, s.Next(q, a)...)
		}
	}
	return next
}

// askAgain asks once more where servers differ.
func (s *session) askAgain(ctx context.Context) {
	inParallel(maxZonesAtOnce, s.zones, func(z *zone) {
		finished := z.finished()
		var questions []Question
		for _, d := range finished.Differences() {
			questions = append(questions, d.Question)
		}
		questions = questions[:min(len(questions), maxAgain)]
		if len(questions) == 0 || ended(ctx) != nil {
			return
		}
		inParallel(maxAskedAtOnce, z.servers, func(server *server) { s.again(ctx, z, server, questions) })
	})
}

// path is what was seen of the way to the servers.
func (s *session) path() Path {
	switch {
	case s.genuine.Load():
		return PathOpen
	case s.replied.Load():
		return PathIntercepted
	case s.attempted.Load():
		return PathBlocked
	}
	return PathUnknown
}

// ended returns why a context has ended. A deadline that is over counts, even if the context
// does not say so yet: what waits for replies has the same deadline, and may be the quicker one.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// inParallel calls a function for each item, so many at a time, and waits for all.
func inParallel[T any](most int, items []T, do func(T)) {
	var all sync.WaitGroup
	places := make(chan struct{}, most)
	for _, item := range items {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			do(item)
		})
	}
	all.Wait()
}

// mustName parses a name that has been parsed before.
func mustName(text string) canonical.Name {
	name, err := canonical.ParseName(text)
	if err != nil {
		return canonical.Root
	}
	return name
}
