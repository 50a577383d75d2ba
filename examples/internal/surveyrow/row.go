// Package surveyrow writes the rows of a list of domains as lines of JSON, one object each: where
// the domain stands in the list, what was found above all, and then the object of the result. It is
// what the programs of ours print that go through lists.
package surveyrow

import (
	"bytes"
	"encoding/json"
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
	line = h.append(line, bytes.HasPrefix(object, []byte(`{"state":`)))
	if len(object) == 0 {
		return append(line, "}\n"...)
	}
	return append(append(append(line, ','), object[1:]...), '\n')
}

// AppendRow is AppendResult and Append in one, without a copy: what it takes room for is the line
// alone, if there is none yet.
func (h *Head) AppendRow(line []byte, r *dane.Result, report any) ([]byte, error) {
	whole := h.append(line, !r.Planned)
	at := len(whole)
	whole, err := AppendResult(whole, r, report)
	if err != nil {
		return line, err
	}
	whole[at] = ',' // for the brace of the object
	return append(whole, '\n'), nil
}

// append appends what the object of a row begins with, without the state if that follows.
func (h *Head) append(line []byte, stateFollows bool) []byte {
	line = append(line, '{')
	if !h.At.IsZero() {
		line = append(appendInstant(append(line, `"at":`...), h.At), ',')
	}
	if h.Vantage != "" {
		line = append(appendString(append(line, `"vantage":`...), h.Vantage), ',')
	}
	line = strconv.AppendInt(append(line, `"line":`...), int64(h.Line), 10)
	line = appendString(append(line, `,"input":`...), h.Input)
	if !stateFollows {
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
	return line
}

// AppendResult appends the object of a result, without a line's end: one of dane.Checker.Plan
// begins with what the DNS took, and another one with the report, which is a diagnosis.Report or
// has one embedded.
func AppendResult(object []byte, r *dane.Result, report any) ([]byte, error) {
	whole := object
	if r.Planned {
		whole = append(whole, `{"dns_ms":`...)
		whole = strconv.AppendFloat(whole, float64(r.Elapsed)/float64(time.Millisecond), 'f', 3, 64)
		whole = strconv.AppendInt(append(whole, `,"queries":`...), int64(queries(r)), 10)
	} else {
		findings, err := json.Marshal(report)
		if err != nil {
			return object, err
		}
		whole = append(whole, findings[:len(findings)-1]...)
	}
	at := len(whole)
	whole, err := r.AppendJSON(whole)
	if err != nil {
		return object, err
	}
	whole[at] = ',' // for the brace of the result
	return whole, nil
}

// queries counts those that the resolver sent for a result.
func queries(r *dane.Result) int {
	n := 0
	for l := range r.AllLookups() {
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
