package report

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// palettes returns the colours of a style: those for light, and those for dark.
func palettes(t *testing.T, css string) map[string]map[string]string {
	t.Helper()
	light, dark, found := strings.Cut(css, "prefers-color-scheme: dark")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	all := make(map[string]map[string]string)
	for name, text := range map[string]string{"light": light, "dark": dark} {
		all[name] = make(map[string]string)
		for _, m := range regexp.MustCompile(`--([a-z]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			all[name][m[1]] = m[2]
		}
	}
	return all
}

// The colours are those of daneverify's pages, whose tests say how they look to whom.
func TestPalette(t *testing.T) {
	t.Parallel()
	others, err := os.ReadFile("../../../daneverify/internal/page/page.css")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(palettes(t, string(others)), palettes(t, css)); diff != "" {
		t.Errorf("-daneverify +danesurvey:\n%s", diff)
	}
	for line := range strings.Lines(css) {
		if regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgb|hsl`).MatchString(line) && !strings.Contains(line, "--") {
			t.Errorf("a colour without a name: %s", line)
		}
	}
}

func luminance(t *testing.T, colour string) (sum float64) {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 {
		t.Fatalf("colour %q", colour)
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := float64(n>>(16-8*i)&0xff) / 255
		if v > 0.04045 {
			v = math.Pow((v+0.055)/1.055, 2.4)
		} else {
			v /= 12.92
		}
		sum += weight * v
	}
	return sum
}

// Numbers within a bar can be read, and bars be seen, as WCAG 2.2 (1.4.3, 1.4.11) wants: the
// numbers have the colour of the ground.
func TestContrast(t *testing.T) {
	t.Parallel()
	for scheme, colours := range palettes(t, css) {
		for _, bar := range []string{classOK, classWarning, classBroken, classUnknown, classNone, "link"} {
			a, b := luminance(t, colours["bg"])+0.05, luminance(t, colours[bar])+0.05
			if ratio := max(a, b) / min(a, b); ratio < 4.5 {
				t.Errorf("%s: the contrast of %s is %.2f, want 4.5", scheme, bar, ratio)
			}
		}
	}
	for _, class := range []string{classOK, classWarning, classBroken, classUnknown, classNone, classPlain} {
		if !strings.Contains(drawings, `<symbol id="s-`+class+`"`) || !strings.Contains(css, "."+class+" { color: ") {
			t.Errorf("%s has no symbol, or no colour", class)
		}
	}
}
