package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

const (
	linesPerPage = 64
	// maxDiffering is how many domains are named about which vantage points differ.
	maxDiffering = 200
	// maxLine bounds the lines that are compared.
	maxLine = 1<<31 - 1
	// maxDifferences bounds the ways in which vantage points differ that are told apart.
	maxDifferences = 1000
)

// A comparison has the state of each line from each vantage point. The zero comparison is ready
// to use.
type comparison struct {
	pages map[int]*[linesPerPage]cell
	names map[int]string // of lines of which more than one state is known
	limit int            // lines from there on have no name; 0 means none
}

// A cell has a state and one for each vantage point, or 0 where there is no row.
type cell [MaxVantages]uint8

func (c *comparison) add(e *entry, place int) {
	if e.Line < 0 || e.Line >= maxLine {
		return
	}
	if c.pages == nil {
		c.pages, c.names = make(map[int]*[linesPerPage]cell), make(map[int]string)
	}
	page := c.pages[e.Line/linesPerPage]
	if page == nil {
		page = new([linesPerPage]cell)
		c.pages[e.Line/linesPerPage] = page
	}
	at := &page[e.Line%linesPerPage]
	at[place] = uint8(e.state) + 1
	if at.differs() && (c.limit == 0 || e.Line < c.limit) {
		c.names[e.Line] = clip(e.Domain)
		c.prune()
	}
}

// prune keeps the names of the first lines.
func (c *comparison) prune() {
	if len(c.names) <= 2*maxDiffering {
		return
	}
	lines := slices.Sorted(maps.Keys(c.names))
	c.limit = lines[maxDiffering]
	for _, line := range lines[maxDiffering:] {
		delete(c.names, line)
	}
}

func (c *cell) differs() bool {
	var seen uint8
	for _, state := range c {
		if seen != 0 && state != 0 && state != seen {
			return true
		}
		seen = max(seen, state)
	}
	return false
}

// A difference is how many domains have a state from each vantage point, in the order of
// their names, which is not the same from all.
type difference struct {
	States  []string // empty where there is no row; nil for all other ways
	Domains int
	First   []string // some of the domains
}

// maxExamples is how many domains are named of each difference.
const maxExamples = 5

// differences returns the most frequent first, and how many domains are seen from more than one
// vantage point.
func (r *Report) differences() (all []difference, several int) {
	names := r.names()
	bySignature := make(map[string]*difference)
	for _, number := range slices.Sorted(maps.Keys(r.compared.pages)) {
		page := r.compared.pages[number]
		for i := range page {
			if page[i].rows() > 1 {
				several++
			}
			if !page[i].differs() {
				continue
			}
			states := make([]string, 0, len(names))
			for _, name := range names {
				states = append(states, stateName(page[i][r.vantages[name].place]))
			}
			signature := strings.Join(states, " ")
			d := bySignature[signature]
			if d == nil && len(bySignature) >= maxDifferences {
				signature, states = "", nil // in other ways
				d = bySignature[signature]
			}
			if d == nil {
				d = &difference{States: states}
				bySignature[signature] = d
			}
			d.Domains++
			if name := r.compared.names[number*linesPerPage+i]; name != "" && len(d.First) < maxExamples {
				d.First = append(d.First, name)
			}
		}
	}
	for _, signature := range slices.SortedFunc(maps.Keys(bySignature), func(a, b string) int {
		return cmp.Or(cmp.Compare(bySignature[b].Domains, bySignature[a].Domains), cmp.Compare(a, b))
	}) {
		all = append(all, *bySignature[signature])
	}
	return all, several
}

// rows counts the vantage points that have seen the line.
func (c *cell) rows() (n int) {
	for _, state := range c {
		n += one(state != 0)
	}
	return n
}

func stateName(state uint8) string {
	if state == 0 {
		return ""
	}
	return diagnosis.State(state - 1).String()
}
