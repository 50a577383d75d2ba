package report

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

type (
	pageView struct {
		Title, Policy, By string
		Style             template.CSS // this package's own
		Made              instant
		Unfinished        string // how far the survey is, if it is not through the list
		Facts             []factView
		Figures           []figureView
		Sections          []sectionView
		Panels            []sectionView
		Last              []sectionView
		Empty             bool
	}
	factView   struct{ Term, Text string }
	figureView struct{ Number, Share, Label string }
	instant    struct{ Machine, Shown string }

	sectionView struct {
		ID, Title, Text string
		Empty           string // what is said instead of a table
		Notes           []string
		Charts          []drawing
		Legend          []badge
		Table           tableView
		Open            bool // the table is not folded
	}
	tableView struct {
		Head []headView
		Rows [][]cellView // the first cell of each is its header
	}
	headView struct {
		Text   string
		Number bool
	}
	cellView struct {
		Head, Text string
		Link       string // where the text leads to
		Badge      *badge
		Number     bool
		Name       bool // of a host, a code, or a record
		Sentence   bool // it needs no name of its column
	}
)

// page makes the view of a page.
func (r *Report) page(o Options) pageView {
	n := r.main(o.Vantage)
	if o.Docs == "" {
		o.Docs = defaultDocs
	}
	v := pageView{
		Title: "DANE survey", Style: template.CSS(css), Policy: policy(css), By: clip(o.By), Made: newInstant(n.last),
		Facts: r.facts(n, o), Figures: n.figures(), Empty: n.all.Domains == 0,
		Unfinished: r.unfinished(n),
	}
	if o.Title != "" {
		v.Title = clip(o.Title)
	}
	if v.Empty {
		v.Figures = v.Figures[:1]
		return v
	}
	v.Sections = []sectionView{n.states()}
	if len(r.vantages) > 1 {
		v.Sections = append(v.Sections, r.vantagePoints())
	}
	v.Sections = append(v.Sections,
		n.findingsView(o), n.tableSection(ofProvider, true), n.tableSection(ofOperator, true))
	for _, kind := range []kind{
		ofDNSSEC, ofAlgorithm, ofTLSAAlgorithm, ofParameters, ofSet, ofScheme, ofVersion, ofIssuer, ofActor,
	} {
		v.Panels = append(v.Panels, n.tableSection(kind, false))
	}
	v.Last = []sectionView{n.endsView(), n.unknown(o)}
	return v
}

func newInstant(at time.Time) instant {
	if at.IsZero() {
		return instant{}
	}
	return instant{at.UTC().Format(time.RFC3339), shownTime(at)}
}

// facts say when and from where it was asked.
func (r *Report) facts(n *numbers, o Options) []factView {
	var facts []factView
	if o.List != "" {
		facts = append(facts, factView{"List", clip(o.List)})
	}
	lines := grouped(n.rows)
	if all := r.lines(n); all > n.rows {
		lines += " of " + grouped(all)
	}
	facts = append(facts, factView{"Lines", lines})
	if n.bad > 0 {
		bad := count(n.bad, "line; it counts nowhere else", "lines; they count nowhere else")
		facts = append(facts, factView{"Without a domain", bad})
	}
	if !n.first.IsZero() {
		facts = append(facts, factView{"Asked", fmt.Sprintf("from %s to %s, in %s",
			shownTime(n.first), shownTime(n.last), shownSpan(n.last.Sub(n.first)))})
	}
	if len(r.vantages) > 1 || n.vantage != "" {
		facts = append(facts, factView{"Vantage point", n.shownVantage()})
	}
	if n.planned > 0 {
		facts = append(facts, factView{"Looked up only",
			count(n.planned, "domain", "domains") + ": no mail server was connected to, so that those with DANE are unknown"})
	}
	if n.seen > 0 {
		facts = append(facts, factView{"Shared connections",
			count(n.seen, "domain was", "domains were") + " judged by what a mail server had shown before"})
	}
	return facts
}

func (n *numbers) shownVantage() string {
	if n.vantage == "" {
		return "without a name"
	}
	return clip(n.vantage)
}

// figures are the numbers that people quote.
func (n *numbers) figures() []figureView {
	all := n.all.Domains
	signed := n.tables[ofDNSSEC].names["secure"]
	secure := 0
	if signed != nil {
		secure = signed.Domains
	}
	good := n.all.States[diagnosis.StateOK] + n.all.States[diagnosis.StateWarning]
	return []figureView{
		{grouped(all), "", "domains"},
		{grouped(secure), percent(secure, all), "have signed MX records"},
		{grouped(n.all.DANE), percent(n.all.DANE, all), "have DANE at a mail server"},
		{grouped(good), percent(good, all), "have it at all of them, and it works"},
		{grouped(n.all.States[diagnosis.StateBroken]), percent(n.all.States[diagnosis.StateBroken], all), "are broken"},
		{grouped(n.broken), percent(n.broken, n.all.DANE), "of those with DANE are broken"},
	}
}

// stateTexts are the words of docs/daneverify.md.
var stateTexts = [states]string{
	diagnosis.StateUnknown: "something that counts could not be found out",
	diagnosis.StateNone:    "DANE does not protect the domain, and nothing is broken",
	diagnosis.StateOK:      "every mail server is authenticated at every address",
	diagnosis.StateWarning: "so it is, but not for long, or not through the next change of a key",
	diagnosis.StateBroken: "something is broken now, and somebody must act, even where mail still finds another way. " +
		"A domain that does not exist is broken, too.",
}

func (n *numbers) states() sectionView {
	all := n.all.Domains
	v := sectionView{
		ID: "states", Title: "States", Text: "How the domains are, with all their hosts and addresses.", Open: true,
	}
	const text = "One bar, of which each state has its share. The table below has the numbers."
	for _, p := range both(v.ID) {
		v.Charts = append(v.Charts, p.stacked("States of "+count(all, "domain", "domains"), text, n.all.parts(), all))
	}
	v.Table.Head = []headView{{"State", false}, {"Domains", true}, {"Share", true}, {"What it means", false}}
	for _, state := range stateOrder {
		b := stateBadge(state)
		v.Table.add(cellView{Badge: &b}, number(n.all.States[state]), share(n.all.States[state], all),
			cellView{Text: stateTexts[state], Sentence: true})
	}
	return v
}

func number(n int) cellView { return cellView{Text: grouped(n), Number: true} }

func share(n, all int) cellView { return cellView{Text: percent(n, all), Number: true} }

// add adds a row; each cell gets the name of its column.
func (t *tableView) add(cells ...cellView) {
	for i := range cells {
		cells[i].Head = t.Head[i].Text
	}
	t.Rows = append(t.Rows, cells)
}

// otherLines says what the others of a table are.
func otherLines(more int, exact bool) string {
	switch {
	case more == 0 || !exact:
		return "all others"
	default:
		return count(more, "other", "others")
	}
}

// off says how far off the counts of a table may be; nothing if they are exact.
func (f *frequent) off() string {
	if f.low == 0 {
		return ""
	}
	return fmt.Sprintf("There are more names than the table has room for: a number may be too low by up to %s, "+
		"which then count among the others.", grouped(f.low))
}

// tableSection is about one table. A large one has a drawing for each width of a screen.
func (n *numbers) tableSection(of kind, large bool) sectionView {
	about, t := &tables[of], &n.tables[of]
	v := sectionView{ID: strings.ReplaceAll(about.file, "_", "-"), Title: about.title, Text: about.text}
	lines, rest, more := t.top(about.shown)
	if len(lines) == 0 {
		v.Empty = about.empty
		return v
	}
	plans := small(v.ID)
	if large {
		plans = both(v.ID)
	}
	v.bars(plans, n.barsOf(of, lines, large))
	if large {
		for _, state := range stateOrder {
			v.Legend = append(v.Legend, stateBadge(state))
		}
	}
	v.Table = n.rowsOf(of, lines, rest, otherLines(more, t.low == 0), large)
	if note := t.off(); note != "" {
		v.Notes = append(v.Notes, note)
	}
	return v
}

// bars adds a drawing of bars for each plan.
func (v *sectionView) bars(plans []plan, all []bar) {
	text := fmt.Sprintf("%s, the longest first: %s, %s. The table has the numbers.",
		count(len(all), "bar", "bars"), all[0].Label, all[0].Value)
	for _, p := range plans {
		v.Charts = append(v.Charts, p.bars(v.Title, text, all))
	}
}

// barsOf are the bars of the first lines. Those of large drawings have a part for each state.
func (n *numbers) barsOf(of kind, lines []line, large bool) (bars []bar) {
	about := &tables[of]
	for _, l := range lines[:min(len(lines), about.drawn)] {
		b := bar{Label: about.labelOf(l.Name), Value: n.shareOf(l), Parts: []part{{classPlain, l.Domains}}}
		if large {
			b.Value, b.Parts = fmt.Sprintf("%s, DANE %s", grouped(l.Domains), percent(l.DANE, l.Domains)), l.parts()
		}
		bars = append(bars, b)
	}
	return bars
}

// shareOf is how many domains a line has, of all.
func (n *numbers) shareOf(l line) string {
	return grouped(l.Domains) + " (" + percent(l.Domains, n.all.Domains) + ")"
}

// rowsOf are the lines as a table, which for a large drawing has the states.
func (n *numbers) rowsOf(of kind, lines []line, rest tally, others string, large bool) tableView {
	about := &tables[of]
	t := tableView{Head: []headView{
		{capital(about.column), false}, {"Domains", true}, {"Share", true}, {"With DANE", true},
	}}
	if large {
		for _, state := range stateOrder {
			t.Head = append(t.Head, headView{capital(state.String()), true})
		}
	}
	row := func(name string, part cellView, l *tally) {
		cells := []cellView{{Text: name}, number(l.Domains), part, share(l.DANE, l.Domains)}
		for _, state := range stateOrder[:len(t.Head)-len(cells)] {
			cells = append(cells, number(l.States[state]))
		}
		t.add(cells...)
	}
	for i := range lines {
		row(about.labelOf(lines[i].Name), share(lines[i].Domains, n.all.Domains), &lines[i].tally)
	}
	if rest.Domains > 0 {
		row(others, cellView{}, &rest) // a domain may be among them several times
	}
	return t
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
