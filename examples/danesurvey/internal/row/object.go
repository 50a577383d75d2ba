package row

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
)

// An objectHead is what the object of a line begins with in "daneverify -json -input".
type objectHead struct {
	Line    int    `json:"line"`
	Input   string `json:"input"`
	State   string `json:"state,omitempty"`
	Finding string `json:"finding,omitempty"`
	Seen    string `json:"seen,omitempty"`
	Busy    bool   `json:"busy,omitempty"`
	Error   string `json:"error,omitempty"`
}

// appendObject appends the object that "daneverify -json -input" prints of a row.
func appendObject(b []byte, r *survey.Row) ([]byte, error) {
	h := objectHead{Line: r.Line, Input: r.Input, Busy: r.Busy}
	if r.Result == nil {
		h.State, h.Finding = diagnosis.StateUnknown.String(), string(diagnosis.CodeNotADomain)
		h.Error = fmt.Sprint(r.Entry.Err)
		text, err := json.Marshal(h)
		return append(b, text...), err
	}
	report := diagnosis.Diagnose(r.Result, diagnosis.Options{})
	if len(report.Findings) > 0 {
		h.Finding = string(report.Findings[0].Code)
	}
	if !r.Seen.IsZero() {
		h.Seen = r.Seen.UTC().Format(time.RFC3339Nano)
	}
	first, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	findings, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	rest, err := r.Result.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return slices.Concat(b, first[:len(first)-1], []byte(","), findings[1:len(findings)-1], []byte(","), rest[1:]), nil
}
