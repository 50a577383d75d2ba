package report

import (
	"cmp"
	"maps"
	"slices"
)

// MaxNames bounds the lines of a table that strangers choose the names of. Beside a million
// domains no count is further off than 61.
const MaxNames = 1 << 15

// A tally is what is counted about the domains of a line.
type tally struct {
	Domains int
	First   int // of Domains: it is what matters most about them
	DANE    int // of Domains: a host of theirs has TLSA records that count
	States  [states]int
	// Severity is the gravest of a finding.
	Severity uint8
}

func (t *tally) add(other tally) {
	t.Domains += other.Domains
	t.First += other.First
	t.DANE += other.DANE
	for i := range t.States {
		t.States[i] += other.States[i]
	}
	t.Severity = max(t.Severity, other.Severity)
}

func (t *tally) subtract(other tally) {
	t.Domains -= other.Domains
	t.First -= other.First
	t.DANE -= other.DANE
	for i := range t.States {
		t.States[i] -= other.States[i]
	}
}

// A frequent counts the names that come most often among any number of them, in bounded
// memory: see the package's comment. The zero frequent is ready to use.
type frequent struct {
	limit int // 0 means MaxNames
	names map[string]*counted
	total tally
	// low is how much too low a count may be.
	low int
}

type counted struct {
	tally
	weight int
}

// add counts t for a name, of which at most [maxName] octets of printable ASCII count.
func (f *frequent) add(name string, t tally) {
	name = clip(name)
	f.total.add(t)
	if f.names == nil {
		f.names = make(map[string]*counted)
	}
	c := f.names[name]
	if c == nil {
		if len(f.names) >= cmp.Or(f.limit, MaxNames) {
			f.makeRoom()
		}
		c = new(counted)
		f.names[name] = c
	}
	c.tally.add(t)
	c.weight += t.Domains
}

// makeRoom takes the median of all weights off each. At least half of the names go.
func (f *frequent) makeRoom() {
	weights := make([]int, 0, len(f.names))
	for _, c := range f.names {
		weights = append(weights, c.weight)
	}
	slices.Sort(weights)
	median := weights[len(weights)/2]
	f.low += median
	for name, c := range f.names {
		if c.weight -= median; c.weight <= 0 {
			delete(f.names, name)
		}
	}
}

// A line is one of a table.
type line struct {
	Name string
	tally
}

// top returns the first n lines, and what is counted in none of them. more is how many other
// lines there are, or would be.
func (f *frequent) top(n int) (lines []line, others tally, more int) {
	others = f.total
	for _, name := range slices.SortedFunc(maps.Keys(f.names), f.compare) {
		if len(lines) == n {
			more++
			continue
		}
		lines = append(lines, line{name, f.names[name].tally})
		others.subtract(f.names[name].tally)
	}
	return lines, others, more
}

// compare orders names by how often they come, and those that come as often by themselves.
func (f *frequent) compare(a, b string) int {
	return cmp.Or(cmp.Compare(f.names[b].Domains, f.names[a].Domains), cmp.Compare(a, b))
}
