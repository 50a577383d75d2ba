package survey

import (
	"cmp"
	"context"
	"errors"
	"io"
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
	// Memory bounds what is kept to be shared, in octets. 0 means 64 MiB.
	Memory int

	once    sync.Once
	limiter *limiter
	cache   *cache
	lacks   lacks
}

func (s *Survey) start() {
	s.once.Do(func() {
		s.limiter = newLimiter(s.Limits)
		s.cache = newCache(cmp.Or(s.Memory, defaultMemory), cmp.Or(s.Share, defaultShare))
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
	for n := 1; ; n++ {
		s.lacks.wait(ctx)
		row := s.try(ctx, e, places)
		if ctx.Err() != nil || !s.lacks.again(&row, n) {
			return row
		}
	}
}

// try is one of several, if this machine lacks something.
func (s *Survey) try(ctx context.Context, e Entry, places chan struct{}) Row {
	clock := newClock(ctx, cmp.Or(s.Timeout, defaultTimeout))
	defer clock.end(context.Canceled)
	visit := &visit{survey: s, clock: clock, places: places}
	var checker dane.Checker
	if s.Checker != nil {
		checker = *s.Checker
	}
	checker.Prober = visit
	verify := checker.Verify
	if s.Planned {
		verify = checker.Plan
	}
	row := Row{Entry: e}
	row.Result, row.Err = verify(clock, e.Domain)
	row.Shared, row.Seen, row.Busy = visit.shared, visit.seen, visit.busy
	return row
}

// Run finds out about all that the source has, and gives each row to the sink. It returns nil
// once that is done, or the first error of the source or the sink, or that of ctx; domains that
// it has cut short have no row.
func (s *Survey) Run(ctx context.Context, source Source, sink Sink) error {
	run, end := context.WithCancelCause(ctx)
	defer end(nil)
	parallel := cmp.Or(s.Parallel, defaultParallel)
	held, places := make(chan struct{}, heldPerPlace*parallel), make(chan struct{}, parallel)
	var failed error // of the source
	var running sync.WaitGroup
	var printing sync.Mutex
	for take(run, held) && take(run, places) {
		entry, err := source.Next(run)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				failed = err
			}
			<-places // those that wait need it
			break
		}
		running.Go(func() {
			defer func() { <-held }()
			row := s.row(run, entry, places)
			<-places
			printing.Lock()
			defer printing.Unlock()
			if run.Err() != nil {
				return
			}
			if err := sink.Put(run, row); err != nil {
				end(err)
			}
		})
	}
	running.Wait()
	if err := context.Cause(run); err != nil {
		return err
	}
	return failed
}

// take waits for room in a channel; false if ctx ends before.
func take(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
