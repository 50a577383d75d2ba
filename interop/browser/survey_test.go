//go:build interop

package browser

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each page of a survey loads without a request or an error, in each view; nothing is wider than the
// screen, no words stand in a bar or over each other, and what should be there can be seen.
func TestSurvey(t *testing.T) {
	b := start(t)
	files, err := filepath.Glob(filepath.Join(surveys, "*.html"))
	must(t, err)
	if len(files) != 6 {
		t.Fatalf("pages %q, want 6", files)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		for _, v := range append(views[:len(views):len(views)],
			view{name: "tablet", width: 800, height: 1200}, view{name: "phone on its side", width: 500, height: 360}) {
			t.Run(name+"/"+v.name, func(t *testing.T) {
				tab := b.open(t, v)
				tab.load(file)
				overflow(tab)
				tab.eval(`[...document.querySelectorAll("details")].every(d => d.open = true)`, new(bool))
				overflow(tab)
				bars(tab)
				surveyElements(tab, name, v)
				keep(t, strings.ReplaceAll("survey-"+name+"-"+v.name, ", ", "-")+".png", func() []byte { return tab.screenshot(v.width, 0) })
			})
		}
	}
}

// bars reports words that stand over others, over a bar they are not meant for, or beside the drawing.
func bars(tab *tab) {
	tab.t.Helper()
	var wrong []string
	tab.eval(`(() => {
		const wrong = [];
		const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
		for (const s of document.querySelectorAll("figure svg")) {
			if (s.getClientRects().length == 0) continue;
			const frame = s.getBoundingClientRect();
			const texts = [...s.querySelectorAll("text")], boxes = texts.map(x => x.getBoundingClientRect());
			const rects = [...s.querySelectorAll("rect")].map(r => r.getBoundingClientRect());
			texts.forEach((x, i) => {
				if (boxes[i].right > frame.right + 1 || boxes[i].left < frame.left - 1 || boxes[i].bottom > frame.bottom + 1 || boxes[i].top < frame.top - 2) wrong.push("beside the drawing: " + x.textContent);
				for (let j = 0; j < i; j++) if (over(boxes[i], boxes[j])) wrong.push(x.textContent + " over " + texts[j].textContent);
				for (const r of rects) {
					const inside = x.classList.contains("inside") && boxes[i].left >= r.left && boxes[i].right <= r.right;
					if (over(boxes[i], r) && !inside) wrong.push("over a bar: " + x.textContent);
				}
			});
		}
		return wrong.slice(0, 20);
	})()`, &wrong)
	if len(wrong) > 0 {
		tab.t.Errorf("words in each other's way:\n%s", strings.Join(wrong, "\n"))
	}
}

func surveyElements(tab *tab, name string, v view) {
	tab.t.Helper()
	var got struct {
		Main, Bars, Tables, Scripts int
		Background, Text            string
		Wide, Narrow                int
		States                      float64 // how much of the width the bar of the states has
	}
	tab.eval(`(() => {
		const shown = q => [...document.querySelectorAll(q)].filter(e => e.getClientRects().length > 0);
		const colour = (e, p) => getComputedStyle(e)[p];
		return {
			Main: shown("main").length, Bars: shown("figure svg rect").length, Tables: shown("table").length, Scripts: document.scripts.length,
			Background: colour(document.body, "backgroundColor"), Text: colour(document.body, "color"),
			Wide: shown("figure.wide").length, Narrow: shown("figure.narrow").length,
			States: Math.max(0, ...shown("section[aria-labelledby=states] rect").map(r => r.getBoundingClientRect().right - shown("main")[0].getBoundingClientRect().left)) / shown("main")[0].clientWidth,
		};
	})()`, &got)
	if got.Main != 1 || got.Scripts != 0 {
		tab.t.Errorf("main is there %d times, script %d times", got.Main, got.Scripts)
	}
	if empty := name == "nothing"; empty != (got.Bars == 0) || empty != (got.Tables == 0) {
		tab.t.Errorf("%d bars and %d tables are shown", got.Bars, got.Tables)
	}
	if got.Bars > 0 && (got.States < 0.98 || got.States > 1) {
		tab.t.Errorf("the bar of the states has %.2f of the width", got.States)
	}
	if narrow := v.width <= 500; narrow && got.Wide > 0 || !narrow && got.Narrow > 0 {
		tab.t.Errorf("%d wide drawings and %d narrow ones are shown", got.Wide, got.Narrow)
	}
	background, text := "rgb(255, 255, 255)", "rgb(28, 33, 39)"
	if v.dark {
		background, text = "rgb(18, 22, 27)", "rgb(231, 234, 238)"
	}
	if got.Background != background || got.Text != text {
		tab.t.Errorf("colours %+v: the style is not in force, or it is that of another scheme", got)
	}
}

// A page of a survey prints with all of its tables, which are folded on a screen.
func TestSurveyPrint(t *testing.T) {
	tab := start(t).open(t, view{width: 718, height: 1000, print: true})
	tab.load(filepath.Join(surveys, "example.html"))
	pdf := tab.pdf()
	keep(t, "survey-example.pdf", func() []byte { return pdf })
	if sheets := bytes.Count(pdf, []byte("/Type /Page\n")); !bytes.HasPrefix(pdf, []byte("%PDF-")) || sheets < 3 {
		t.Errorf("%d octets, %d sheets", len(pdf), sheets)
	}
	var hidden int
	tab.eval(`[...document.querySelectorAll("details td")].filter(e => !e.matches(".blank") && !e.checkVisibility({contentVisibilityAuto: true})).length`, &hidden)
	if hidden > 0 {
		t.Errorf("%d cells are not printed", hidden)
	}
}

// A screen reader gets the parts of a survey's page by their roles and names.
func TestSurveyScreenReader(t *testing.T) {
	b := start(t)
	for _, v := range views[:3] {
		tab := b.open(t, v)
		tab.load(filepath.Join(surveys, "example.html"))
		seen := accessible(tab)
		for _, want := range []string{
			"heading DANE survey", "heading Findings", "main", "banner", "contentinfo", "region Mail providers", "region TLSA parameters",
			"image Findings", "image Domains whose first signature ends", "columnheader Domains", "rowheader no-next-key", "table Findings", "cell",
		} {
			if seen[want] == 0 {
				t.Errorf("%s: no %q", v.name, want)
			}
		}
	}
}

// The picture of examples/danesurvey is of the page of an invented Internet, and can be made again by
//
//	go test -tags interop -count=1 -run SurveyPicture ./interop/browser -update
func TestSurveyPicture(t *testing.T) {
	tab := start(t).open(t, view{width: 1180, height: 900})
	tab.load(filepath.Join(surveys, "example.html"))
	var found bool
	tab.eval(`(() => {
		const section = id => document.getElementById(id).closest("section");
		for (const e of [section("dns-operators"), section("unknown"), section("findings").querySelector("table"), document.querySelector("footer")]) e.remove();
		for (const e of document.querySelectorAll("details, #ends ~ table, #ends ~ .notes")) e.remove();
		for (const id of ["dnssec", "algorithms", "tlsa-algorithms", "tlsa-parameters", "issuers", "actors"]) section(id).remove();
		scrollTo(0, 0);
		return document.querySelectorAll(".panel").length == 3;
	})()`, &found)
	if !found {
		t.Error("the page has other parts")
	}
	picture := compressed(t, tab.screenshot(1180, 0))
	file := filepath.Join("..", "..", "examples", "danesurvey", "report.png")
	if *update {
		must(t, os.WriteFile(file, picture, 0o644))
	}
	kept, err := os.ReadFile(file)
	must(t, err)
	for name, data := range map[string][]byte{"the picture": picture, "the one that is kept": kept} {
		config, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil || config.Width != 1180 || config.Height < 800 || len(data) > maxPicture {
			t.Errorf("%s: %+v, %d octets of at most %d, %v", name, config, len(data), maxPicture, err)
		}
	}
}
