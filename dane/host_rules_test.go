package dane_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// The rules about what to do with a host, and what experts found wrong in other
// implementations, by the issue where they said so. Each scenario has a DNS, as a script,
// maybe the policy for all destinations, and what follows for mail to example.org: a host a
// line with its action and, under DANE, the names of a certificate; then what was asked
// besides MX and addresses.
func TestHostRules(t *testing.T) {
	t.Parallel()
	runScenarios(t, "hosts", []string{"policy", "dns"}, func(t *testing.T, s scenario) string {
		var profile dane.Profile
		if text := s.sections["policy"]; text != "" {
			if err := json.Unmarshal([]byte(text), &profile); err != nil {
				t.Fatal(err)
			}
		}
		resolver := parseScript(s.sections["dns"])
		return actions(t, &dane.Verifier{Resolver: resolver, Policy: policy(t, profile)}, resolver)
	})
}

// actions says what is to be done for example.org.
func actions(t *testing.T, v *dane.Verifier, resolver *script) string {
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil {
		if len(resolver.asked) != 1 {
			t.Errorf("asked %v", resolver.asked)
		}
		if e, ok := errors.AsType[*dane.Error](err); !ok || !e.Permanent {
			return "temporary"
		}
		return "permanent"
	}
	var lines []string
	for _, mx := range d.MX {
		lines = append(lines, actionLine(t, v.LookupHost(t.Context(), d, mx)))
	}
	asked := slices.DeleteFunc(slices.Clone(resolver.asked), func(q string) bool {
		return strings.HasSuffix(q, " MX") || strings.HasSuffix(q, " A") || strings.HasSuffix(q, " AAAA")
	})
	if len(asked) > 0 {
		lines = append(lines, strings.ReplaceAll("asked "+strings.Join(asked, " "), " TLSA", ""))
	}
	return strings.Join(lines, "\n")
}

func actionLine(t *testing.T, h *dane.Host) string {
	line := h.Name + " " + h.Action.String()
	if len(h.Records) > 0 && h.Action != dane.Skip && h.Audited == nil {
		line += " " + strings.Join(h.Names, ",")
		if h.TLSConfig(nil).ServerName != h.Names[0] || h.MayCleartext() || h.Fallback() != nil {
			t.Errorf("%s: SNI %s, or it may be sent to in clear", h.Name, h.TLSConfig(nil).ServerName)
		}
	}
	if h.Audited != nil {
		line += ", audited: " + h.Audited.Action.String()
	}
	if (h.Action == dane.Skip) != (h.Err != nil && len(h.Addrs) == 0 && !h.Classify(h.Err).Permanent && h.Classify(h.Err).Code[0] == '4') {
		t.Errorf("%s: error %v, addresses %v", h.Name, h.Err, h.Addrs)
	}
	return line
}
