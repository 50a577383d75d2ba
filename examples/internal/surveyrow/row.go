// Package surveyrow writes the rows of a list of domains as lines of JSON, one object each: where
// the domain stands in the list, what was found above all, and then the object of the result. It is
// what the programs of ours print that go through lists.
package surveyrow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
)

// A Head is what the object of a row begins with, in the order of its fields. Those but Line, Input
// and State are left out if they are zero.
type Head struct {
	At      time.Time       // "at": when it was asked
	Vantage string          // "vantage": from where
	Line    int             // "line" of the list, from 1
	Input   string          // "input": what stands there
	State   diagnosis.State // "state"
	Finding diagnosis.Code  // "finding": the code of the gravest
	Seen    time.Time       // "seen": when the oldest was seen of what was not asked again
	Busy    bool            // "busy": an address has long been busy, and was left alone
	Err     error           // "error": why the line has no domain
}

// HeadOf returns what a row begins with. The report is what diagnosis.Diagnose says of the
// result; that of a line without a domain is not looked at.
func HeadOf(row *survey.Row, report *diagnosis.Report) Head {
	h := Head{Line: row.Line, Input: row.Input, Seen: row.Seen, Busy: row.Busy, Err: row.Entry.Err}
	switch {
	case h.Err != nil:
		h.Finding = diagnosis.CodeNotADomain
	default:
		h.State = report.State
		if len(report.Findings) > 0 {
			h.Finding = report.Findings[0].Code
		}
	}
	return h
}

// Append appends a row as a line. The object is that of the result, as by AppendResult; it is
// empty for a line without a domain. A state that it begins with is not said twice.
func (h *Head) Append(line, object []byte) []byte {
	line = append(line, '{')
	if !h.At.IsZero() {
		line = append(appendInstant(append(line, `"at":`...), h.At), ',')
	}
	if h.Vantage != "" {
		line = append(appendString(append(line, `"vantage":`...), h.Vantage), ',')
	}
	line = strconv.AppendInt(append(line, `"line":`...), int64(h.Line), 10)
	line = appendString(append(line, `,"input":`...), h.Input)
	if !bytes.HasPrefix(object, []byte(`{"state":`)) {
		line = appendString(append(line, `,"state":`...), h.State.String())
	}
	if h.Finding != "" {
		line = appendString(append(line, `,"finding":`...), string(h.Finding))
	}
	if !h.Seen.IsZero() {
		line = appendInstant(append(line, `,"seen":`...), h.Seen)
	}
	if h.Busy {
		line = append(line, `,"busy":true`...)
	}
	if h.Err != nil {
		line = appendString(append(line, `,"error":`...), h.Err.Error())
	}
	if len(object) == 0 {
		return append(line, "}\n"...)
	}
	return append(append(append(line, ','), object[1:]...), '\n')
}

// AppendResult appends the object of a result, without a line's end: one of dane.Checker.Plan
// begins with what the DNS took, and another one with the report, which is a diagnosis.Report or
// has one embedded.
func AppendResult(object []byte, r *dane.Result, report any) ([]byte, error) {
	text, err := r.MarshalJSON() // json.Marshal would go through all of it once more
	if err != nil {
		return object, err
	}
	if r.Planned {
		object = slices.Grow(object, len(text)+64)
		object = fmt.Appendf(object, `{"dns_ms":%.3f,"queries":%d,`, float64(r.Elapsed)/float64(time.Millisecond), queries(r))
		return append(object, text[1:]...), nil
	}
	findings, err := json.Marshal(report)
	if err != nil {
		return object, err
	}
	object = slices.Grow(object, len(text)+len(findings))
	object = append(append(object, findings[:len(findings)-1]...), ',')
	return append(object, text[1:]...), nil
}

// queries counts those that the resolver sent for a result.
func queries(r *dane.Result) int {
	n := 0
	for _, l := range r.Lookups() {
		n += len(l.Exchanges)
	}
	return n
}

func appendInstant(text []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(text, '"'), time.RFC3339Nano), '"')
}

// appendString appends a string as JSON. What may have to be escaped is left to package
// encoding/json.
func appendString(text []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			quoted, err := json.Marshal(value)
			if err != nil {
				panic(err) // a string is always JSON
			}
			return append(text, quoted...)
		}
	}
	return append(append(append(text, '"'), value...), '"')
}
