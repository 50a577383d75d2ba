package monitor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

const key = ". 172800 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="

// state is a file of a Tracker whose keys were validated so long ago.
func state(t *testing.T, folder string, ago time.Duration) string {
	t.Helper()
	at := time.Now().Add(-ago).Unix()
	path := filepath.Join(folder, "root.key")
	text := fmt.Sprintf("; autotrust trust anchor file\n;;id: . 1\n;;last_queried: %d ;;\n;;last_success: %d ;;\n;;next_probe_time: %d ;;\n;;query_failed: 0\n;;query_interval: 43200\n;;retry_time: 8640\n"+
		"%s ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=%d ;;\n", at, at, at+43200, key, at)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrust(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tracker := func(path string) dnssec.AnchorSource {
		return &anchor.Tracker{Store: &anchor.FileStore{Path: path}}
	}
	fresh := state(t, t.TempDir(), day)
	old := state(t, t.TempDir(), 28*day)
	locked := state(t, t.TempDir(), day)
	if err := os.Mkdir(locked+".lock", 0o700); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(damaged, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	ending := anchor.Root()
	for i := range ending {
		ending[i].Until = time.Now().Add(time.Duration(i+1) * day)
	}
	lasting := append(ending[:1:1], anchor.Root()[1])
	for _, tt := range []struct {
		why    string
		source dnssec.AnchorSource
		path   string
		want   string // empty if all is well
	}{
		{"the built-in anchors", anchor.Root(), "", ""},
		{"one of two anchors ends", lasting, "", ""},
		{"all anchors end", ending, "", "The last trust anchor of the root ends on "},
		{"no anchors", anchor.Set{}, "", ""},
		{"a state that is kept", tracker(fresh), fresh, ""},
		{"one that does not exist yet", tracker(filepath.Join(filepath.Dir(fresh), "new")), filepath.Join(filepath.Dir(fresh), "new"), ""},
		{"keys that were not validated for long", tracker(old), old, "The trust anchors of the root were last validated on "},
		{"a folder that is missing", tracker("/nonexistent/x/root.key"), "/nonexistent/x/root.key", "/nonexistent/x/root.key: no such file or directory."},
		{"a folder in which nothing can be made", tracker("/proc/root.key"), "/proc/root.key", "cannot be kept up to date"},
		{"what is not a file", tracker(os.DevNull), os.DevNull, "not a regular file"},
		{"a lock that cannot be had", tracker(locked), locked, "cannot be kept up to date"},
		{"a damaged state", tracker(damaged), damaged, "cannot be used"},
	} {
		trust := CheckTrust(tt.source, tt.path, 72*time.Hour)(time.Now())
		if got := strings.Join(trust.Warnings, " "); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
	}
	trust := CheckTrust(tracker(fresh), fresh, 72*time.Hour)(time.Now())
	if len(trust.Zones) != 1 || trust.Zones[0].Name != "." || time.Since(trust.Zones[0].LastValidated).Round(time.Hour) != day {
		t.Errorf("%+v", trust.Zones)
	}
	if trust := TrustCheck(nil).now(); len(trust.Warnings) > 0 {
		t.Errorf("nobody to ask: %v", trust)
	}
}
