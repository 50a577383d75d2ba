// Package row is one line of results: what "daneverify -json -input" prints of a domain, with
// when and from where it was asked.
//
// [Of] makes one of what package survey has found out, and [Parse] reads one back. Its text
// is JSON, of which the keys of a Row come first.
package row

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/surveyrow"
)

// MaxText bounds the JSON of a row in octets. A domain with all the hosts and records that
// package dane looks at has less.
const MaxText = 64 << 20

// A Row is what is known about one line of a list, as seen from one vantage point.
type Row struct {
	// Vantage is the name of the vantage point; empty where there is one only.
	Vantage string
	// At is when it was asked, by the clock of the machine that did.
	At time.Time
	// NoVerdict: nothing is known about the domain, for a lack of the machine that asked, for want of
	// a DNS server, or since its mail servers were busy. It can be asked again.
	NoVerdict bool
	// Line is its number in the list, and Input what stands there.
	Line  int
	Input string
	// State and Finding are those of package diagnosis: the code of the gravest. Finding is
	// empty if there is nothing to be said.
	State, Finding string
	// Text is all of it: one line of JSON, without the line feed.
	Text []byte
}

// Options say how a row was come by.
type Options struct {
	// Vantage point; empty where there is one only.
	Vantage string
	// Now is for lines that nobody was asked about. Zero means the time.
	Now time.Time
	// Direct: the zones' own servers were asked, and no resolver.
	Direct bool
}

// Of returns the row of what was found out.
func Of(r *survey.Row, o Options) (Row, error) {
	var report diagnosis.Report
	at := o.Now
	if at.IsZero() {
		at = time.Now()
	}
	if r.Result != nil {
		at = r.Result.Started
		report = diagnosis.Diagnose(r.Result, diagnosis.Options{Direct: o.Direct})
	}
	head := surveyrow.HeadOf(r, &report)
	head.At, head.Vantage = at.UTC().Round(0), o.Vantage
	var text []byte
	if noVerdict(r) {
		text = append(text, `{"no_verdict":true,`...)
	}
	start := len(text)
	if r.Result == nil {
		text = head.Append(text, nil)
	} else {
		var err error
		if text, err = head.AppendRow(text, r.Result, report); err != nil {
			return Row{}, fmt.Errorf("line %d: %w", r.Line, err)
		}
	}
	if start > 0 {
		text = slices.Delete(text, start, start+1) // its brace
	}
	text = slices.Clip(bytes.Clone(bytes.TrimRight(text, "\n"))) // it is kept, so that it has no room to spare
	return Row{
		Vantage: o.Vantage, At: head.At, NoVerdict: noVerdict(r), Line: r.Line, Input: r.Input,
		State: head.State.String(), Finding: string(head.Finding), Text: text,
	}, nil
}

// noVerdict reports whether a domain can be asked again. A line without a domain stays one, and a name that
// is no domain name.
func noVerdict(r *survey.Row) bool {
	own := *r
	own.Err = nil
	return own.Result != nil && !own.Verdict()
}

// AppendLines appends the texts of rows, a line each.
func AppendLines(text []byte, rows []Row) []byte {
	size := 0
	for _, r := range rows {
		size += len(r.Text) + 1
	}
	text = slices.Grow(text, size)
	for _, r := range rows {
		text = append(append(text, r.Text...), '\n')
	}
	return text
}

// Parse reads a line of JSON, with or without its line feed. The Row keeps the text.
func Parse(text []byte) (Row, error) {
	var v struct {
		Vantage   string    `json:"vantage"`
		At        time.Time `json:"at"`
		NoVerdict bool      `json:"no_verdict"`
		Line      int       `json:"line"`
		Input     string    `json:"input"`
		State     string    `json:"state"`
		Finding   string    `json:"finding"`
	}
	text = bytes.TrimRight(text, "\r\n")
	head := bytes.TrimLeft(text, " \t")
	if bytes.HasPrefix(head, []byte("{")) && json.Valid(head) {
		head = headOf(head)
	}
	if err := json.Unmarshal(head, &v); err != nil {
		return Row{}, err
	}
	if err := cmp.Or(wrongVantage(v.Vantage), wrongLine(v.Line)); err != nil {
		return Row{}, err
	}
	return Row{
		Vantage: v.Vantage, At: v.At, NoVerdict: v.NoVerdict, Line: v.Line, Input: v.Input,
		State: v.State, Finding: v.Finding, Text: text,
	}, nil
}

// headOf returns an object of those fields of a valid one that come before the first array or object in it: they
// have all keys of a Row, and a hundredth of the text.
func headOf(text []byte) []byte {
	quoted, end := false, 1
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			end = i
		case c == '{', c == '[':
			return append(bytes.Clone(text[:end]), '}')
		}
	}
	return text
}

func wrongLine(n int) error {
	if n < 1 {
		return fmt.Errorf("line %d: lines are counted from 1", n)
	}
	return nil
}

// wrongVantage returns what is wrong with the name of a vantage point.
func wrongVantage(name string) error {
	const most = 63
	if len(name) > most {
		return fmt.Errorf("vantage point %.70q: a name has at most %d octets", name, most)
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return fmt.Errorf("vantage point %q: a name has letters, digits, - and _", name)
		}
	}
	return nil
}

// CheckVantage returns an error unless a vantage point can have the name.
func CheckVantage(name string) error {
	if name == "" {
		return errors.New("the vantage point has no name")
	}
	return wrongVantage(name)
}
