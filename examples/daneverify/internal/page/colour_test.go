package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A colour is in linear light: red, green, blue.
type colour [3]float64

func parseColour(t *testing.T, text string) (c colour) {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 32)
	if err != nil || len(text) != 7 {
		t.Fatalf("colour %q", text)
	}
	for i := range c {
		v := float64(n>>(16-8*i)&0xff) / 255
		if c[i] = v / 12.92; v > 0.04045 {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

func (c colour) luminance() float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

// contrast is that of WCAG 2.2.
func contrast(a, b colour) float64 {
	x, y := a.luminance()+0.05, b.luminance()+0.05
	return max(x, y) / min(x, y)
}

// palettes returns the colours of the style: those for light, and those for dark.
func palettes(t *testing.T) map[string]map[string]colour {
	t.Helper()
	light, dark, found := strings.Cut(css, "prefers-color-scheme: dark")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	all := make(map[string]map[string]colour)
	for name, text := range map[string]string{"light": light, "dark": dark} {
		all[name] = make(map[string]colour)
		for _, m := range regexp.MustCompile(`--([a-z]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			all[name][m[1]] = parseColour(t, m[2])
		}
	}
	return all
}

var statusColours = []string{classOK, classWarning, classBroken, classUnknown, classNone}

// All text can be read: its contrast is at least that of WCAG 2.2, 1.4.3, on each of the grounds
// that it stands on.
func TestContrast(t *testing.T) {
	t.Parallel()
	for scheme, colours := range palettes(t) {
		if len(colours) != 11 {
			t.Errorf("%s: %d colours, want 11", scheme, len(colours))
		}
		for _, text := range append([]string{"text", "muted", "link"}, statusColours...) {
			for _, ground := range []string{"bg", "card"} {
				if ratio := contrast(colours[text], colours[ground]); ratio < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f, want 4.5", scheme, text, ground, ratio)
				}
			}
		}
	}
	for status, style := range dotStatus {
		if ratio := contrast(parseColour(t, style.colour), colour{1, 1, 1}); ratio < 4.5 {
			t.Errorf("Graphviz: %s has a contrast of %.2f, want 4.5", status, ratio)
		}
	}
}

// No colour stands in the style but by its name, so that the test above sees all of them.
func TestColoursHaveNames(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(css) {
		if regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgb|hsl`).MatchString(line) && !strings.Contains(line, "--") {
			t.Errorf("a colour without a name: %s", line)
		}
	}
}

// Simulations of Viénot, Brettel and Mollon (1999) of how people see who lack one kind of
// cone, for linear light.
var blindness = map[string][3]colour{
	"protanopia":   {{0.11238, 0.88762, 0}, {0.11238, 0.88762, 0}, {0.00401, -0.00401, 1}},
	"deuteranopia": {{0.29275, 0.70725, 0}, {0.29275, 0.70725, 0}, {-0.02234, 0.02234, 1}},
	"normal":       {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
}

func (c colour) seen(m [3]colour) (out colour) {
	for i := range out {
		for j := range c {
			out[i] += m[i][j] * c[j]
		}
		out[i] = min(max(out[i], 0), 1)
	}
	return out
}

// lab returns CIE L*a*b*, in which distances are as people see them.
func (c colour) lab() [3]float64 {
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x := f((0.4124*c[0] + 0.3576*c[1] + 0.1805*c[2]) / 0.9505)
	y := f(c.luminance())
	z := f((0.0193*c[0] + 0.1192*c[1] + 0.9505*c[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// What is good and what is broken can be told apart by colour, however people see colours; of the
// others, and for all, there are the shape and the word.
func TestColourBlind(t *testing.T) {
	t.Parallel()
	for scheme, colours := range palettes(t) {
		for kind, m := range blindness {
			good, broken := colours[classOK].seen(m).lab(), colours[classBroken].seen(m).lab()
			if d := math.Hypot(math.Hypot(good[0]-broken[0], good[1]-broken[1]), good[2]-broken[2]); d < 15 {
				t.Errorf("%s, %s: good and broken are %.1f apart, want 15", scheme, kind, d)
			}
		}
	}
	shapes := make(map[string]bool)
	for _, class := range statusColours {
		_, symbol, found := strings.Cut(drawings, `<symbol id="s-`+class+`"`)
		symbol, _, _ = strings.Cut(symbol, "</symbol>")
		if !found || shapes[symbol] {
			t.Errorf("%s has no shape of its own", class)
		}
		shapes[symbol] = true
	}
}
