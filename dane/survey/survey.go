package survey

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
)

// A Survey finds out about many domains. The zero Survey is ready to use. It must not be
// changed or copied after its first use, and is safe for concurrent use. It is one vantage
// point, and remembers what servers showed from one Run to the next.
type Survey struct {
	// Checker says how a domain is checked. Nil means the zero Checker. Its Prober is not used.
	Checker *dane.Checker
	// Planned: no mail server is connected to, as by Checker.Plan.
	Planned bool
	// Parallel bounds the domains that Run works on at a time, not counting those that wait for
	// a server that is left alone. 0 means 32.
	Parallel int
	// Timeout bounds the work on one domain. What it waits for its turn does not count. 0 means
	// 12 minutes.
	Timeout time.Duration
	// Limits on connections and queries.
	Limits Limits
	// Share is how long what a server showed is good for others, but ten minutes at most for
	// failures. 0 means an hour; with a negative one nothing is shared.
	Share time.Duration
	// Look makes the connections, in a process that has those of many others, too: it is given what
	// is not known here, and is called when the limits of this Survey allow it. The clock of a domain
	// stands meanwhile, so that Look has to end by itself. Nobody is verified in them, so it cannot
	// serve where Checker.Verifier.TLS has hooks. Nil means that they are made from here.
	Look func(ctx context.Context, p *dane.Probe) (Sighting, error)
	// Memory bounds what is kept to be shared, in octets. 0 means 64 MiB.
	Memory int
	// Finish, if it is not nil, is called by Run for each row before the sink has it, for several
	// at a time, each in the place of its domain: for further questions, and for what takes long
	// to write. What it makes of the row goes into Row.Extra. Timeout does not bound it.
	Finish func(ctx context.Context, row *Row)
	// InOrder: Run gives rows to the sink in the order of the source. Rows that are ready
	// before their turn are held, 16 for each domain that is worked on at a time, but 1,024 at
	// most or as many as Parallel; then the source is not read on until the first one is ready.
	InOrder bool

	once    sync.Once
	limiter *limiter
	cache   *cache
	lacks   lacks
}

func (s *Survey) start() {
	s.once.Do(func() {
		s.limiter = newLimiter(s.Limits)
		s.cache = newCache(cmp.Or(s.Memory, defaultMemory), cmp.Or(s.Share, DefaultShare))
	})
}

// Verify finds out about one domain, whatever Parallel is. A lack of this machine is waited
// for. When ctx ends, the row is what came of it until then, as that of Checker.Verify.
func (s *Survey) Verify(ctx context.Context, domain string) Row {
	return s.row(ctx, Entry{Input: domain, Domain: domain}, nil)
}

// row finds out about an entry. What waits gives its place up.
func (s *Survey) row(ctx context.Context, e Entry, places chan struct{}) Row {
	if e.Err != nil {
		return Row{Entry: e}
	}
	s.start()
	for n, busy := 1, 1; ; {
		s.lacks.wait(ctx)
		row := s.try(ctx, e, places)
		wait, unasked := s.limiter.unasked(&row)
		switch {
		case ctx.Err() != nil:
			return row
		case unasked && !wait.IsZero() && busy < maxBusyTries:
			busy++
			aside(ctx, wait, places)
		case unasked:
			row.Busy = true
			return row
		case s.lacks.again(&row, n):
			n++
		default:
			return row
		}
	}
}

// try is one of several, if this machine lacks something.
func (s *Survey) try(ctx context.Context, e Entry, places chan struct{}) Row {
	clock := newClock(ctx, cmp.Or(s.Timeout, defaultTimeout))
	defer clock.end(context.Canceled)
	// One for all that is made from the clock: of those of package context others are made for less.
	ctx, cancel := context.WithCancel(clock)
	defer cancel()
	visit := &visit{survey: s, clock: clock, places: places}
	var checker dane.Checker
	if s.Checker != nil {
		checker = *s.Checker
	}
	checker.Prober = visit
	row := Row{Entry: e}
	if s.Planned {
		row.Result, row.Err = checker.Plan(ctx, e.Domain)
	} else {
		row.Result, row.Err = checker.Verify(ctx, e.Domain)
	}
	row.Shared, row.Seen, row.Busy = visit.shared, visit.seen, visit.busy
	return row
}

// Run finds out about all that the source has, and gives each row to the sink. It returns nil
// once that is done, or the first error of the source or the sink, or that of ctx; domains that
// it has cut short have no row.
func (s *Survey) Run(ctx context.Context, source Source, sink Sink) error {
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := &run{survey: s, sink: sink, end: end, held: make(chan struct{}, s.holds()), places: make(chan struct{}, s.parallel()), next: make(chan task)}
	failed := r.read(running, source)
	r.domains.Wait()
	if err := context.Cause(running); err != nil {
		return err
	}
	return failed
}

func (s *Survey) parallel() int { return cmp.Or(s.Parallel, defaultParallel) }

// holds is how many domains are held, those that are worked on included.
func (s *Survey) holds() int {
	if s.InOrder {
		return max(s.parallel(), min(heldPerPlace*s.parallel(), maxHeldInOrder))
	}
	return heldPerPlace * s.parallel()
}
