package report

import (
	"fmt"
	"math"
	"strings"
	"time"
)

const (
	wideDrawing   = 1120
	narrowDrawing = 328 // a phone's width without the margins of the page
)

// A drawing is an SVG, made of rectangles and texts.
type (
	drawing struct {
		ID, Class, Title, Description string
		W, H                          int
		// Stretch gives it all the width there is: what is from left to right is in percent. Words keep their size.
		Stretch bool
		Rules   []string // paths of the axes
		Groups  []group
	}
	// A group is what belongs together, with what a pointer sees above it.
	group struct {
		Title string
		Rects []rect
		Texts []text
	}
	rect struct {
		Class string
		X, W  float64
		Y, H  int
	}
	text struct {
		Class, Text string
		X           float64
		Y           int
	}
)

// A bar is one line of a drawing with bars.
type bar struct {
	Label, Value string
	Parts        []part
}

type part struct {
	Class string
	N     int
}

// length is what the parts of a bar are together.
func (b *bar) length() (n int) {
	for _, p := range b.Parts {
		n += p.N
	}
	return n
}

// A plan says how bars are drawn.
type plan struct {
	id, class string
	width     int
	labels    int  // width of the labels; 0 puts them above their bars
	letter    int  // width of a character at most, on paper too: report.css has the size
	full      bool // each bar has the whole width
}

// both are the drawings for large and small screens.
func both(id string) []plan {
	return []plan{
		{id: id + "-wide", class: "wide", width: wideDrawing, labels: 300, letter: 10},
		{id: id + "-narrow", class: "narrow", width: narrowDrawing, letter: 7},
	}
}

// small is the drawing of a panel, which is the same everywhere.
func small(id string) []plan {
	return []plan{{id: id + "-bars", class: "small", width: narrowDrawing, letter: 7}}
}

const barHeight = 14

// bars draws bars, whose length is in proportion.
func (p plan) bars(title, description string, all []bar) drawing {
	row := 42
	if p.labels > 0 {
		row = 26
	}
	d := drawing{ID: p.id, Class: p.class, Title: title, Description: description, W: p.width, H: len(all)*row + 2}
	longest, values := 1, 0
	for i := range all {
		longest, values = max(longest, all[i].length()), max(values, len(all[i].Value))
	}
	space := float64(p.width - p.labels - values*p.letter - 8)
	for i := range all {
		y := i*row + row - barHeight - 4
		g := group{Title: all[i].Label + ": " + all[i].Value}
		scale := space / float64(longest)
		if p.full {
			scale = space / float64(max(all[i].length(), 1))
		}
		sum, end := 0, p.labels
		for _, part := range all[i].Parts {
			if part.N == 0 {
				continue
			}
			sum += part.N
			from := end
			end = max(from+2, p.labels+int(math.Round(float64(sum)*scale)))
			width := end - from
			if width > 4 {
				width-- // a gap to the next part
			}
			g.Rects = append(g.Rects, rect{Class: part.Class, X: float64(from), Y: y, W: float64(width), H: barHeight})
		}
		label := text{Class: "name", X: 0, Y: y + 12, Text: shorten(all[i].Label, (p.labels-12)/p.letter)}
		if p.labels == 0 {
			label.Y, label.Text = y-6, shorten(all[i].Label, p.width/p.letter)
		}
		g.Texts = append(g.Texts, label, text{Class: "value", X: float64(end + 6), Y: y + 12, Text: all[i].Value})
		if len(g.Rects)+len(g.Texts) > 0 {
			d.Groups = append(d.Groups, g)
		}
	}
	return d
}

// stacked draws the states of all domains as one bar of the whole width, with the number in each part that has room
// for it where the drawing has the width of the plan.
func (p plan) stacked(title, description string, parts []part, all int) drawing {
	const height, top = 40, 2
	d := drawing{
		ID: p.id, Class: p.class, Title: title, Description: description, W: p.width, H: height + 2*top, Stretch: true,
	}
	share := func(x int) float64 { return math.Round(1e4*float64(x)/float64(p.width)) / 100 } // in percent
	sum, end := 0, 0
	for _, part := range parts {
		if part.N == 0 {
			continue
		}
		sum += part.N
		from := end
		end = min(p.width, max(from+3, int(math.Round(float64(sum)*float64(p.width)/float64(max(all, 1))))))
		g := group{
			Title: fmt.Sprintf("%s: %s, %s", part.Class, grouped(part.N), percent(part.N, all)),
			Rects: []rect{{Class: part.Class, X: share(from), Y: top, W: share(max(end-from-2, 1)), H: height}},
		}
		if said := percent(part.N, all); end-from > p.letter*len(said)+16 {
			middle := share((from + end - 2) / 2)
			g.Texts = append(g.Texts, text{Class: "inside", X: middle, Y: top + height/2 + 5, Text: said})
		}
		if len(g.Rects)+len(g.Texts) > 0 {
			d.Groups = append(d.Groups, g)
		}
	}
	return d
}

// A column is one day of a drawing.
type column struct {
	At    time.Time
	Parts []part // from the ground up
}

// columns draws a column for each day.
func (p plan) columns(title, description string, all []column) drawing {
	const height, top, left = 120, 20, 4
	d := drawing{ID: p.id, Class: p.class, Title: title, Description: description, W: p.width, H: top + height + 24}
	highest := 1
	for i := range all {
		sum := 0
		for _, part := range all[i].Parts {
			sum += part.N
		}
		highest = max(highest, sum)
	}
	ground := top + height
	d.Rules = []string{fmt.Sprintf("M0 %d.5H%d", ground, p.width), fmt.Sprintf("M0 %d.5H%d", top, p.width)}
	scale := text{Class: "tick", X: 0, Y: top - 6, Text: count(highest, "domain", "domains") + " a day"}
	d.Groups = append(d.Groups, group{Title: "The highest column: " + grouped(highest), Texts: []text{scale}})
	width := (p.width - left) / max(len(all), 1)
	for i := range all {
		x, y := left+i*width, ground
		g, said := group{}, []string{}
		for _, part := range all[i].Parts {
			if part.N == 0 {
				continue
			}
			h := max(2, part.N*height/highest)
			y = max(top, y-h)
			g.Rects = append(g.Rects, rect{Class: part.Class, X: float64(x), Y: y, W: float64(max(width-2, 1)), H: h})
			said = append(said, grouped(part.N))
		}
		if len(said) > 0 {
			g.Title = all[i].At.Format("2 Jan") + ": " + strings.Join(said, " and ")
		}
		if i%7 == 0 {
			g.Texts = append(g.Texts, text{Class: "tick", X: float64(x), Y: ground + 16, Text: all[i].At.Format("2 Jan")})
			d.Rules = append(d.Rules, fmt.Sprintf("M%d.5 %dv5", x, ground))
		}
		if len(g.Rects)+len(g.Texts) > 0 {
			d.Groups = append(d.Groups, g)
		}
	}
	return d
}
