package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
)

// Widths of the drawings: for screens and paper, and for phones. A page has both, and shows
// the one that fits.
const (
	wideDrawing   = 1040
	narrowDrawing = 328
)

// A chainView is the chain of trust: drawn, and as a table.
type chainView struct {
	Drawings []drawingView
	Steps    []stepView
	Omitted  string
	Empty    bool
}

type (
	drawingView struct {
		ID, Class, Title, Description string
		W, H                          int
		Zones                         []zoneView
		Nodes                         []nodeView
		Lines                         []lineView
	}
	zoneView struct {
		X, Y, W, H        int
		TextX, TextY      int
		Name, Full, Class string
		Status            badge
		StatusX, IconX    int
		IconY             int
	}
	nodeView struct {
		X, Y, W, H   int
		Outline      string // a path
		Class        string
		Label, Name  string
		Full         string
		Status       badge
		IconX, IconY int
		TextX        int
		Lines        [3]int // of text
		Anchor       bool
		AnchorX      int
	}
	lineView struct{ Path, Head, Class string }
	stepView struct {
		Zone, What, Name, By string
		Until                instant
		Status               badge
		Reason               string
	}
)

func newChainView(id, domain string, g graph, now time.Time) chainView {
	v := chainView{Empty: len(g.nodes) == 0, Omitted: leftOut(g.omitted, "records and keys are")}
	if v.Empty {
		return v
	}
	for _, size := range []struct {
		class string
		width int
	}{{"wide", wideDrawing}, {"narrow", narrowDrawing}} {
		v.Drawings = append(v.Drawings, newDrawing(g, layout(g, size.width), id+"-"+size.class, size.class, domain))
	}
	for z := range g.zones {
		for i := range g.nodes {
			if g.nodes[i].zone == z {
				v.Steps = append(v.Steps, newStep(g, i, now))
			}
		}
	}
	return v
}

func newStep(g graph, i int, now time.Time) stepView {
	n := &g.nodes[i]
	s := stepView{
		Zone: clip(zoneTitle(g.zones[n.zone].name), maxName), What: clip(n.label, maxName), Name: clip(zoneName(n.name), maxName),
		Status: statusBadge(n.status), Until: newInstant(n.until, now), Reason: clip(n.reason, maxText),
	}
	switch {
	case n.anchor:
		s.By = "trust anchor"
	case n.signer >= 0:
		s.By = clip(described(g, n.signer), maxName)
	}
	if n.until.IsZero() {
		s.Until = instant{}
	}
	return s
}

// described names a node for another zone's reader.
func described(g graph, i int) string {
	n := &g.nodes[i]
	return n.label + " of " + zoneTitle(g.zones[n.zone].name)
}

func zoneTitle(name string) string {
	switch name {
	case "":
		return "no evidence"
	case ".":
		return "root zone"
	}
	return zoneName(name)
}

func newDrawing(g graph, d drawing, id, class, domain string) drawingView {
	v := drawingView{
		ID: id, Class: class, W: d.w, H: d.h,
		Title: "Chain of trust of " + clip(domain, maxName), Description: summary(g),
	}
	for z, r := range d.zones {
		title := zoneTitle(g.zones[z].name)
		status := statusBadge(g.zones[z].status)
		wordX := r.x + r.w - zonePad - 8*len(status.Word)
		v.Zones = append(v.Zones, zoneView{
			X: r.x, Y: r.y, W: r.w, H: r.h, TextX: r.x + zonePad, TextY: r.y + 22, Class: status.Class, Status: status,
			Name: shorten(title, (r.w-2*zonePad-8*len(status.Word)-24)/8), Full: clip(title, maxName),
			StatusX: wordX, IconX: wordX - 20, IconY: r.y + 9,
		})
	}
	for i, r := range d.nodes {
		n := &g.nodes[i]
		inset, letters := 8, 15
		if n.kind == dsNode {
			inset, letters = 14, 13 // it comes to a point
		}
		v.Nodes = append(v.Nodes, nodeView{
			X: r.x, Y: r.y, W: r.w, H: r.h, Outline: outline(n.kind, r), Class: kindClasses[n.kind], Status: statusBadge(n.status),
			Label: shorten(n.label, letters), Name: shorten(relative(n.name, g.zones[n.zone].name), letters), Full: fullName(g, n),
			IconX: r.x + inset, IconY: r.y + r.h/2 - 8, TextX: r.x + inset + 22, Lines: [3]int{r.y + 17, r.y + 32, r.y + 47},
			Anchor: n.anchor, AnchorX: r.x + r.w - 22,
		})
	}
	for i, points := range d.lines {
		if len(points) > 0 {
			v.Lines = append(v.Lines, lineView{Path: path(points), Head: head(points), Class: statusBadge(g.edges[i].status).Class})
		}
	}
	return v
}

var kindClasses = map[kind]string{keyNode: "key", setNode: "set", denialNode: "denial", dsNode: "ds", noDSNode: "denial"}

// fullName is what a pointer over the node shows.
func fullName(g graph, n *node) string {
	text := fmt.Sprintf("%s, %s, zone %s: %s", n.label, zoneName(n.name), zoneTitle(g.zones[n.zone].name), n.status)
	if n.anchor {
		text += ", by a trust anchor"
	}
	if !n.until.IsZero() {
		text += ", signed until " + shownTime(n.until)
	}
	if n.reason != "" {
		text += ": " + n.reason
	}
	return clip(text, maxText)
}

// summary says in a sentence or two what is drawn.
func summary(g graph) string {
	byStatus := make(map[dnssec.Status]int)
	for i := range g.nodes {
		if k := g.nodes[i].kind; k == setNode || k == denialNode || k == noDSNode {
			byStatus[g.nodes[i].status]++
		}
	}
	var zones, answers []string
	for _, z := range g.zones[:min(len(g.zones), 8)] {
		zones = append(zones, clip(zoneTitle(z.name), maxName)+" "+z.status.String())
	}
	if more := len(g.zones) - len(zones); more > 0 {
		zones = append(zones, fmt.Sprintf("%d more", more))
	}
	for _, status := range []dnssec.Status{dnssec.Secure, dnssec.Insecure, dnssec.Bogus, dnssec.Indeterminate} {
		if n := byStatus[status]; n > 0 {
			answers = append(answers, fmt.Sprintf("%d %s", n, status))
		}
	}
	return fmt.Sprintf("Zones: %s. Records and denials: %s. The table after the drawing has the same, step by step.",
		strings.Join(zones, ", "), strings.Join(answers, ", "))
}
