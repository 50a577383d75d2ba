package page

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// delegations returns a graph of zones one below the other, with a key and DS records in each.
func delegations(names ...string) (g graph) {
	for i, name := range names {
		g.zones = append(g.zones, zone{name: name, parent: i - 1})
		g.nodes = append(g.nodes, node{kind: keyNode, zone: i}, node{kind: dsNode, zone: i})
		g.edges = append(g.edges, edge{from: 2 * i, to: 2*i + 1})
		if i > 0 {
			g.edges = append(g.edges, edge{from: 2*i - 1, to: 2 * i})
		}
	}
	return g
}

func TestLayout(t *testing.T) {
	t.Parallel()
	got := layout(delegations(".", "example."), 400)
	want := drawing{
		w: 400, h: 1 + 180 + zoneGapY + 180 + 1,
		zones: []rect{{53, 1, 310, 180}, {53, 221, 310, 180}},
		nodes: []rect{{140, 35, 136, 56}, {140, 113, 136, 56}, {140, 255, 136, 56}, {140, 333, 136, 56}},
		lines: [][]point{
			{{208, 91}, {208, 102}, {208, 102}, {208, 113}},
			{{208, 311}, {208, 322}, {208, 322}, {208, 333}},
			{{208, 169}, {208, 191}, {208, 191}, {208, 255}},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(drawing{}, rect{}, point{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// randomGraph returns a graph of any size, whose edges lead anywhere.
func randomGraph(r *rand.Rand) (g graph) {
	for i := range 1 + r.IntN(maxZones) {
		g.zones = append(g.zones, zone{name: fmt.Sprint(i), parent: r.IntN(i+1) - 1})
	}
	for range r.IntN(maxNodes) {
		g.nodes = append(g.nodes, node{kind: kind(r.IntN(int(noDSNode) + 1)), zone: r.IntN(len(g.zones))})
	}
	for range 2 * len(g.nodes) {
		g.edges = append(g.edges, edge{from: r.IntN(len(g.nodes)), to: r.IntN(len(g.nodes))})
	}
	return g
}

func (r rect) within(o rect) bool {
	return r.x >= o.x && r.y >= o.y && r.x+r.w <= o.x+o.w && r.bottom() <= o.bottom()
}

func (r rect) overlaps(o rect) bool {
	return r.x < o.x+o.w && o.x < r.x+r.w && r.y < o.bottom() && o.y < r.bottom()
}

// Whatever there is to draw, nothing leaves the drawing, or lies on anything else, and a
// zone is below the one that is above it.
func TestLayoutOverflowsNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		g := randomGraph(rand.New(rand.NewPCG(seed, 1)))
		for _, width := range []int{narrowDrawing, 700, wideDrawing} {
			d := layout(g, width)
			all := rect{0, 0, d.w, d.h}
			if d.w != width {
				t.Fatalf("seed %d: %d wide, want %d", seed, d.w, width)
			}
			for i, z := range d.zones {
				if !z.within(all) {
					t.Fatalf("seed %d, width %d: zone %v is not in %v", seed, width, z, all)
				}
				for j := range i {
					if z.overlaps(d.zones[j]) {
						t.Fatalf("seed %d, width %d: zones %v and %v", seed, width, z, d.zones[j])
					}
				}
				if up := g.zones[i].parent; up >= 0 && z.y < d.zones[up].bottom() {
					t.Fatalf("seed %d, width %d: zone %v is not below %v", seed, width, z, d.zones[up])
				}
			}
			for i, n := range d.nodes {
				if !n.within(d.zones[g.nodes[i].zone]) {
					t.Fatalf("seed %d, width %d: node %v is not in its zone %v", seed, width, n, d.zones[g.nodes[i].zone])
				}
				for j := range i {
					if n.overlaps(d.nodes[j]) {
						t.Fatalf("seed %d, width %d: nodes %v and %v", seed, width, n, d.nodes[j])
					}
				}
			}
			for i, line := range d.lines {
				for _, p := range line {
					if !(rect{p.x, p.y, 0, 0}).within(all) {
						t.Fatalf("seed %d, width %d: line %d at %v is not in %v", seed, width, i, p, all)
					}
				}
			}
		}
	}
}

// Who follows a line down comes to no node but the one that it leads to.
func TestLinesPassNodes(t *testing.T) {
	t.Parallel()
	for sets := range 30 {
		g := delegations(".", "example.", "a.example.")
		for range sets {
			g.nodes = append(g.nodes, node{kind: setNode, zone: 1}, node{kind: dsNode, zone: 1})
			n := len(g.nodes)
			g.edges = append(g.edges, edge{from: 2, to: n - 2}, edge{from: 2, to: n - 1}, edge{from: 1, to: n - 2})
		}
		for _, width := range []int{narrowDrawing, wideDrawing} {
			d := layout(g, width)
			for i, e := range g.edges {
				for j, n := range d.nodes {
					if j == e.from || j == e.to {
						continue
					}
					for k := 1; k < len(d.lines[i]); k++ {
						a, b := d.lines[i][k-1], d.lines[i][k]
						part := rect{min(a.x, b.x), min(a.y, b.y), max(a.x, b.x) - min(a.x, b.x) + 1, max(a.y, b.y) - min(a.y, b.y) + 1}
						if part.overlaps(n) {
							t.Fatalf("%d records, width %d: the line from %v to %v passes %v", sets, width, d.nodes[e.from], d.nodes[e.to], n)
						}
					}
				}
			}
		}
	}
}
