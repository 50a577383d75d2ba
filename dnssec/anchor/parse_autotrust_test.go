package anchor_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// rootState is a file as Unbound writes it, shortened by the size of the keys.
var rootState = `; autotrust trust anchor file
;;id: . 1
;;last_queried: 1795478400 ;;Tue Nov 24 00:00:00 2026
;;last_success: 1795478400 ;;Tue Nov 24 00:00:00 2026
;;next_probe_time: 1795521600 ;;Tue Nov 24 12:00:00 2026
;;query_failed: 0
;;query_interval: 43200
;;retry_time: 8640
` + ksk2017Line + ` ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1795478400 ;;Tue Nov 24 00:00:00 2026
`

// ksk2017Line is the key as a state file has it.
var ksk2017Line = strings.Replace(ksk2017, ". IN", ".\t172800\tIN", 1) + " ;{id = 20326 (ksk)}"

func TestStateFile(t *testing.T) {
	t.Parallel()
	store := stateFile(t, rootState)
	points, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 1 || len(points[0].Keys) != 1 {
		t.Fatalf("%d trust points", len(points))
	}
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	p := points[0]
	if k := p.Keys[0]; k.State != anchor.Valid || !k.Changed.Equal(at) || k.Key.Hdr.Ttl != 172800 {
		t.Errorf("key %+v", k)
	}
	if p.Zone != "." || !p.LastSuccess.Equal(at) || !p.NextQuery.Equal(at.Add(12*time.Hour)) || p.QueryInterval != 12*time.Hour || p.RetryTime != 8640*time.Second {
		t.Errorf("trust point %+v", p)
	}
	// It is written as it was read.
	write := func(points []*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) { return points, true }
	if err := store.Update(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(store.Path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Fields(rootState), strings.Fields(string(text))); diff != "" {
		t.Errorf("written otherwise than read (-read +written):\n%s", diff)
	}
}

func TestStateFileWithByteOrderMark(t *testing.T) {
	t.Parallel()
	for _, text := range []string{rootState, ksk2017} {
		points, err := stateFile(t, "\ufeff"+text).Load()
		if err != nil || len(points) != 1 || points[0].Zone != "." {
			t.Errorf("%v, %v", points, err)
		}
	}
}

func TestStateFileErrors(t *testing.T) {
	t.Parallel()
	changed := func(old, new string) string {
		if !strings.Contains(rootState, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(rootState, old, new, 1)
	}
	for _, tt := range []struct {
		name, text string
		line       int
		errText    string
	}{
		{"a file without an end, in a key", rootState[:len(rootState)-70], 9, "without a state"},
		{"a file without an end, before the key", rootState[:strings.Index(rootState, ".\t")], 8, "no trust anchor"},
		{"only the first line", "; autotrust trust anchor file\n", 1, "no trust anchor"},
		{"an instant that is no number", changed("1795478400 ;;", "yesterday ;;"), 3, "last_queried"},
		{"a negative interval", changed("interval: 43200", "interval: -1"), 7, "query_interval"},
		{"an unknown state", changed("state=2", "state=7"), 9, "unknown state 7"},
		{"a state that is no number", changed("state=2", "state=valid"), 9, "without a state"},
		{"a key that is not base64", changed("AwEAAaz/", "AwEAAaz/!"), 9, "base64"},
		{"a key of another zone", changed("\n.\t", "\nexample.\t"), 9, "not of the zone"},
		{"a key before the ;;id line", changed(";;id: . 1\n", ""), 2, "no ;;id"},
		{"an ;;id line without a class", changed("id: . 1", "id: ."), 2, "class"},
		{"only a pending key, as in a file that has lost its end", changed("state=2", "state=1"), 9, "no trust anchor"},
		{"two zones of one name", rootState + ";;id: . 1\n", 10, "twice"},
		{"a valid key with the REVOKE bit", changed("257 3 8", "385 3 8"), 9, "revoked key in the state valid"},
		{"a record of another type", rootState + ". 1 IN A 192.0.2.1\n", 10, "neither DS nor DNSKEY"},
		{"a signature, which no state file has", rootState + ". 1 IN RRSIG DNSKEY 8 0 1 20261230081915 20261130081915 20326 . AwEAAQ==\n", 10, "neither a record"},
		{"a directive", rootState + "$INCLUDE /etc/passwd\n", 10, "neither a record"},
		{"an empty file", "", 0, "no DS or DNSKEY"},
		{"octets that are no text", "\x00\x01\x02", 1, "no text"},
		{"the file that IANA publishes, which has no states", "<TrustAnchor/>", 0, "neither states"},
		{"BIND's configuration, of which a state would take the place", "trust-anchors { };", 0, "neither states"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := stateFile(t, tt.text)
			_, err := store.Load()
			wantError(t, err, store.Path, tt.line, tt.errText)
			// Nothing is trusted, nothing is written, and the file stays as it is.
			tracker := &anchor.Tracker{Store: store}
			if set, err := tracker.Anchors(time.Now()); err == nil {
				t.Errorf("anchors %v", set)
			}
			if err := tracker.Observe(t.Context(), time.Now(), ".", nil); err == nil {
				t.Error("no error from Observe")
			}
			if text, err := os.ReadFile(store.Path); err != nil || string(text) != tt.text {
				t.Errorf("the file has become %q, %v", text, err)
			}
		})
	}
}

func TestParseStates(t *testing.T) {
	t.Parallel()
	const revoked = "; autotrust trust anchor file\n;;REVOKED\n;;id: example. 1\n"
	for _, tt := range []struct {
		name, text string
		zones      []string
		errText    string
	}{
		{"a valid key is an anchor", rootState, []string{"."}, ""},
		{"so is a missing one", strings.Replace(rootState, "state=2", "state=3", 1), []string{"."}, ""},
		{"a zone below the root whose anchors were revoked has none", revoked + rootState, []string{"."}, ""},
		{"the root cannot go without", strings.Replace(revoked, "example.", ".", 1), nil, "revoked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := anchor.Parse(strings.NewReader(tt.text), "test")
			wantError(t, err, "test", 0, tt.errText)
			var zones []string
			for _, a := range set {
				if len(set.Zone(a.Zone)) > 0 {
					zones = append(zones, a.Zone)
				}
			}
			if diff := cmp.Diff(tt.zones, zones); diff != "" {
				t.Errorf("zones with anchors (-want +got):\n%s", diff)
			}
		})
	}
}
