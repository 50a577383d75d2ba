package dnssec

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A flight waits for those nearer the anchor alone, and so none for one that waits for it.
func TestFlightsWaitForNearerOnes(t *testing.T) {
	t.Parallel()
	var fromTheAnchor []question
	for _, text := range []string{".", "test.", "zone.test.", "mail.zone.test."} {
		name, err := canonical.ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, qtype := range []uint16{dns.TypeDS, dns.TypeDNSKEY, dns.TypeMX} {
			fromTheAnchor = append(fromTheAnchor, question{name, qtype})
		}
	}
	for i, q := range fromTheAnchor {
		for j, other := range fromTheAnchor {
			l := &lookup{flight: &flight{flightKey: flightKey{question: q}}}
			if l.mayAwait(other) != (j < i) {
				t.Errorf("%s %s may wait for %s %s: %v", q.name, dns.Type(q.qtype), other.name, dns.Type(other.qtype), j >= i)
			}
		}
	}
	if caller := (&lookup{}); !caller.mayAwait(fromTheAnchor[11]) {
		t.Error("a caller's lookup does not share")
	}
}
