package report_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// spoilers are names that strangers may choose.
var spoilers = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "\u202emoc.elpmaxe\u202c", "two\nlines\r\n", "nul\x00 bell\x07", "{{.}}</style><style>",
	"=HYPERLINK(\"http://a.example\")", "@SUM(A1)", "-1+2", "аррӏе.example", "'; DROP TABLE domains; --", strings.Repeat("long", 5000), "", " ", "(own)", "(others)",
	"a,b\"c", "ﷺ\U0001F600", "\xff\xfe",
}

// hostile rows have the spoilers in each place where there is text.
func hostile(t *testing.T) (rows [][]byte) {
	t.Helper()
	for i, bad := range spoilers {
		text, err := json.Marshal(map[string]any{
			"vantage": []string{"", "other"}[i%2], "line": i/2 + 1, "at": surveyed, "state": []string{"ok", "broken", bad}[i%3], "finding": bad,
			"domain": bad + ".example", "error": bad, "input": bad, "seen": bad, "busy": true, "local_lack": true, "elapsed_ms": 1e300,
			"findings": []any{
				map[string]any{"code": bad, "severity": bad, "actor": bad, "text": bad, "link": "javascript:alert(1)"},
				map[string]any{"code": "tlsa-mismatch", "severity": "broken", "actor": bad},
			},
			"destination":  map[string]any{"status": bad, "mx": []any{map[string]any{"host": bad}}},
			"name_servers": map[string]any{"zones": []any{map[string]any{"name": "example", "servers": []any{map[string]any{"name": bad}}}}},
			"hosts": []any{map[string]any{
				"host": bad + ".example", "action": []string{"must-authenticate", bad}[i%2], "tlsa": []string{bad, "3 1 1 00", "999 1 1", "1", "2 1 1 " + bad},
				"probes": []any{map[string]any{
					"protocol": bad, "report": map[string]any{"scheme": bad, "verdicts": []any{map[string]any{"match": true}}},
					"certificates": []any{map[string]any{"subject": bad, "issuer": []string{"O=", "CN=", ""}[i%3] + bad, "not_after": surveyed.AddDate(0, 0, i)}},
				}},
			}},
			"lookups": []any{
				map[string]any{"name": bad, "type": "MX", "chain": []any{
					map[string]any{"zone": ".", "server": bad},
					map[string]any{"zone": bad + ".example.", "name": bad, "type": "MX", "algorithm": i, "server": "192.0.2.1:53", "expiration": surveyed.AddDate(0, 0, i)},
				}},
				map[string]any{"name": bad, "type": "TLSA", "chain": []any{map[string]any{"zone": bad, "name": bad, "type": "TLSA", "algorithm": 200 + i}}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, text)
	}
	return rows
}

// attribute returns an attribute of an element.
func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func parse(t *testing.T, text string) (elements []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			elements = append(elements, n)
		}
	}
	return elements
}

// Nothing in a page runs, loads or leads anywhere but to the documentation, whatever strangers
// have chosen as names, and no text changes the direction of others.
func testNothingActive(t *testing.T, name, text string) {
	t.Helper()
	allowed := strings.Fields("html head meta title style body header footer main section h1 h2 h3 p ul li dl dt dd div span code time a details summary table thead tbody tr th td figure figcaption svg symbol title desc g path rect circle text use")
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r > '~' && r != '…' }); i >= 0 {
		t.Errorf("%s has the character %q", name, text[i:i+4])
	}
	styles := 0
	for _, n := range parse(t, text) {
		if !slices.Contains(allowed, n.Data) {
			t.Errorf("%s has the element %s", name, n.Data)
		}
		if n.Data == "style" {
			styles++
		}
		for _, a := range n.Attr {
			local, docs := strings.HasPrefix(a.Val, "#"), strings.HasPrefix(a.Val, "https://github.com/danesmtp/danesmtp/blob/main/docs/findings.md#")
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "action", a.Key == "srcset":
				t.Errorf("%s: %s has the attribute %s=%q", name, n.Data, a.Key, a.Val)
			case a.Key == "href" && !local && (!docs || n.Data != "a"):
				t.Errorf("%s: %s leads to %q", name, n.Data, a.Val)
			}
		}
	}
	if styles != 1 {
		t.Errorf("%s has %d styles, want 1", name, styles)
	}
	if limit := 1 << 20; len(text) > limit {
		t.Errorf("%s has %d octets, want at most %d", name, len(text), limit)
	}
}

// Files of CSV stay tables, each cell a line of printable ASCII, and no cell is a formula.
func TestCSVOfHostileRows(t *testing.T) {
	for name, records := range csvOf(t, hostile(t)) {
		if len(records) < 2 {
			t.Errorf("%s has no record", name)
		}
		for _, record := range records {
			for _, cell := range record {
				if strings.ContainsFunc(cell, func(r rune) bool { return r < ' ' || r > '~' }) || len(cell) > 6*260 {
					t.Errorf("%s: the cell %.80q", name, cell)
				}
				if cell != "" && strings.Contains("=+-@\t\r", cell[:1]) {
					t.Errorf("%s: the formula %q", name, cell)
				}
			}
		}
	}
}

// The lines of a page that are not named for a stranger are not taken for one that is.
func TestOwnIsNoName(t *testing.T) {
	t.Parallel()
	text := `{"line":1,"state":"none","domain":"a.example","hosts":[{"host":"mx.a.example"},{"host":"MX.Other.Example."},{"host":"[192.0.2.1]"},{"host":"192.0.2.2"}]}`
	var got []string
	for _, record := range csvOf(t, [][]byte{[]byte(text)})["providers"] {
		got = append(got, record[1])
	}
	if want := "[provider (own) 192.0.2.2 [192.0.2.1] other.example]"; fmt.Sprint(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}
