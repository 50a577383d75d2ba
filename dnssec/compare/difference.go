package compare

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/miekg/dns"
)

// A Difference is a question to which the servers of a zone give different answers.
type Difference struct {
	Question Question
	Groups   []Group // by answer, the most frequent first
	// Varies: one server alone gives different answers when it is asked twice, so that
	// they are probably meant to vary.
	Varies bool
}

// A Group is servers that say the same.
type Group struct {
	Answer  *Answer // of the first of them
	Said    string  // in a line
	Servers []*Server
}

// Differences returns the questions to which servers of the zone give different answers.
// Serial numbers are not among them; see [Zone.Serials].
func (z *Zone) Differences() (all []Difference) {
	for _, q := range z.Questions() {
		if q.Type == dns.TypeSOA {
			continue
		}
		d := Difference{Question: q}
		for i := range z.Servers {
			s := &z.Servers[i]
			a := s.Answer(q)
			if a == nil || !a.HasData() {
				continue
			}
			d.Varies = d.Varies || a.Varies
			at := slices.IndexFunc(d.Groups, func(g Group) bool { return g.Answer.said() == a.said() })
			if at < 0 {
				at = len(d.Groups)
				d.Groups = append(d.Groups, Group{Answer: a, Said: a.Said()})
			}
			d.Groups[at].Servers = append(d.Groups[at].Servers, s)
		}
		if len(d.Groups) > 1 {
			sortGroups(d.Groups)
			all = append(all, d)
		}
	}
	return all
}

// Serials returns the servers by the serial number of the zone that they have. There is one
// Group if all have the same.
func (z *Zone) Serials() (groups []Group) {
	for i := range z.Servers {
		s := &z.Servers[i]
		a := s.Answer(Question{z.Name, dns.TypeSOA})
		if a == nil || !a.HasData() || len(a.Records) == 0 {
			continue
		}
		said := strconv.FormatUint(uint64(s.Serial), 10)
		at := slices.IndexFunc(groups, func(g Group) bool { return g.Said == said })
		if at < 0 {
			at = len(groups)
			groups = append(groups, Group{Answer: a, Said: said})
		}
		groups[at].Servers = append(groups[at].Servers, s)
	}
	sortGroups(groups)
	return groups
}

// Questions returns all that the servers were asked.
func (z *Zone) Questions() (all []Question) {
	for i := range z.Servers {
		for _, a := range z.Servers[i].Answers {
			if !slices.Contains(all, a.Question) {
				all = append(all, a.Question)
			}
		}
	}
	return all
}

func sortGroups(groups []Group) {
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(len(b.Servers), len(a.Servers)) })
}
