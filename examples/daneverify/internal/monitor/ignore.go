package monitor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// ParseCodes reads codes of findings with commas between them.
func ParseCodes(list string) (codes []diagnosis.Code, err error) {
	for text := range strings.SplitSeq(list, ",") {
		code := diagnosis.Code(strings.TrimSpace(text))
		if !slices.Contains(diagnosis.Codes(), code) {
			return nil, fmt.Errorf("%.60q is not the code of a finding; docs/findings.md has them", text)
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// Ignore returns a report without the warnings of some kinds, which those who run the domain
// know and accept. What is broken now is never left out.
func Ignore(r diagnosis.Report, codes []diagnosis.Code) diagnosis.Report {
	left := slices.DeleteFunc(slices.Clone(r.Findings), func(f diagnosis.Finding) bool {
		return f.Severity == diagnosis.Warning && slices.Contains(codes, f.Code)
	})
	warned := slices.ContainsFunc(left, func(f diagnosis.Finding) bool { return f.Severity == diagnosis.Warning })
	if r.State == diagnosis.StateWarning && !warned {
		r.State = diagnosis.StateOK
	}
	r.Findings = left
	return r
}
