package survey

import (
	"context"
	"time"

	"github.com/danesmtp/danesmtp/dane"
)

// A Source has the domains of a survey, one after the other.
type Source interface {
	// Next returns the next entry, or io.EOF after the last one. It is called by one
	// goroutine at a time. Any other error ends the survey.
	Next(ctx context.Context) (Entry, error)
}

// A Sink takes what was found.
type Sink interface {
	// Put takes a row. It is called by one goroutine at a time, in the order in which rows
	// are ready, unless Survey.InOrder is set. An error ends the survey.
	Put(ctx context.Context, row Row) error
}

// An Entry is one line of a list.
type Entry struct {
	// Line is its number, and Input what stands there; they come back in the Row.
	Line  int
	Input string
	// Domain that is asked about.
	Domain string
	// Err says why the line has no domain. Then nothing is asked.
	Err error
	// End is how many octets of the list there are up to the end of the line, for who says how
	// far it is; 0 if that is not known.
	End int64
}

// A Row is what was found out about an entry.
type Row struct {
	Entry
	// Result and Err are what Verify returned; the Result is nil where Entry.Err is set. A Result
	// that is Local or Unresolved is no verdict.
	Result *dane.Result
	Err    error
	// Shared counts the connections that were not made, as it was known what the server
	// shows. Seen is when the oldest of that was seen; zero if there is none.
	Shared int
	Seen   time.Time
	// Busy: an address was not connected to, or a DNS server not asked, as it has long been busy.
	// If the outcome is a failure it is no verdict.
	Busy bool
	// Extra is for Survey.Finish.
	Extra any
}

// ErrBusy is why an address was not connected to that has said 421, or has refused connections
// or the client, again and again; or why a DNS server was not asked that is left alone. It is
// [dane.ErrBusy].
var ErrBusy = dane.ErrBusy

// Verdict reports whether the row says something about the domain.
func (r *Row) Verdict() bool {
	return r.Result != nil && r.Err == nil && !r.Result.Local && !r.Result.Unresolved &&
		!(r.Busy && r.Result.Outcome == dane.OutcomeFailure)
}
