package danesmtp_test

import (
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// TestDocumentedPolicy reads the policy of a page as tlspolicy does.
func TestDocumentedPolicy(t *testing.T) {
	t.Parallel()
	_, block, _ := strings.Cut(read(t, "examples/tlspolicy/README.md"), "<!-- run by TestDocumentedPolicy -->\n")
	block, _, _ = strings.Cut(block, "\n\n")
	policy, err := dane.ReadPolicy(strings.NewReader(block))
	if err != nil {
		t.Fatalf("%v\n%s", err, block)
	}
	for name, want := range map[string]dane.Profile{
		"other.example":   {},
		"broken.example":  {DANE: dane.DANENone},
		"partner.example": {DANE: dane.DANEMandatory},
		"watched.example": {Audit: true},
		"strict.example":  {TLS: dane.TLSRequired},
	} {
		if got := policy.For(name); got.DANE != want.DANE || got.TLS != want.TLS || got.Audit != want.Audit {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
