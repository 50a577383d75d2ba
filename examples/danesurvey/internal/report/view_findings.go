package report

import (
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// code is a cell with a code, which leads to its documentation if there is any.
func (o Options) code(code string) cellView {
	c := cellView{Text: tables[ofUnknown].labelOf(code), Name: code != ""}
	if diagnosis.Code(code).About() != "" {
		c.Link = o.Docs + diagnosis.Code(code).Link()
	}
	return c
}

func (n *numbers) findingsView(o Options) sectionView {
	about, t := &tables[ofFinding], &n.tables[ofFinding]
	v := sectionView{ID: about.file, Title: about.title, Text: about.text, Open: true}
	lines, rest, more := t.top(about.shown)
	if len(lines) == 0 {
		v.Empty = about.empty
		return v
	}
	var bars []bar
	for _, l := range lines[:min(len(lines), about.drawn)] {
		class := severityBadge(diagnosis.Severity(l.Severity)).Class
		bars = append(bars, bar{Label: l.Name, Value: n.shareOf(l), Parts: []part{{class, l.Domains}}})
	}
	v.bars(both(v.ID), bars)
	for _, severity := range []diagnosis.Severity{diagnosis.Broken, diagnosis.Unknown, diagnosis.Warning, diagnosis.Note} {
		v.Legend = append(v.Legend, severityBadge(severity))
	}
	v.Table.Head = []headView{
		{"Code", false}, {"Severity", false}, {"What it is about", false},
		{"Domains", true}, {"Share", true}, {"Matters most", true},
	}
	for _, l := range lines {
		b := severityBadge(diagnosis.Severity(l.Severity))
		v.Table.add(o.code(l.Name), cellView{Badge: &b}, aboutCode(l.Name), number(l.Domains),
			share(l.Domains, n.all.Domains), number(l.First))
	}
	if rest.Domains > 0 {
		v.Table.add(cellView{Text: otherLines(more, t.low == 0)}, cellView{}, cellView{},
			number(rest.Domains), cellView{}, number(rest.First))
	}
	if note := t.off(); note != "" {
		v.Notes = append(v.Notes, note)
	}
	return v
}

// unknown is about what was not asked, or not answered.
func (n *numbers) unknown(o Options) sectionView {
	about, t := &tables[ofUnknown], &n.tables[ofUnknown]
	v := sectionView{ID: about.file, Title: about.title, Text: about.text, Open: true}
	for _, note := range []struct {
		n    int
		text string
	}{
		{n.local, "lacked something of the machine that asked, such as a file descriptor or a route."},
		{n.busy, "had a mail server that said it was busy, or refused the machine that asked."},
		{n.noVerdict, "can be asked again: the survey has not come to a verdict."},
	} {
		if note.n > 0 {
			v.Notes = append(v.Notes, count(note.n, "domain ", "domains ")+note.text)
		}
	}
	lines, rest, more := t.top(about.shown)
	if len(lines) == 0 {
		v.Empty = about.empty
		return v
	}
	v.Table.Head = []headView{{"Why", false}, {"What it is about", false}, {"Domains", true}, {"Share", true}}
	for _, l := range lines {
		v.Table.add(o.code(l.Name), aboutCode(l.Name), number(l.Domains), share(l.Domains, n.all.Domains))
	}
	if rest.Domains > 0 {
		v.Table.add(cellView{Text: otherLines(more, t.low == 0)}, cellView{}, number(rest.Domains), cellView{})
	}
	return v
}

// aboutCode is a cell with what findings of a code are about.
func aboutCode(code string) cellView {
	if code == "" {
		return cellView{}
	}
	return cellView{Text: about(code), Sentence: true}
}
