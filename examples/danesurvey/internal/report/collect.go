package report

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// MaxVantages bounds the vantage points of a report.
const MaxVantages = 8

// A Report has the numbers of a survey. Make one with [Collect]. Writing it does not change it.
type Report struct {
	// Lines are how many the list has, so that it is known which vantage points are not through it. 0 means that this is
	// not known.
	Lines int

	vantages map[string]*numbers
	compared comparison
	// leftOut are the rows of vantage points beyond MaxVantages.
	leftOut int
}

// states is how many there are.
const states = int(diagnosis.StateBroken) + 1

// stateOrder is that in which states are shown: what is best first.
var stateOrder = [states]diagnosis.State{
	diagnosis.StateOK, diagnosis.StateWarning, diagnosis.StateBroken, diagnosis.StateNone, diagnosis.StateUnknown,
}

// numbers are those of one vantage point.
type numbers struct {
	vantage                  string
	place                    int // among the vantage points
	rows, bad                int // lines of the list, and those without a domain
	all                      tally
	broken                   int // domains with DANE that are
	noVerdict, local, busy   int
	seen                     int // domains with a server that was connected to for another one
	planned                  int // domains that were looked up only
	first, last              time.Time
	tables                   [kinds]frequent
	named, networks, guessed int // domains whose name servers are known by name, by address, and not
	ends                     ends
}

// Collect counts rows, in any order. Their texts are the lines of JSON that package row writes,
// and are not kept. The error is that of the texts, or it says that one is no row.
func Collect(texts iter.Seq2[[]byte, error]) (*Report, error) {
	r := &Report{vantages: make(map[string]*numbers)}
	for e, err := range entries(texts) {
		if err != nil {
			return nil, err
		}
		r.add(e)
	}
	return r, nil
}

func (r *Report) add(e *entry) {
	n := r.vantages[e.Vantage]
	if n == nil {
		if len(r.vantages) == MaxVantages {
			r.leftOut++
			return
		}
		n = &numbers{vantage: e.Vantage, place: len(r.vantages)}
		r.vantages[e.Vantage] = n
	}
	n.add(e)
	if !e.bad() {
		r.compared.add(e, n.place)
	}
}

func (n *numbers) add(e *entry) {
	n.rows++
	if !e.At.IsZero() {
		if n.first.IsZero() || e.At.Before(n.first) {
			n.first = e.At
		}
		if end := e.At.Add(e.elapsed()); end.After(n.last) {
			n.last = end
		}
	}
	if e.bad() {
		n.bad++
		return
	}
	dane := e.dane("")
	n.all.add(e.tally(dane))
	n.broken += one(dane && e.state == diagnosis.StateBroken)
	n.noVerdict += one(e.NoVerdict)
	n.local += one(e.Local)
	n.busy += one(e.Busy)
	n.seen += one(e.Seen != "")
	n.planned += one(e.Plan != "")
	n.count(e)
	n.ends.add(e, n.last)
}

// maxElapsed bounds what a row may say of how long it took, which says when a survey ended.
const maxElapsed = 24 * time.Hour

func (e *entry) elapsed() time.Duration {
	return time.Duration(min(max(e.Elapsed, 0), float64(maxElapsed.Milliseconds())) * float64(time.Millisecond))
}

// tally is what one domain adds to a line.
func (e *entry) tally(dane bool) tally {
	t := tally{Domains: 1, DANE: one(dane)}
	t.States[e.state] = 1
	return t
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// names returns the vantage points, in the order of their names.
func (r *Report) names() []string { return slices.Sorted(maps.Keys(r.vantages)) }

// main returns the vantage point that a page is about: the one that is asked for, or that with
// most rows. It is never nil.
func (r *Report) main(vantage string) *numbers {
	if n := r.vantages[vantage]; vantage != "" && n != nil {
		return n
	}
	best := new(numbers)
	for _, name := range r.names() {
		if n := r.vantages[name]; cmp.Compare(n.rows, best.rows) > 0 {
			best = n
		}
	}
	return best
}

// lines are how many the list has, as far as it is known.
func (r *Report) lines(n *numbers) int { return max(r.Lines, n.rows) }

// unfinished says how far a vantage point is that is not through the list; nothing if it is.
func (r *Report) unfinished(n *numbers) string {
	if all := r.lines(n); n.rows < all {
		return fmt.Sprintf("%s of %s have a row", grouped(n.rows), count(all, "line", "lines"))
	}
	return ""
}

// Unfinished says how far each vantage point is that is not through the list: "606 of 2,000 lines have a row", with its name if
// it has one.
func (r *Report) Unfinished() (all []string) {
	if len(r.vantages) == 0 && r.Lines > 0 {
		return []string{r.unfinished(new(numbers))}
	}
	for _, name := range r.names() {
		if far := r.unfinished(r.vantages[name]); far != "" && name != "" {
			all = append(all, far+" from "+clip(name))
		} else if far != "" {
			all = append(all, far)
		}
	}
	return all
}

// Vantages returns the names of the vantage points, in order. That of one machine is empty.
func (r *Report) Vantages() []string { return r.names() }
