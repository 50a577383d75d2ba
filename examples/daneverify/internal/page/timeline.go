package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// soon is how near an end is a warning.
const soon = diagnosis.DefaultWithin

// A period is something that ends.
type period struct {
	what, name  string
	from, until time.Time
	idle        string // why its end does no harm; empty if it does
}

// renewsItself reports whether it is a signature that its signer will replace by itself, as far
// as anybody can tell: one that ends soon was not.
func (p *period) renewsItself(now time.Time) bool {
	return strings.HasPrefix(p.what, "Signature") && p.until.Sub(now) > soon
}

// periods returns what ends, the next end first.
func periods(g graph, chains []*presented, anchors anchor.Set) (all []period) {
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.until.IsZero() || n.kind == keyNode && n.signer >= 0 && g.nodes[n.signer].zone == n.zone {
			continue // what signs its key is there, too
		}
		p := period{what: "Signature: " + n.label, name: zoneName(n.name), from: n.since, until: n.until}
		if n.kind == keyNode {
			p.what, p.name = "Signature: keys", zoneTitle(g.zones[n.zone].name)
		}
		all = append(all, p)
	}
	seen := make(map[string]bool)
	for _, c := range chains {
		for i, cert := range c.chain {
			if seen[string(cert.Raw)] {
				continue
			}
			seen[string(cert.Raw)] = true
			p := period{what: "Certificate", name: c.host.Name, from: cert.NotBefore, until: cert.NotAfter}
			if i > 0 {
				p.what, p.name = "Issuer's certificate", cert.Subject.String()
			}
			if !c.byDates {
				p.idle = "its dates do not count: no TLSA record has usage 2"
			}
			all = append(all, p)
		}
	}
	for _, a := range anchors {
		if !a.Until.IsZero() {
			all = append(all, period{what: "Trust anchor", name: zoneName(a.Zone), from: a.From, until: a.Until})
		}
	}
	slices.SortStableFunc(all, func(a, b period) int {
		return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.name, b.name), cmp.Compare(a.what, b.what))
	})
	return slices.CompactFunc(all, func(a, b period) bool {
		return a.what == b.what && a.name == b.name && a.until.Equal(b.until)
	})
}

type (
	timelineView struct {
		Charts  []chartView
		Rows    []periodView
		Omitted string
	}
	periodView struct {
		What, Name  string
		From, Until instant
		Status      badge
		Idle        string
	}
	chartView struct {
		ID, Class, Title, Description string
		W, H                          int
		NowX, AxisY, Top              int
		Ticks                         []tickView
		Bars                          []barView
	}
	tickView struct {
		X     int
		Label string
	}
	barView struct {
		Status                 badge
		Label, Full, Left      string
		LabelX, LabelY         int
		X, Y, W                int
		EndX                   int
		IconX, IconY, LeftX, H int
		WordY                  int
	}
)

func newTimeline(id, domain string, all []period, now time.Time) timelineView {
	v := timelineView{Omitted: leftOut(len(all)-maxPeriods, "later ends are")}
	all = all[:min(len(all), maxPeriods)]
	if len(all) == 0 {
		return v
	}
	for _, p := range all {
		row := periodView{
			What: p.what, Name: clip(p.name, maxName), From: newInstant(p.from, now), Until: newInstant(p.until, now),
			Status: validity(now, p.from, p.until), Idle: p.idle,
		}
		if p.idle != "" {
			row.Status = badge{classNone, "does not count"}
		}
		v.Rows = append(v.Rows, row)
	}
	v.Charts = []chartView{
		newChart(chart{id: id + "-wide", class: "wide", width: wideDrawing, labels: 400, row: 26}, domain, all, v.Rows, now),
		newChart(chart{id: id + "-narrow", class: "narrow", width: narrowDrawing, row: 40}, domain, all, v.Rows, now),
	}
	return v
}

// A chart says how a timeline is drawn.
type chart struct {
	id, class  string
	width, row int
	labels     int // width of the labels; 0 puts them above their bars
}

const (
	axisHeight = 26
	pastWidth  = 26  // of what has ended
	leftWidth  = 132 // of what is left, in words
)

// scale places an instant: an hour is as wide as it is near.
func (c chart) scale(now, last, at time.Time) int {
	start, end := float64(c.labels+pastWidth), float64(c.width-leftWidth)
	hours := func(t time.Time) float64 { return max(0, t.Sub(now).Hours()) }
	return int(math.Round(start + (end-start)*math.Log1p(hours(at))/math.Log1p(hours(last))))
}

func newChart(c chart, domain string, all []period, rows []periodView, now time.Time) chartView {
	last := now.Add(7 * 24 * time.Hour)
	for _, p := range all {
		if p.until.After(last) {
			last = p.until
		}
	}
	v := chartView{
		ID: c.id, Class: c.class, W: c.width, H: axisHeight + len(all)*c.row + 8, NowX: c.scale(now, last, now), AxisY: 16, Top: axisHeight,
		Title:       "What ends when, for " + clip(domain, maxName),
		Description: fmt.Sprintf("%s. The next is: %s, %s. The table after the drawing has all.", count(len(all), "thing ends", "things end"), rows[0].What+" "+rows[0].Name, rows[0].Until.Span),
	}
	v.Ticks = c.ticks(now, last)
	for i, p := range all {
		y := axisHeight + i*c.row
		x, end := v.NowX, c.scale(now, last, p.until)
		if !p.until.After(now) {
			x, end = c.labels, c.labels+pastWidth-4 // before now
		} else if p.from.After(now) {
			x = c.scale(now, last, p.from)
		}
		b := barView{
			Status: rows[i].Status, Left: rows[i].Until.Span, Full: clip(p.what+" "+p.name+": "+rows[i].Status.Word+", until "+rows[i].Until.Shown, maxText),
			X: x, W: max(end-x, 2), EndX: end, Y: y + c.row - 18, LabelY: y + 17, H: 12,
			IconX: c.width - leftWidth + 12, IconY: y + c.row - 20, LeftX: c.width - leftWidth + 32, WordY: y + c.row - 8,
		}
		place := c.labels - 10
		if c.labels == 0 {
			place, b.LabelY = c.width, y+14
		}
		b.Label = shorten(p.what+" "+p.name, place/7)
		v.Bars = append(v.Bars, b)
	}
	return v
}

// ticks of the axis, where there is place for their words.
func (c chart) ticks(now, last time.Time) (ticks []tickView) {
	const day = 24 * time.Hour
	before := c.scale(now, last, now) + 8
	for _, t := range []struct {
		after time.Duration
		label string
	}{{day, "1 day"}, {3 * day, "3 days"}, {7 * day, "1 week"}, {30 * day, "30 days"}, {90 * day, "90 days"}, {365 * day, "1 year"}, {3650 * day, "10 years"}} {
		x := c.scale(now, last, now.Add(t.after))
		if now.Add(t.after).After(last) || x < before+56 {
			continue
		}
		ticks = append(ticks, tickView{x, t.label})
		before = x
	}
	return ticks
}
