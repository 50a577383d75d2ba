package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// writeFindings writes what is wrong with the domain, at all its hosts and addresses,
// below the verdict of a sender, which may have found one that is good.
func (p *printer) writeFindings(w io.Writer, r *dane.Result) error {
	report := diagnosis.Diagnose(r, diagnosis.Options{})
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if p.verbose {
		return report.WriteLongText(w)
	}
	return report.WriteText(w)
}

// writeJSON writes the object that dane has for a result, with the state and the findings
// before the rest.
func writeJSON(w io.Writer, r *dane.Result, report diagnosis.Report) error {
	text, err := r.MarshalJSON() // json.Marshal would go through all of it once more
	if err != nil {
		return err
	}
	findings, err := json.Marshal(report)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s,%s\n", findings[:len(findings)-1], text[1:])
	return err
}
