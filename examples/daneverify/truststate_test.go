package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

const rootKey = ". 172800 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="

// stateFile is a file of a Tracker whose keys were validated so long ago.
func stateFile(t *testing.T, folder string, ago time.Duration) string {
	t.Helper()
	at := time.Now().Add(-ago).Unix()
	path := filepath.Join(folder, "root.key")
	text := fmt.Sprintf("; autotrust trust anchor file\n;;id: . 1\n;;last_queried: %d ;;\n;;last_success: %d ;;\n;;next_probe_time: %d ;;\n;;query_failed: 0\n;;query_interval: 43200\n;;retry_time: 8640\n"+
		"%s ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=%d ;;\n", at, at, at+43200, rootKey, at)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrustAnchorsAtRisk(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	fresh := stateFile(t, t.TempDir(), day)
	old := stateFile(t, t.TempDir(), 28*day)
	locked := stateFile(t, t.TempDir(), day)
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
		why  string
		set  anchor.Set
		path string
		want string // empty if all is well
	}{
		{"the built-in anchors", anchor.Root(), "", ""},
		{"one of two anchors ends", lasting, "", ""},
		{"all anchors end", ending, "", "The last trust anchor of the zone . ends on "},
		{"no anchors", anchor.Set{}, "", ""},
		{"a state that is kept", nil, fresh, ""},
		{"one that does not exist yet", nil, filepath.Join(filepath.Dir(fresh), "new"), ""},
		{"keys that were not validated for long", nil, old, " were last validated on "},
		{"a folder that is missing", nil, "/nonexistent/x/root.key", "no such file or directory)."},
		{"a folder in which nothing can be made", nil, "/proc/root.key", "cannot be kept up to date"},
		{"what is not a file", nil, os.DevNull, "not a regular file"},
		{"a lock that cannot be had", nil, locked, "cannot be kept up to date"},
		{"a damaged state", nil, damaged, "root.key:1: no type of record"},
	} {
		m := monitorOptions{options: &options{trust: trustState{set: tt.set}}, within: 3 * day}
		if tt.path != "" {
			m.trust.follow(&anchor.Tracker{Store: &anchor.FileStore{Path: tt.path}}, tt.path, true)
		}
		if got := strings.Join(m.trustNow(time.Now()).Warnings, " "); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(fresh)); err != nil || len(entries) != 1 {
		t.Errorf("there are %v, %v; want the state alone", entries, err)
	}
}

// TestTrustStateRecovers: an error of the past is none of today's.
func TestTrustStateRecovers(t *testing.T) {
	t.Parallel()
	path := stateFile(t, t.TempDir(), time.Hour)
	o := options{trustState: path, checking: true}
	source, err := o.anchorSource(new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	tracker, ok := source.(*anchor.Tracker)
	if !ok {
		t.Fatalf("%T", source)
	}
	tracker.Trace(".", nil, errors.New("disk full"))
	if got := o.trust.findings(time.Now(), time.Hour); len(got) != 1 {
		t.Errorf("an error: %v", got)
	}
	tracker.Trace(".", nil, nil)
	if got := o.trust.findings(time.Now(), time.Hour); len(got) != 0 {
		t.Errorf("after it: %v", got)
	}
}
