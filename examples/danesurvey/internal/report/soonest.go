package report

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// maxEnds is how many of the next ends are listed, of each kind.
const maxEnds = 200

// soonest keeps the things that end next. It has those of each day apart, as the day on which a survey ends is known
// after its last row only. The zero soonest is ready to use.
type soonest struct {
	days map[int64]*dayList
}

// An end is that of something with a name.
type end struct {
	name string
	at   int64 // seconds
}

func (a end) compare(b end) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.name, b.name))
}

// A dayList has the first ends of a day.
type dayList struct {
	domains map[end]int // how many each concerns
	all     int         // together, with those of ends that are not in the list
	full    bool        // some are not
	first   end         // of these, as far as it is full
}

// add adds an end, unless it is before a day. No day before that is asked for any more.
func (s *soonest) add(name string, at time.Time, from int64) {
	on := dayOf(at)
	if on < from {
		return
	}
	list := s.days[on]
	if list == nil {
		maps.DeleteFunc(s.days, func(on int64, _ *dayList) bool { return on < from })
		if s.days == nil {
			s.days = make(map[int64]*dayList)
		}
		list = &dayList{domains: make(map[end]int)}
		s.days[on] = list
	}
	list.add(end{clip(name), at.Unix()})
}

func (l *dayList) add(one end) {
	l.all++
	if l.full && one.compare(l.first) >= 0 {
		return
	}
	l.domains[one]++
	if len(l.domains) <= maxEnds+maxEnds/4 {
		return
	}
	// What comes before the first one that goes has never gone: its number is whole.
	all := l.sorted()
	l.full, l.first = true, all[maxEnds]
	for _, one := range all[maxEnds:] {
		delete(l.domains, one)
	}
}

// sorted returns the ends, the next one first.
func (l *dayList) sorted() []end { return slices.SortedFunc(maps.Keys(l.domains), end.compare) }

// nextEnds are those of some days.
type nextEnds struct {
	Ends    []endOf
	Others  int  // domains of ends that are not among them, once for each end
	More    int  // of such ends
	Inexact bool // there are even more
}

type endOf struct {
	end
	Domains int
}

// between returns at most limit ends, which is at most maxEnds, from one day to another.
func (s *soonest) between(from, until int64, limit int) (next nextEnds) {
	for on := from; on <= until; on++ {
		list := s.days[on]
		if list == nil {
			continue
		}
		next.Others += list.all
		next.Inexact = next.Inexact || list.full
		for _, one := range list.sorted() {
			if len(next.Ends) == limit {
				next.More++
				continue
			}
			next.Ends = append(next.Ends, endOf{one, list.domains[one]})
			next.Others -= list.domains[one]
		}
	}
	return next
}
