package report

import (
	"fmt"
	"strings"
	"time"
)

const shownEnds = 12 // of each kind

// endsView is about what ends in the next days.
func (n *numbers) endsView() sectionView {
	v := sectionView{ID: "ends", Title: "What ends soon", Open: true, Text: fmt.Sprintf(
		"In the %d days after the survey. Signatures are made anew by those who run the zone, mostly some days "+
			"before they end: what has only hours left may have been forgotten. A certificate that ends stops mail "+
			"only where a TLSA record has usage 2; the others are shown as without effect.", shownDays)}
	var signatures, certificates []column
	var some dayEnds
	for i := range int64(shownDays + 1) {
		at := dayOf(n.last) + i
		ends := n.ends.days[at]
		some.Signatures += ends.Signatures
		some.Certificates += ends.Certificates
		some.Idle += ends.Idle
		when := time.Unix(at*int64(day/time.Second), 0).UTC()
		signatures = append(signatures, column{when, []part{{classPlain, ends.Signatures}}})
		certificates = append(certificates, column{when, []part{{classWarning, ends.Certificates}, {classNone, ends.Idle}}})
	}
	if some == (dayEnds{}) {
		v.Empty = fmt.Sprintf("Nothing is known to end within %d days.", shownDays)
		return v
	}
	const text = "A column for each of the next days, on which the first one of so many domains ends."
	if some.Signatures > 0 {
		p := plan{id: "ends-signatures", class: "small", width: narrowDrawing}
		v.Charts = append(v.Charts, p.columns("Domains whose first signature ends", text, signatures))
		v.Legend = append(v.Legend, badge{classPlain, "signature"})
	}
	if some.Certificates+some.Idle > 0 {
		p := plan{id: "ends-certificates", class: "small", width: narrowDrawing}
		v.Charts = append(v.Charts, p.columns("Domains whose first certificate ends", text, certificates))
		v.Legend = append(v.Legend,
			badge{classWarning, "certificate that counts"}, badge{classNone, "certificate without effect"})
	} else {
		v.Notes = append(v.Notes, fmt.Sprintf("No certificate is known to end within %d days.", shownDays))
	}
	n.nextEnds(&v)
	return v
}

// nextEnds adds a table of what ends next.
func (n *numbers) nextEnds(v *sectionView) {
	v.Table.Head = []headView{{"What", false}, {"Of", false}, {"Ends", false}, {"Left", true}, {"Domains", true}}
	some := false
	for _, of := range []struct {
		what string
		*soonest
	}{{"Signatures", &n.ends.signatures}, {"Certificate", &n.ends.certificates}} {
		next := of.between(dayOf(n.last), dayOf(n.last)+shownDays, shownEnds)
		for _, one := range next.Ends {
			at := time.Unix(one.at, 0)
			left := "ended since"
			if !at.Before(n.last) {
				left = shownSpan(at.Sub(n.last))
			}
			v.Table.add(
				cellView{Text: of.what}, cellView{Text: strings.TrimSuffix(one.name, "."), Name: true},
				cellView{Text: shownTime(at)}, cellView{Text: left, Number: true}, number(one.Domains),
			)
		}
		if next.Others > 0 {
			some = true
			v.Table.add(cellView{Text: of.what}, cellView{Text: otherLines(next.More, !next.Inexact)},
				cellView{}, cellView{}, number(next.Others))
		}
	}
	if some {
		v.Notes = append(v.Notes, fmt.Sprintf(
			"Of each kind the table has the next %d. The others are counted together, a domain once for each.", shownEnds))
	}
}
