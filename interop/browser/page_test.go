//go:build interop

package browser

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// views are how people look at a page.
var views = []view{
	{name: "phone", width: 360, height: 740},
	{name: "phone, dark", width: 360, height: 740, dark: true},
	{name: "screen", width: 1280, height: 900},
	{name: "screen, dark", width: 1280, height: 900, dark: true},
	{name: "print", width: 718, height: 1000, print: true}, // A4 without its margins
}

// command runs a program in the root of the repository.
func command(env, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// TestMain has all pages written into a directory: those of the package's tests, and that of
// the command's demonstration.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// Directories with pages: of daneverify, and of examples/danesurvey.
var pages, surveys string

func run(m *testing.M) int {
	var err error
	if pages, err = os.MkdirTemp("", "danesmtp-browser-"); err == nil {
		defer os.RemoveAll(pages)
		surveys = filepath.Join(pages, "surveys")
		err = errors.Join(
			os.Mkdir(surveys, 0o755),
			command("DANE_PAGES="+pages, "go", "test", "-count=1", "-run=^TestPages$", "./examples/daneverify/internal/page"),
			command("", "go", "run", "./examples/daneverify", "demo", "-html", filepath.Join(pages, "demo.html")),
			command("DANE_PAGES="+surveys, "go", "-C", "examples/danesurvey", "test", "-count=1", "-run=^TestPages$", "./internal/report"),
		)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		return 1
	}
	return m.Run()
}

// keep leaves a file where DANE_SCREENSHOTS says, for people to look at.
func keep(t *testing.T, name string, data func() []byte) {
	t.Helper()
	if dir := os.Getenv("DANE_SCREENSHOTS"); dir != "" {
		must(t, os.WriteFile(filepath.Join(dir, name), data(), 0o644))
	}
}

// Each page loads without a request or an error, in each view; nothing is wider than the
// screen; and what should be there can be seen.
func TestPages(t *testing.T) {
	b := start(t)
	files, err := filepath.Glob(filepath.Join(pages, "*.html"))
	must(t, err)
	if len(files) != 6 {
		t.Fatalf("pages %q, want 6", files)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		for _, v := range views {
			t.Run(name+"/"+v.name, func(t *testing.T) {
				tab := b.open(t, v)
				tab.load(file)
				overflow(tab)
				elements(tab, name, v)
				keep(t, strings.ReplaceAll(name+"-"+v.name, ", ", "-")+".png", func() []byte { return tab.screenshot(v.width, 0) })
			})
		}
	}
}

// overflow reports what is wider than the screen, or sticks out of its box.
func overflow(tab *tab) {
	tab.t.Helper()
	var wide []string
	tab.eval(`(() => {
		const wide = [];
		const root = document.documentElement;
		if (root.scrollWidth > innerWidth) wide.push("the page: " + root.scrollWidth + " of " + innerWidth);
		for (const e of document.body.querySelectorAll("*")) {
			const r = e.getBoundingClientRect();
			if (r.width > 0 && r.height > 0 && !e.closest(".symbols, thead") && (r.right > innerWidth + 1 || r.left < -1))
				wide.push(e.tagName + " " + (e.getAttribute("class") || "") + ": " + Math.round(r.left) + " to " + Math.round(r.right) + ": " + e.textContent.slice(0, 40));
		}
		for (const s of document.querySelectorAll("figure svg")) {
			const w = s.viewBox.baseVal?.width || s.getBoundingClientRect().width; // that of states has the width of the page
			for (const x of s.querySelectorAll("text")) {
				if (x.getClientRects().length == 0) continue;
				const b = x.getBBox();
				if (b.x < -1 || b.x + b.width > w + 1) wide.push("text in a drawing: " + x.textContent);
			}
			for (const g of s.querySelectorAll(".node")) {
				const box = g.querySelector(".box");
				if (box.getClientRects().length == 0) continue;
				const outer = box.getBBox();
				for (const x of g.querySelectorAll("text")) {
					const b = x.getBBox();
					if (b.x + b.width > outer.x + outer.width) wide.push("text of a node: " + x.textContent);
				}
			}
		}
		return wide.slice(0, 20);
	})()`, &wide)
	if len(wide) > 0 {
		tab.t.Errorf("too wide:\n%s", strings.Join(wide, "\n"))
	}
}

// elements looks at what has to be there, and whether it is shown.
func elements(tab *tab, name string, v view) {
	tab.t.Helper()
	var got struct {
		Main, Drawings, Charts, Scripts int
		Background, Text, Badge         string
		Width                           float64
	}
	tab.eval(`(() => {
		const shown = q => [...document.querySelectorAll(q)].filter(e => e.getClientRects().length > 0);
		const colour = (e, p) => getComputedStyle(e)[p];
		return {
			Main: shown("main").length, Drawings: shown("figure svg .node").length, Charts: shown("figure svg .bar").length, Scripts: document.scripts.length,
			Background: colour(document.body, "backgroundColor"), Text: colour(document.body, "color"), Badge: colour(document.querySelector(".badge"), "color"),
			Width: Math.max(0, ...shown("figure svg").map(s => s.viewBox.baseVal.width)),
		};
	})()`, &got)
	if got.Main != 1 || got.Scripts != 0 {
		tab.t.Errorf("main is there %d times, script %d times", got.Main, got.Scripts)
	}
	if name != "nothing" && (got.Drawings == 0 || got.Charts == 0) {
		tab.t.Errorf("%d nodes of the chain and %d bars are shown", got.Drawings, got.Charts)
	}
	if narrow := got.Width == 328; name != "nothing" && narrow != (v.width == 360) {
		tab.t.Errorf("the drawings that are shown have a width of %v", got.Width)
	}
	background, text := "rgb(255, 255, 255)", "rgb(28, 33, 39)"
	if v.dark {
		background, text = "rgb(18, 22, 27)", "rgb(231, 234, 238)"
	}
	if got.Background != background || got.Text != text || got.Badge == text {
		tab.t.Errorf("colours %+v: the style is not in force, or it is that of another scheme", got)
	}
}

// A page prints: as a PDF of some pages, in which everything that was seen is open.
func TestPrint(t *testing.T) {
	b := start(t)
	for _, name := range []string{"broken", "several", "spread"} {
		tab := b.open(t, view{width: 718, height: 1000, print: true})
		tab.load(filepath.Join(pages, name+".html"))
		pdf := tab.pdf()
		keep(t, name+".pdf", func() []byte { return pdf })
		if sheets := bytes.Count(pdf, []byte("/Type /Page\n")); !bytes.HasPrefix(pdf, []byte("%PDF-")) || sheets < 3 {
			t.Errorf("%s: %d octets, %d sheets", name, len(pdf), sheets)
		}
		var hidden int
		tab.eval(`[...document.querySelectorAll(".evidence li")].filter(e => e.getClientRects().length == 0 || !e.checkVisibility({contentVisibilityAuto: true})).length`, &hidden)
		if hidden > 0 {
			t.Errorf("%s: %d lines of evidence are not printed", name, hidden)
		}
	}
}

// A screen reader gets the parts of a page by their roles and names, on a phone too, where
// tables are shown as cards.
func TestScreenReader(t *testing.T) {
	b := start(t)
	for _, v := range views[:3] {
		tab := b.open(t, v)
		tab.load(filepath.Join(pages, "broken.html"))
		seen := accessible(tab)
		for _, want := range []string{
			"heading DANE report", "heading v6wrong.test", "heading Chain of trust", "main", "banner", "contentinfo", "article v6wrong.test", "region Findings",
			"image Chain of trust of v6wrong.test", "image What ends when, for v6wrong.test", "columnheader Connection", "rowheader fd00:2::8", "table", "cell",
		} {
			if seen[want] == 0 {
				t.Errorf("%s: no %q", v.name, want)
			}
		}
	}
}

// accessible counts what a screen reader gets, by role and by role and name.
func accessible(tab *tab) map[string]int {
	tab.t.Helper()
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	tab.call("Accessibility.getFullAXTree", nil, &tree)
	seen := make(map[string]int)
	for _, n := range tree.Nodes {
		if role, _ := n.Role.Value.(string); !n.Ignored {
			seen[strings.ToLower(role)]++
			if name, _ := n.Name.Value.(string); name != "" {
				seen[strings.ToLower(role)+" "+name]++
			}
		}
	}
	return seen
}
