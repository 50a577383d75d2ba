package anchor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
	"github.com/danesmtp/danesmtp/internal/limittest"
)

func TestLimitsOfASetOfKeys(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../../SECURITY.md", "One set of keys of a zone whose trust anchors are tracked", map[string]limittest.Row{
		"keys":                               {Limit: "64", Check: limitOfKeys},
		"keys of a zone that are remembered": {Limit: "64", Check: limitOfKnownKeys},
		"signatures looked at, and checked":  {Limit: "64, 16", Check: limitOfSignatures},
		"time for a refresh":                 {Limit: "5 seconds", Tests: []string{"../TestLimitOfARefresh"}},
	})
}

// strangers are keys that nobody has.
func strangers(zone string, from, n int) (keys []*sign.Key) {
	for i := range n {
		keys = append(keys, &sign.Key{Public: &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: sign.KSK, Protocol: 3, Algorithm: dns.ED25519, PublicKey: fmt.Sprintf("%042d0=", from+i),
		}})
	}
	return keys
}

// observed hands over a set, and returns the keys that are known then.
func observed(t *testing.T, tracker *anchor.Tracker, records []dns.RR, fails string) (known int) {
	t.Helper()
	err := tracker.Observe(t.Context(), start, ".", records)
	if fails == "" && err != nil || fails != "" && (err == nil || !strings.Contains(err.Error(), fails)) {
		t.Errorf("error %v, want %q", err, fails)
	}
	points, err := tracker.TrustPoints(start)
	if err != nil {
		t.Fatal(err)
	}
	return len(points[0].Keys)
}

func limitOfKeys(t *testing.T) {
	key := newKey(t, ".")
	for n, fails := range map[int]string{64: "", 65: "more than 64 keys"} {
		tracker := &anchor.Tracker{Start: dsOf(key)}
		known := observed(t, tracker, signedKeys(t, start, append(strangers(".", 0, n-1), key), key), fails)
		if want := map[int]int{64: 64, 65: 0}[n]; known != want {
			t.Errorf("%d keys: %d are known, want %d", n, known, want)
		}
	}
}

func limitOfKnownKeys(t *testing.T) {
	key := newKey(t, ".")
	tracker := &anchor.Tracker{Start: dsOf(key)}
	// Keys that are missing from the second set stay for their time or start anew; those of
	// each are more than half of what is remembered.
	for i := range 3 {
		if known := observed(t, tracker, signedKeys(t, start.Add(time.Duration(i)), append(strangers(".", 100*i, 60), key), key), ""); known > 64 {
			t.Errorf("%d keys are known", known)
		}
	}
}

func limitOfSignatures(t *testing.T) {
	key := newKey(t, ".")
	good := signedKeys(t, start, []*sign.Key{key}, key)
	before := func(n int, change func(sig *dns.RRSIG, i int)) (records []dns.RR) {
		records = append(records, good[0])
		for i := range n {
			bad := *good[1].(*dns.RRSIG)
			change(&bad, i)
			records = append(records, &bad)
		}
		return append(records, good[1])
	}
	wrong := func(sig *dns.RRSIG, i int) { sig.OrigTtl += uint32(i) + 1 }
	other := func(sig *dns.RRSIG, _ int) { sig.KeyTag++ }
	for _, tt := range []struct {
		records []dns.RR
		fails   string
		known   int
	}{
		{before(15, wrong), "", 1},
		{before(16, wrong), "more than 16 signatures", 0},
		{before(63, other), "", 1},
		{before(64, other), anchor.ErrUnsigned.Error(), 0},
	} {
		if known := observed(t, &anchor.Tracker{Start: dsOf(key)}, tt.records, tt.fails); known != tt.known {
			t.Errorf("%d signatures: %d keys are known, want %d", len(tt.records)-1, known, tt.known)
		}
	}
}
