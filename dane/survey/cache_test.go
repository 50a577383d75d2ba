package survey

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// TestMemoryOfSightings: servers that say a lot make others be forgotten.
func TestMemoryOfSightings(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	c := newCache(limit, time.Hour)
	large := &sighting{at: time.Now(), presented: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: make([]byte, 60_000)}}}}
	large.result = &smtpprobe.Result{Steps: []smtpprobe.Step{{Reply: smtpprobe.Reply{Lines: []string{strings.Repeat("x", 10_000)}}}}}
	for i := range 1000 {
		key := serverKey{sni: fmt.Sprintf("mx%d.example", i)}
		if _, shared, err := c.sight(t.Context(), key, nil, func() (*sighting, error) { return large, nil }); shared || err != nil {
			t.Fatal(shared, err)
		}
		if c.octets > limit || len(c.entries) != c.recent.Len() || len(c.inFlight) > 0 {
			t.Fatalf("%d octets in %d entries, %d in flight", c.octets, len(c.entries), len(c.inFlight))
		}
	}
	if n := len(c.entries); n < 2 || n > limit/200_000 {
		t.Errorf("%d entries of 200,000 octets in %d", n, limit)
	}
	if c.entries[serverKey{sni: "mx999.example"}] == nil {
		t.Error("the last one is forgotten")
	}
}
