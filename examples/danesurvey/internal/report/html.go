package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// Options of a page. The zero value is a good default.
type Options struct {
	// Title of the page. Empty means "DANE survey".
	Title string
	// Vantage is the vantage point that the page is about. Empty means the one with most rows.
	Vantage string
	// List says where the domains came from; it may be empty.
	List string
	// By names what made the page, with its version; it may be empty.
	By string
	// Docs is what the links of findings begin with. Empty means where this project is.
	Docs string
}

const defaultDocs = "https://github.com/danesmtp/danesmtp/blob/main/"

var (
	//go:embed report.css
	css string
	//go:embed report.html
	html string
	//go:embed drawings.html
	drawings string
)

// WriteHTML writes the page. It is the same for the same rows.
func (r *Report) WriteHTML(w io.Writer, o Options) error {
	page, err := template.New("page").Parse(html)
	if err == nil {
		_, err = page.Parse(drawings)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var text bytes.Buffer
	if err := page.Execute(&text, r.page(o)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(text.Bytes())
	return err
}

// WritePage writes the page into a file, which is there whole or not at all.
func (r *Report) WritePage(file string, o Options) error {
	return replace(file, func(w io.Writer) error { return r.WriteHTML(w, o) })
}

// policy forbids all but one style. A page from a file cannot forbid to be framed.
func policy(style string) string {
	sum := sha256.Sum256([]byte(style))
	digest := base64.StdEncoding.EncodeToString(sum[:])
	return "default-src 'none'; style-src 'sha256-" + digest + "'; base-uri 'none'; form-action 'none'"
}

// A badge is a status in three forms: a colour and a shape, both by Class, and a word.
type badge struct{ Class, Word string }

// Classes of colours and shapes, as those of daneverify's pages.
const (
	classOK      = "ok"      // a disc with a tick
	classWarning = "warning" // a triangle with an exclamation mark
	classBroken  = "broken"  // an octagon with a cross
	classUnknown = "unknown" // a diamond with a question mark
	classNone    = "none"    // a square with a dash
	classPlain   = "plain"   // what is no status
)

func stateBadge(s diagnosis.State) badge {
	class := map[diagnosis.State]string{
		diagnosis.StateOK: classOK, diagnosis.StateWarning: classWarning,
		diagnosis.StateBroken: classBroken, diagnosis.StateNone: classNone,
	}[s]
	if class == "" {
		class = classUnknown
	}
	return badge{class, s.String()}
}

func severityBadge(s diagnosis.Severity) badge {
	class := map[diagnosis.Severity]string{
		diagnosis.Note: classNone, diagnosis.Warning: classWarning, diagnosis.Broken: classBroken,
	}[s]
	if class == "" {
		class = classUnknown
	}
	return badge{class, s.String()}
}

// parts are the states of a line, as parts of a bar.
func (t *tally) parts() (all []part) {
	for _, state := range stateOrder {
		all = append(all, part{stateBadge(state).Class, t.States[state]})
	}
	return all
}
