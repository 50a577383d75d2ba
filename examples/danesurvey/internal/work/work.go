package work

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// DefaultSync is how often what was kept is put on the disk. The end of the process
// loses nothing in any case; that of the machine loses this much.
const DefaultSync = 5 * time.Second

// A Work is what is left to do of a survey.
type Work struct {
	Store *store.Store
	// Survey finds out. Run sets its Finish, which makes the rows.
	Survey *survey.Survey
	// List is read from its beginning.
	List survey.Source
	// Row says how rows are made.
	Row row.Options
	// Again: lines with a row without a verdict are asked about once more.
	Again bool
	// Sync is how often what was kept is put on the disk. 0 means DefaultSync.
	Sync time.Duration
	// Progress is told of each row. Nil is not.
	Progress *Progress
}

// Run does it. The error is that of the list, of the store, or of ctx, or ErrDeaf if many domains in a row
// found no DNS server, which have no row then; in any case it can be gone on with. All rows are on the disk
// when it returns, unless the store has failed.
func (w *Work) Run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	var syncing sync.WaitGroup
	syncing.Go(func() {
		ticker := time.NewTicker(cmp.Or(w.Sync, DefaultSync))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := w.Store.Sync(); err != nil {
					end(err)
				}
			}
		}
	})
	w.Survey.Finish = func(_ context.Context, r *survey.Row) {
		r.Extra, r.Result = w.make(r), nil // what is in the row is held no longer
	}
	to := &sink{Work: w}
	err := w.Survey.Run(ctx, &source{w}, to)
	if err == nil {
		err = to.flush()
	}
	end(nil)
	syncing.Wait()
	if err != nil {
		w.Store.Sync() // what there is; its error is the one before, or will come again
		return err
	}
	return w.Store.Sync()
}

// A source has what is not done.
type source struct{ *Work }

func (s *source) Next(ctx context.Context) (survey.Entry, error) {
	for {
		e, err := s.List.Next(ctx)
		if err != nil {
			return e, err
		}
		standing, err := s.Store.Standing(s.Row.Vantage, e.Line)
		if err != nil {
			return e, err
		}
		if standing == store.Missing || standing == store.NoVerdict && s.Again {
			return e, nil
		}
	}
}
