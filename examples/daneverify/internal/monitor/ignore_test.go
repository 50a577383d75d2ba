package monitor

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

func TestIgnore(t *testing.T) {
	t.Parallel()
	nextKey := finding(diagnosis.CodeNoNextKey, diagnosis.Warning, "mx", "One record.")
	soon := finding(diagnosis.CodeSignatureEnds, diagnosis.Warning, "", "Soon.")
	mismatch := finding(diagnosis.CodeTLSAMismatch, diagnosis.Broken, "mx", "Another key.")
	brokenNextKey := nextKey
	brokenNextKey.Severity = diagnosis.Broken
	for _, tt := range []struct {
		why    string
		ignore string
		report diagnosis.Report
		want   diagnosis.Report
	}{
		{"the only warning", "no-next-key", found(diagnosis.StateWarning, nextKey), found(diagnosis.StateOK)},
		{"one of two", "no-next-key", found(diagnosis.StateWarning, nextKey, soon), found(diagnosis.StateWarning, soon)},
		{"both", "no-next-key, signature-ends-soon", found(diagnosis.StateWarning, nextKey, soon), found(diagnosis.StateOK)},
		{"what is broken stays", "tlsa-mismatch", found(diagnosis.StateBroken, mismatch), found(diagnosis.StateBroken, mismatch)},
		{"also by a code that is a warning as a rule", "no-next-key", found(diagnosis.StateBroken, brokenNextKey), found(diagnosis.StateBroken, brokenNextKey)},
		{"a warning beside what is broken", "no-next-key", found(diagnosis.StateBroken, mismatch, nextKey), found(diagnosis.StateBroken, mismatch)},
	} {
		codes, err := ParseCodes(tt.ignore)
		if err != nil {
			t.Fatal(err)
		}
		before := len(tt.report.Findings)
		got := Ignore(tt.report, codes)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s:\n%s", tt.why, diff)
		}
		if len(tt.report.Findings) != before {
			t.Errorf("%s: the report was changed", tt.why)
		}
	}
	for _, list := range []string{"", "nonsense", "no-next-key,", "no-next-key;tlsa-mismatch"} {
		if codes, err := ParseCodes(list); err == nil {
			t.Errorf("%q: %v", list, codes)
		}
	}
}
