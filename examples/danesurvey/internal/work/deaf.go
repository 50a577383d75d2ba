package work

import (
	"context"
	"errors"
	"fmt"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// ErrDeaf says that no DNS server answers with what DNSSEC needs, whichever domain it is asked about.
var ErrDeaf = errors.New("no DNS server answers with what DNSSEC needs")

// MaxDeaf is how many domains in a row may say so. The rest of the list would say it, too, within
// a second, and have rows that take another survey to replace.
const MaxDeaf = 50

// made is a row that is ready, where several are made at a time.
type made struct {
	row  row.Row
	err  error
	asks bool  // somebody was asked
	deaf error // nobody answered
}

// Heard reports whether somebody was asked about a row's domain, and why nobody answered, if it was so.
func Heard(r *survey.Row) (asks bool, deaf error) {
	res := r.Result
	if res == nil || res.Domain == nil {
		return false, nil
	}
	if res.Unresolved {
		return true, res.Err
	}
	return true, nil
}

func (w *Work) make(r *survey.Row) made {
	var m made
	m.asks, m.deaf = Heard(r)
	m.row, m.err = row.Of(r, w.Row)
	return m
}

// A sink keeps rows.
type sink struct {
	*Work
	deaf []made // in a row, which are kept when a DNS server answers or the list ends
}

func (s *sink) Put(_ context.Context, r survey.Row) error {
	one := r.Extra.(made)
	switch {
	case one.err != nil:
		return one.err
	case one.deaf == nil && !one.asks:
		return s.keep(one)
	case one.deaf == nil:
		return errors.Join(s.flush(), s.keep(one))
	}
	if s.deaf = append(s.deaf, one); len(s.deaf) < MaxDeaf {
		return nil
	}
	return fmt.Errorf("%w, for %d domains in a row; of %s: %w", ErrDeaf, MaxDeaf, one.row.Input, one.deaf)
}

// flush keeps the rows that were held.
func (s *sink) flush() error {
	for _, one := range s.deaf {
		if err := s.keep(one); err != nil {
			return err
		}
	}
	s.deaf = nil
	return nil
}

func (s *sink) keep(one made) error {
	if err := s.Store.Keep(one.row); err != nil {
		return err
	}
	if s.Progress != nil {
		s.Progress.Count(one.row.State, one.row.Finding)
	}
	return nil
}
