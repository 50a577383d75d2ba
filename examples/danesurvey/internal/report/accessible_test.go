package report_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/report"
)

// The policy of a page forbids all but the style that it has.
func TestPolicy(t *testing.T) {
	t.Parallel()
	text := write(t, nil, report.Options{})
	_, style, _ := strings.Cut(text, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	for _, n := range parse(t, text) {
		if n.Data == "meta" && attribute(n, "http-equiv") == "Content-Security-Policy" {
			if got := attribute(n, "content"); got != want {
				t.Errorf("policy %q, want %q", got, want)
			}
			return
		}
	}
	t.Error("no policy")
}

// Each page is safe to open, and can be read by all.
func TestEachPage(t *testing.T) {
	for name, rows := range pages(t) {
		text := write(t, rows, report.Options{Title: spoilers[1], List: spoilers[2], By: spoilers[0]})
		testNothingActive(t, name, text)
		testAccessible(t, name, text)
	}
}

// Who does not see the page finds a way through it: one heading below the other, tables
// whose headers are known as such, drawings with a title and a text, and marks for its parts.
func testAccessible(t *testing.T, name, text string) {
	t.Helper()
	elements := parse(t, text)
	ids, seen, level := make(map[string]bool), make(map[string]int), 0
	for _, n := range elements {
		seen[n.Data]++
		id := attribute(n, "id")
		if id != "" && ids[id] {
			t.Errorf("%s: the id %s is there twice", name, id)
		}
		ids[id] = true
		if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
			if next := int(n.Data[1] - '0'); next > level+1 {
				t.Errorf("%s: heading %d below %d", name, next, level)
			} else {
				level = next
			}
		}
		if n.Data == "th" && attribute(n, "scope") == "" {
			t.Errorf("%s: a header of a table without scope", name)
		}
	}
	for _, n := range elements {
		for _, id := range strings.Fields(attribute(n, "aria-labelledby") + " " + attribute(n, "aria-describedby")) {
			if !ids[id] {
				t.Errorf("%s: %s is labelled by %s, which is not there", name, n.Data, id)
			}
		}
		if n.Data == "svg" && attribute(n, "aria-hidden") != "true" && (attribute(n, "role") != "img" || attribute(n, "aria-labelledby") == "" || attribute(n, "aria-describedby") == "") {
			t.Errorf("%s: a drawing without role, title and description", name)
		}
		if use := attribute(n, "href"); n.Data == "use" && !ids[strings.TrimPrefix(use, "#")] {
			t.Errorf("%s: %s is used, which is not there", name, use)
		}
	}
	for _, part := range []string{"header", "main", "footer", "h1"} {
		if seen[part] != 1 {
			t.Errorf("%s: %d times %s, want 1", name, seen[part], part)
		}
	}
	if drawn := seen["figure"] > 0 && seen["table"] > 3; drawn == (name == "nothing") {
		t.Errorf("%s: %d drawings and %d tables", name, seen["figure"], seen["table"])
	}
}
