package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A pageView is what the template shows: all text in it has been clipped.
type pageView struct {
	Title   string
	Policy  string
	Style   style
	Made    instant
	By      string
	Index   []indexView // of several domains
	Counts  []countView
	Domains []domainView
	Legend  []badge
	Omitted string
}

type (
	indexView struct {
		ID, Name, About string
		State           badge
		First           string // the gravest finding
		More            string
	}
	countView struct {
		State badge
		N     int
	}
	domainView struct {
		ID, Name, About string
		State           badge
		Meaning, Sender string
		Facts           []factView
		Findings        []findingView
		Chain           chainView
		Hosts           []hostView
		Certificates    []chainOfCertificates
		Timeline        timelineView
		Sessions        []sessionView
		Answers         []answerView
		Planned         bool
		Omitted         omittedView
	}
	omittedView struct{ Findings, Hosts, Certificates, Sessions, Answers string }
	factView    struct{ Name, Value string }
	findingView struct {
		Code, About, Text, Fix    string
		Severity                  badge
		Actor, Host, Addresses    string
		Publish, Remove, Evidence []string
		Link                      string
	}
)

func newDomain(id string, d Domain, o Options, now time.Time) domainView {
	r := d.Result
	g := newGraph(r.Lookups())
	chains := presentedBy(r)
	ends := periods(g, chains, o.Anchors)
	v := domainView{
		ID: id, Name: clip(r.Name, maxName), About: clip(d.About, maxText), State: stateBadge(d.Report.State),
		Meaning: d.Report.State.About(), Sender: senderWords(r, d.Report.State), Planned: r.Planned,
		Chain: newChainView(id+"-chain", r.Name, g, now), Timeline: newTimeline(id+"-time", r.Name, ends, now),
	}
	v.Facts = facts(r, ends, now)
	for _, f := range d.Report.Findings[:min(len(d.Report.Findings), maxFindings)] {
		v.Findings = append(v.Findings, newFinding(f, o))
	}
	shown := make(map[shownCertificate]bool)
	for _, p := range chains[:min(len(chains), maxChains)] {
		v.Certificates = append(v.Certificates, newChainOfCertificates(p, shown, now))
	}
	v.Hosts, v.Omitted.Hosts = newHosts(id, r)
	v.Sessions, v.Omitted.Sessions = newSessions(r)
	v.Answers, v.Omitted.Answers = newAnswers(r, now)
	v.Omitted.Findings = leftOut(len(d.Report.Findings)-maxFindings, "findings are")
	v.Omitted.Certificates = leftOut(len(chains)-maxChains, "chains of certificates are")
	return v
}

// senderWords says what a sender of mail gets, who may have found one good host among
// broken ones.
func senderWords(r *dane.Result, state diagnosis.State) string {
	switch {
	case r.Unresolved:
		return "Nothing is known: no DNS server that is capable of DNSSEC answered."
	case r.Local:
		return "Nothing is known, for a lack of the machine that looked: " + cause(r)
	case r.Planned:
		return "No mail server was connected to; only the DNS was looked at."
	case r.Outcome == dane.OutcomeSuccess && state == diagnosis.StateBroken:
		return "A sender still delivers now, as there is a server and an address where DANE holds."
	case r.Outcome == dane.OutcomeSuccess:
		return "A sender delivers now, to a server that DANE has authenticated."
	case r.Outcome == dane.OutcomeNone:
		return "A sender delivers now, without authentication by DANE."
	case r.Permanent():
		return "A sender returns mail now, and does not try again: " + cause(r)
	}
	return "A sender does not deliver now, and tries again later: " + cause(r)
}

func cause(r *dane.Result) string {
	if r.Err == nil {
		return "no reason is known."
	}
	failure := r.Failure()
	return clip(cmp.Or(failure.Reason, failure.Text), maxText) + "."
}

func facts(r *dane.Result, ends []period, now time.Time) []factView {
	authenticated, tried := 0, 0
	for i := range r.Hosts {
		for j := range r.Hosts[i].Attempts {
			tried++
			if a := &r.Hosts[i].Attempts[j]; a.Authenticated && a.Err == nil {
				authenticated++
			}
		}
	}
	all := []factView{
		{"Checked", shownTime(r.Started) + ", in " + milliseconds(r.Elapsed)},
		{"Mail servers", count(len(r.Hosts), "server", "servers") + ", " + count(tried, "address tried", "addresses tried") + fmt.Sprintf(", %d authenticated", authenticated)},
	}
	for _, p := range ends {
		if p.idle == "" && !p.renewsItself(now) {
			all = append(all, factView{"Next end", clip(fmt.Sprintf("%s %s, %s", p.what, p.name, shownSpan(now, p.until)), maxText)})
			break
		}
	}
	return all
}

func newFinding(f diagnosis.Finding, o Options) findingView {
	var addresses []string
	for _, a := range f.Addresses[:min(len(f.Addresses), maxAddresses)] {
		addresses = append(addresses, a.String())
	}
	if more := leftOut(len(f.Addresses)-maxAddresses, "are"); more != "" {
		addresses = append(addresses, more)
	}
	return findingView{
		Code: clip(string(f.Code), maxName), About: f.Code.About(), Severity: severityBadge(f.Severity), Actor: f.Actor.String(),
		Text: clip(f.Text, printable.Max), Fix: clip(f.Fix, printable.Max), Host: clip(f.Host, maxName), Addresses: strings.Join(addresses, ", "),
		Publish: records(f.Publish), Remove: records(f.Remove), Evidence: lines(f.Evidence, maxRecordLines, "lines are"),
		Link: o.docs() + f.Link,
	}
}

// records returns records as they are to be copied: none is cut by more than the finding
// has cut it.
func records(texts []string) (shown []string) {
	for _, text := range texts[:min(len(texts), maxRecordLines)] {
		shown = append(shown, printable.Line(text))
	}
	if more := len(texts) - maxRecordLines; more > 0 {
		shown = append(shown, "; "+leftOut(more, "records are")) // a comment in a zone file
	}
	return shown
}

// worstFirst is the order in which states call for somebody to act.
var worstFirst = []diagnosis.State{diagnosis.StateBroken, diagnosis.StateUnknown, diagnosis.StateWarning, diagnosis.StateNone, diagnosis.StateOK}

// newIndex returns the rows above several domains, the worst first, and how many are in which state.
func newIndex(domains []Domain, shown []domainView) (rows []indexView, counts []countView) {
	n, ranks := make(map[diagnosis.State]int), make(map[string]int)
	for i, v := range shown {
		report := domains[i].Report
		n[report.State]++
		row := indexView{ID: v.ID, Name: v.Name, About: v.About, State: v.State}
		if len(v.Findings) > 0 {
			row.First = v.Findings[0].Text
		}
		if more := len(report.Findings) - 1; more > 0 {
			row.More = fmt.Sprintf("and %s", count(more, "other finding", "other findings"))
		}
		rows = append(rows, row)
		ranks[row.ID] = slices.Index(worstFirst, report.State)
	}
	slices.SortStableFunc(rows, func(a, b indexView) int { return cmp.Compare(ranks[a.ID], ranks[b.ID]) })
	for _, s := range worstFirst {
		if n[s] > 0 {
			counts = append(counts, countView{stateBadge(s), n[s]})
		}
	}
	return rows, counts
}
