package report

import (
	"fmt"
	"strings"
)

const shownDifferences = 20

// vantagePoints compares them.
func (r *Report) vantagePoints() sectionView {
	v := sectionView{
		ID: "vantages", Title: "Vantage points", Open: true,
		Text: "The same domains, asked from different places. All else on this page is what one of them saw.",
	}
	var bars []bar
	v.Table.Head = []headView{{"Vantage point", false}, {"Asked", false}, {"Domains", true}}
	for _, state := range stateOrder {
		v.Table.Head = append(v.Table.Head, headView{capital(state.String()), true})
	}
	for _, name := range r.names() {
		n := r.vantages[name]
		bars = append(bars, bar{Label: n.shownVantage(), Value: grouped(n.all.Domains), Parts: n.all.parts()})
		cells := []cellView{
			{Text: n.shownVantage(), Name: true}, {Text: shownTime(n.first) + " to " + shownTime(n.last)}, number(n.all.Domains),
		}
		for _, state := range stateOrder {
			cells = append(cells, number(n.all.States[state]))
		}
		v.Table.add(cells...)
	}
	const text = "A bar for each vantage point, of which each state has its share. The table has the numbers."
	for _, p := range both(v.ID) {
		p.full = true
		v.Charts = append(v.Charts, p.bars("States by vantage point", text, bars))
	}
	for _, state := range stateOrder {
		v.Legend = append(v.Legend, stateBadge(state))
	}
	v.Notes = r.differencesSaid()
	for _, far := range r.Unfinished() {
		v.Notes = append(v.Notes, far+".")
	}
	return v
}

// differencesSaid are the notes about where vantage points differ.
func (r *Report) differencesSaid() []string {
	all, several := r.differences()
	notes := []string{"No domain was asked from more than one of them."}
	differing := 0
	for i, d := range all {
		differing += d.Domains
		if i < shownDifferences {
			notes = append(notes, r.said(d))
		}
	}
	if several > 0 {
		notes[0] = fmt.Sprintf("They differ about %s of %s that more than one of them asked.",
			grouped(differing), count(several, "domain", "domains"))
	}
	if r.leftOut > 0 {
		notes = append(notes, fmt.Sprintf("%s left out: there are more than %d vantage points.",
			count(r.leftOut, "row is", "rows are"), MaxVantages))
	}
	return notes
}

// said puts a difference into words.
func (r *Report) said(d difference) string {
	if d.States == nil {
		return count(d.Domains, "domain differs in other ways.", "domains differ in other ways.")
	}
	var parts []string
	for i, name := range r.names() {
		if d.States[i] != "" {
			parts = append(parts, d.States[i]+" from "+r.vantages[name].shownVantage())
		}
	}
	text := count(d.Domains, "domain", "domains") + ": " + strings.Join(parts, ", ")
	if len(d.First) > 0 {
		text += "; such as " + strings.Join(d.First, ", ")
	}
	return text + "."
}
