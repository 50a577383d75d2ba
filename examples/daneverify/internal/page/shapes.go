package page

import (
	"fmt"
	"strings"
)

// outline returns the outline of a node: keys are round at their ends, DS records come to
// a point, denials have a corner folded down, and RRsets are plain.
func outline(k kind, r rect) string {
	x, y, right, bottom := r.x, r.y, r.x+r.w, r.y+r.h
	switch k {
	case keyNode:
		radius := 16
		return fmt.Sprintf("M%d %dH%dA%d %d 0 0 1 %d %dV%dA%d %d 0 0 1 %d %dH%dA%d %d 0 0 1 %d %dV%dA%d %d 0 0 1 %d %dZ",
			x+radius, y, right-radius, radius, radius, right, y+radius, bottom-radius, radius, radius, right-radius, bottom,
			x+radius, radius, radius, x, bottom-radius, y+radius, radius, radius, x+radius, y)
	case dsNode:
		point, middle := 12, y+r.h/2
		return fmt.Sprintf("M%d %dH%dL%d %dL%d %dH%dL%d %dZ", x+point, y, right-point, right, middle, right-point, bottom, x+point, x, middle)
	case denialNode, noDSNode:
		fold := 12
		return fmt.Sprintf("M%d %dH%dL%d %dV%dH%dZM%d %dV%dH%d", x, y, right-fold, right, y+fold, bottom, x, right-fold, y, y+fold, right)
	default:
		return fmt.Sprintf("M%d %dH%dV%dH%dZ", x, y, right, bottom, x)
	}
}

// path returns a line through points, for the attribute d.
func path(points []point) string {
	var b strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%d %d", command, p.x, p.y)
	}
	return b.String()
}

// head returns the arrow at the end of a line, which comes from the left or from above.
func head(points []point) string {
	before, end := points[len(points)-2], points[len(points)-1]
	if before.y == end.y {
		return fmt.Sprintf("M%d %dl-7 -4v8Z", end.x, end.y)
	}
	return fmt.Sprintf("M%d %dl-4 -7h8Z", end.x, end.y)
}
