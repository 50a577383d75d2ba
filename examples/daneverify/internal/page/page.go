package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// A Domain is one domain of a page.
type Domain struct {
	*dane.Result
	// Report is what diagnosis.Diagnose says of the Result.
	Report diagnosis.Report
	// About says in a few words what is special about it; it may be empty.
	About string
}

// Options of a page. The zero value is a good default.
type Options struct {
	// Title of the page. Empty means one that names the domain.
	Title string
	// Now is the instant from which the page counts. Zero means when the last Result began.
	Now time.Time
	// Anchors are the trust anchors in use, of which some may end.
	Anchors anchor.Set
	// By names what made the page, with its version; it may be empty.
	By string
	// Docs is what the links of findings begin with. Empty means where this project is.
	Docs string
	// Omitted counts domains that the caller has left out.
	Omitted int
}

const defaultDocs = "https://github.com/danesmtp/danesmtp/blob/main/"

func (o Options) docs() string {
	if o.Docs == "" {
		return defaultDocs
	}
	return o.Docs
}

// now returns the instant from which a page counts.
func (o Options) now(domains []Domain) time.Time {
	now := o.Now
	for _, d := range domains {
		if o.Now.IsZero() && d.Result != nil && d.Started.After(now) {
			now = d.Started
		}
	}
	return now
}

var (
	//go:embed page.css
	css string
	//go:embed page.html
	html string
	//go:embed drawings.html
	drawings string
)

// Write writes a page of HTML about the domains, of at most [MaxDomains] with a Result each. It
// is the same for the same input.
func Write(w io.Writer, domains []Domain, o Options) error {
	page, err := template.New("page").Parse(html)
	if err == nil {
		_, err = page.Parse(drawings)
	}
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	var text bytes.Buffer
	if err := page.Execute(&text, newPage(domains, o)); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	_, err = w.Write(text.Bytes())
	return err
}

func newPage(domains []Domain, o Options) pageView {
	now := o.now(domains)
	v := pageView{
		Title: clip(o.Title, maxName), Style: style(css), Policy: policy(css), Made: newInstant(now, now), By: clip(o.By, maxName),
		Legend:  []badge{{classOK, "good"}, {classWarning, "warning"}, {classBroken, "broken"}, {classUnknown, "unknown"}, {classNone, "without DANE, or not signed"}},
		Omitted: leftOut(max(0, len(domains)-MaxDomains)+o.Omitted, "domains are"),
	}
	domains = domains[:min(len(domains), MaxDomains)]
	domains = slices.DeleteFunc(slices.Clone(domains), func(d Domain) bool { return d.Result == nil })
	for i, d := range domains {
		v.Domains = append(v.Domains, newDomain(fmt.Sprintf("d%d", i+1), d, o, now))
	}
	switch {
	case len(domains) == 1 && o.Title == "":
		v.Title = "DANE report for " + v.Domains[0].Name
	case o.Title == "":
		v.Title = "DANE report for " + count(len(domains), "domain", "domains")
	}
	if len(domains) > 1 {
		v.Index, v.Counts = newIndex(domains, v.Domains)
	}
	return v
}

// policy forbids all but one style. A page from a file cannot forbid to be framed.
func policy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}
