package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/page"
)

var update = flag.Bool("update", false, "write the pages and graphs in testdata")

// golden are the pages that are kept; the hostile one is too large.
var golden = []string{"broken", "several", "spread", "nothing"}

// pages are those that interop/browser looks at.
func pages(t *testing.T) map[string][]page.Domain {
	broken, bogus, unsigned := recorded(t, "v6wrong"), recorded(t, "wrongds"), recorded(t, "hosted")
	bogus.About = "the DS records are of another key"
	return map[string][]page.Domain{
		"broken": {broken}, "several": {broken, bogus, unsigned}, "spread": {spread()}, "hostile": {hostile(t)}, "nothing": {{Result: new(dane.Result)}},
	}
}

// The page and the graph of the same result are always the same.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, domains := range pages(t) {
		var graph, again bytes.Buffer
		if err := errors.Join(page.WriteDot(&graph, domains), page.WriteDot(&again, domains)); err != nil {
			t.Fatal(err)
		}
		text := write(t, page.Options{By: "daneverify"}, domains...)
		if text != write(t, page.Options{By: "daneverify"}, domains...) || graph.String() != again.String() {
			t.Errorf("%s is not the same a second time", name)
		}
		if slices.Contains(golden, name) {
			compare(t, "testdata/"+name+".html", text)
			compare(t, "testdata/"+name+".dot", graph.String())
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s, -want +got; -update writes it:\n%s", file, diff)
	}
}

// TestPages writes all pages into the directory that DANE_PAGES names, for interop/browser.
func TestPages(t *testing.T) {
	dir := os.Getenv("DANE_PAGES")
	if dir == "" {
		t.Skip("DANE_PAGES names no directory")
	}
	for name, domains := range pages(t) {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(write(t, page.Options{}, domains...)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
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

// Nothing in a page runs, loads or leads anywhere but to the documentation, whatever servers have
// sent.
func TestNothingActive(t *testing.T) {
	t.Parallel()
	allowed := strings.Fields("html head meta title style body header footer main nav article section h1 h2 h3 h4 h5 p ul ol li dl dt dd div span strong code pre br abbr time a details summary table thead tbody tr th td figure svg symbol title desc g path rect circle text use")
	for name, domains := range pages(t) {
		text := write(t, page.Options{}, domains...)
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r > '~' && r != '…' || r == 0x7f }); i >= 0 {
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
				local, docs := strings.HasPrefix(a.Val, "#"), strings.HasPrefix(a.Val, "https://github.com/danesmtp/danesmtp/blob/main/")
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
	}
}

// The policy of a page forbids all but the style that it has.
func TestPolicy(t *testing.T) {
	t.Parallel()
	text := write(t, page.Options{}, recorded(t, "hosted"))
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

// However much servers send, a page stays small, and says what it leaves out.
func TestBounds(t *testing.T) {
	t.Parallel()
	text := write(t, page.Options{}, hostile(t))
	if limit := 4 << 20; len(text) > limit {
		t.Errorf("%d octets, want at most %d", len(text), limit)
	}
	for _, want := range []string{
		"findings are left out", "addresses are left out", "mail servers are left out", "lines are left out", "certificates are left out", "records are left out",
		"names are left out", "connections are left out", "steps are left out", "answers are left out", "records and keys are left out",
		"later ends are left out", "characters in all]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	domains := slices.Repeat([]page.Domain{{Result: &dane.Result{Name: "a.example"}}}, page.MaxDomains+3)
	if text = write(t, page.Options{Omitted: 5}, domains...); !strings.Contains(text, "8 more domains are left out") {
		t.Error("it does not say that domains are left out")
	}
}

// Who does not see the page finds a way through it: one heading below the other, tables
// whose headers are known as such, drawings with a title and a text, and marks for its parts.
func TestAccessible(t *testing.T) {
	t.Parallel()
	for name, domains := range pages(t) {
		elements := parse(t, write(t, page.Options{}, domains...))
		ids, seen, level := make(map[string]bool), make(map[string]int), 0
		for _, n := range elements {
			seen[n.Data]++
			id := attribute(n, "id")
			if id != "" && ids[id] {
				t.Errorf("%s: the id %s is there twice", name, id)
			}
			ids[id] = true
			if regexp.MustCompile(`^h[1-6]$`).MatchString(n.Data) {
				if next := int(n.Data[1] - '0'); next > level+1 {
					t.Errorf("%s: heading %d below %d", name, next, level)
				} else {
					level = next
				}
			}
			if n.Data == "th" && attribute(n, "scope") == "" {
				t.Errorf("%s: a header of a table without scope", name)
			}
			if n.Data == "html" && attribute(n, "lang") != "en" {
				t.Errorf("%s: no language", name)
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
		}
		for _, part := range []string{"header", "main", "footer", "h1"} {
			if seen[part] != 1 {
				t.Errorf("%s: %d times %s, want 1", name, seen[part], part)
			}
		}
		if seen["svg"] == 0 || seen["h2"] < len(domains) {
			t.Errorf("%s: %d headings for %d domains", name, seen["h2"], len(domains))
		}
	}
}

// What the page says first is what matters.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		domains []page.Domain
		o       page.Options
		want    []string // in this order
	}{
		{"a broken domain", []page.Domain{recorded(t, "v6wrong")}, page.Options{}, []string{
			"v6wrong.test</h2>", "BROKEN", "A sender still delivers", "Who must act:", "mail host", "Fix:", "Publish:",
			"_25._tcp.mail.v6wrong.test. IN TLSA 3 1 1 1e82af27", "Chain of trust", "trust anchor", "CSK 17478", "matches", "no match", "Certificates", "R1 (3 1 1)",
			"What ends when", "does not count", "STARTTLS", "TLS handshake",
		}},
		{"a chain that is broken", []page.Domain{recorded(t, "wrongds")}, page.Options{}, []string{"BROKEN", "registrar or parent zone", "DNSKEY", "bogus"}},
		{"a host without DNSSEC", []page.Domain{recorded(t, "hosted")}, page.Options{}, []string{"NONE", "Nothing is broken", "no DS", "insecure"}},
		{"several domains", []page.Domain{recorded(t, "v6wrong"), recorded(t, "hosted")}, page.Options{}, []string{
			"DANE report for 2 domains", "Domains</h2>", `href="#d1"`, `href="#d2"`, `id="d1"`, `id="d2"`,
		}},
		{"signatures that have ended", []page.Domain{recorded(t, "v6wrong")}, page.Options{Now: time.Date(2027, 1, 10, 0, 0, 0, 0, time.UTC)}, []string{"ended", "10 days ago"}},
		{"signatures that end soon", []page.Domain{recorded(t, "v6wrong")}, page.Options{Now: time.Date(2026, 12, 29, 0, 0, 0, 0, time.UTC)}, []string{"in 37 hours", "ends soon"}},
		{"no domain", nil, page.Options{}, []string{"DANE report for 0 domains"}},
		{"a state alone", []page.Domain{{Result: new(dane.Result), Report: diagnosis.Report{}}, {}}, page.Options{}, []string{"UNKNOWN", "There is none", "No mail server was looked up"}},
	} {
		rest := write(t, tt.o, tt.domains...)
		for _, want := range tt.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: no %q after what comes before it", tt.name, want)
				break
			}
			rest = after
		}
	}
}

// The domains that call for somebody to act come first, and what renews itself is no next end.
func TestWorstFirst(t *testing.T) {
	t.Parallel()
	text := write(t, page.Options{}, recorded(t, "hosted"), recorded(t, "v6wrong"))
	none, broken := strings.Index(text, `href="#d1"`), strings.Index(text, `href="#d2"`)
	if none < 0 || broken < 0 || broken > none {
		t.Errorf("NONE at %d, BROKEN at %d", none, broken)
	}
	if strings.Contains(text, "Next end</dt><dd>Signature") {
		t.Error("a signature with weeks to go is the next end")
	}
}
