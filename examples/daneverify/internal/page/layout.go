package page

// Sizes in the drawing, in CSS pixels.
const (
	nodeWidth, nodeHeight = 136, 56
	nodeGapX, nodeGapY    = 14, 22
	zonePad, zoneHead     = 12, 34
	zoneGapX, zoneGapY    = 22, 40
	railWidth             = 16 // free at the left, for lines that pass other zones
	laneGap               = 5  // between lines side by side
	lanes                 = 4
)

// A point and a rect are in the coordinates of SVG.
type (
	point struct{ x, y int }
	rect  struct{ x, y, w, h int }
)

func (r rect) bottom() int { return r.y + r.h }
func (r rect) middle() int { return r.x + r.w/2 }

// A drawing is where everything is.
type drawing struct {
	w, h  int
	zones []rect
	nodes []rect
	lines [][]point // of each edge; none if it leads nowhere
}

// layout places a graph in a drawing of at most the width that is given, if one node fits
// at all: zones stand below the zone above them, and go to a new row where there is no
// place; so do the nodes in a zone. It is a pure function.
func layout(g graph, width int) drawing {
	p := placing{g: g, width: width, rowOf: make([]int, len(g.zones))}
	p.d.zones, p.d.nodes, p.d.lines = make([]rect, len(g.zones)), make([]rect, len(g.nodes)), make([][]point, len(g.edges))
	for z := range g.zones {
		p.fill(z)
	}
	p.stack()
	lane := make(map[int]int) // by node that edges leave
	for i, e := range g.edges {
		if _, known := lane[e.from]; !known && g.nodes[e.from].zone != g.nodes[e.to].zone {
			lane[e.from] = len(lane) % lanes * laneGap
		}
		p.d.lines[i] = p.route(e, lane[e.from])
		for _, at := range p.d.lines[i] {
			p.d.h = max(p.d.h, at.y+2) // that of a line which leads up from the last row
		}
	}
	return p.d
}

type placing struct {
	g     graph
	d     drawing
	width int
	rowOf []int // by zone
	rows  []rect
}

// columns returns how many nodes stand side by side in a zone: at most so many that a screen
// has place for two zones, and rows that are as long as each other.
func (p *placing) columns(keys, sets, delegations int) int {
	most := max(1, (p.width-railWidth-2*zonePad+nodeGapX)/(nodeWidth+nodeGapX))
	inRow := 4
	if max(sets, delegations) > 3*inRow {
		inRow = most
	}
	even := func(n int) int {
		rows := max(1, (n+inRow-1)/inRow)
		return (n + rows - 1) / rows
	}
	return min(max(2, min(keys, inRow), even(sets), even(delegations)), most)
}

// fill places the nodes of a zone, as if it stood at the origin, and so finds its size.
func (p *placing) fill(z int) {
	byKind := make(map[kind][]int)
	for i := range p.g.nodes {
		if n := &p.g.nodes[i]; n.zone == z {
			byKind[n.kind] = append(byKind[n.kind], i)
		}
	}
	sets, delegations := append(byKind[setNode], byKind[denialNode]...), append(byKind[dsNode], byKind[noDSNode]...)
	columns := p.columns(len(byKind[keyNode]), len(sets), len(delegations))
	width := 2*zonePad + columns*(nodeWidth+nodeGapX) - nodeGapX
	y := zoneHead
	for class, row := range [][]int{byKind[keyNode], sets, delegations} {
		left := zonePad
		// What fits in one row is centred, but where lines pass it on their way down.
		if passed := class == 1 && len(delegations) > 0; len(row) <= columns && !passed {
			left = (width - len(row)*(nodeWidth+nodeGapX) + nodeGapX) / 2
		}
		for column, i := range row {
			column %= columns
			if column == 0 && y > zoneHead {
				y += nodeGapY
			}
			if column == 0 {
				y += nodeHeight
			}
			p.d.nodes[i] = rect{left + column*(nodeWidth+nodeGapX), y - nodeHeight, nodeWidth, nodeHeight}
		}
	}
	p.d.zones[z] = rect{0, 0, width, y + zonePad}
}

// depth returns how many zones are above one.
func (p *placing) depth(z int) int {
	depth := 0
	for up := p.g.zones[z].parent; up >= 0 && depth < len(p.g.zones); up = p.g.zones[up].parent {
		depth++
	}
	return depth
}

// stack puts the zones in rows, and moves all to its place.
func (p *placing) stack() {
	var rows [][]int
	for depth := range p.g.zones {
		x := p.width // begins a row
		for z := range p.g.zones {
			if p.depth(z) != depth {
				continue
			}
			if w := p.d.zones[z].w; x+zoneGapX+w > p.width {
				rows, x = append(rows, nil), railWidth-zoneGapX
			}
			x += zoneGapX + p.d.zones[z].w
			rows[len(rows)-1] = append(rows[len(rows)-1], z)
		}
	}
	y := 1
	for row, zones := range rows {
		w, h := -zoneGapX, 0
		for _, z := range zones {
			w, h = w+zoneGapX+p.d.zones[z].w, max(h, p.d.zones[z].h)
		}
		x := railWidth + max(0, (p.width-railWidth-w)/2)
		p.rows = append(p.rows, rect{x, y, w, h})
		for _, z := range zones {
			p.rowOf[z] = row
			p.move(z, x, y)
			x += zoneGapX + p.d.zones[z].w
		}
		p.d.w, p.d.h = max(p.d.w, x-zoneGapX+1), y+h+1
		y += h + zoneGapY
	}
	p.d.w = max(p.d.w, p.width)
}

func (p *placing) move(z, x, y int) {
	p.d.zones[z].x, p.d.zones[z].y = x, y
	for i := range p.g.nodes {
		if p.g.nodes[i].zone == z {
			p.d.nodes[i].x += x
			p.d.nodes[i].y += y
		}
	}
}

// channel returns where a line can pass nodes of a zone on its way from or to one of them:
// left of its column.
func (p *placing) channel(z int, node rect) int {
	left := p.d.zones[z].x + zonePad
	return left + (node.x-left)/(nodeWidth+nodeGapX)*(nodeWidth+nodeGapX) - nodeGapX/2
}

// route returns the line of an edge, of horizontal and vertical parts.
func (p *placing) route(e edge, shift int) []point {
	from, to := p.d.nodes[e.from], p.d.nodes[e.to]
	above, below := p.g.nodes[e.from].zone, p.g.nodes[e.to].zone
	if above == below {
		return p.within(above, from, to)
	}
	down := p.rows[p.rowOf[above]].bottom() + 10 + shift
	line := []point{{from.middle(), from.bottom()}}
	out := from.middle()
	if p.rowBelow(above, from) {
		out = p.channel(above, from)
		line = append(line, point{from.middle(), from.bottom() + nodeGapY/2}, point{out, from.bottom() + nodeGapY/2})
	}
	line = append(line, point{out, down})
	in := to.middle()
	if p.rowAbove(below, to) {
		in = p.d.zones[below].x + zonePad - nodeGapX/2 // rows that are centred are in the way of others
	}
	if p.rowOf[below] == p.rowOf[above]+1 {
		line = append(line, point{in, down})
	} else { // it leads past other zones: by the rail
		rail, arrive := 3+shift*3/5, max(1, p.rows[p.rowOf[below]].y-14+shift/2)
		line = append(line, point{rail, down}, point{rail, arrive}, point{in, arrive})
	}
	if in != to.middle() {
		line = append(line, point{in, to.y - nodeGapY/2}, point{to.middle(), to.y - nodeGapY/2})
	}
	return append(line, point{to.middle(), to.y})
}

// rowAbove reports whether there are nodes above one in its zone.
func (p *placing) rowAbove(z int, node rect) bool {
	for i := range p.g.nodes {
		if p.g.nodes[i].zone == z && p.d.nodes[i].y < node.y {
			return true
		}
	}
	return false
}

// rowBelow reports whether there are nodes below one in its zone.
func (p *placing) rowBelow(z int, node rect) bool {
	for i := range p.g.nodes {
		if p.g.nodes[i].zone == z && p.d.nodes[i].y > node.y {
			return true
		}
	}
	return false
}

// within routes an edge in one zone: straight to what stands beside it, by a channel to what
// is not in the next row.
func (p *placing) within(z int, from, to rect) []point {
	between := to.y - nodeGapY/2
	switch {
	case to.y > from.bottom()+nodeGapY:
		channel, below := p.channel(z, to), from.bottom()+nodeGapY/2
		return []point{{from.middle(), from.bottom()}, {from.middle(), below}, {channel, below}, {channel, between}, {to.middle(), between}, {to.middle(), to.y}}
	case to.y > from.y:
		return []point{{from.middle(), from.bottom()}, {from.middle(), between}, {to.middle(), between}, {to.middle(), to.y}}
	case to.y == from.y && to.x == from.x+nodeWidth+nodeGapX:
		return []point{{from.x + from.w, from.y + from.h/2}, {to.x, to.y + to.h/2}}
	}
	over := min(from.y, to.y) - 8
	return []point{{from.middle(), from.y}, {from.middle(), over}, {to.middle(), over}, {to.middle(), to.y}}
}
