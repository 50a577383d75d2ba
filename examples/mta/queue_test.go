package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
)

func newQueue(t *testing.T) *queue {
	t.Helper()
	q, err := openQueue(filepath.Join(t.TempDir(), "queue"))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// A message for several domains is an entry for each, which live and die alone.
func TestEntries(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	ids, err := q.add("me@sender.example", []string{"a@a.example", "b@b.example", "c@A.example"}, []byte(text))
	if err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	var got []envelope
	for i, id := range ids {
		e, err := q.read(id)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, envelope{From: e.From, Recipients: e.Recipients})
		msg, err := q.message(id, e)
		if err != nil {
			t.Fatal(err)
		}
		f, err := msg.open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(f)
		f.Close()
		if err != nil || string(body) != text || msg.size != int64(len(text)) {
			t.Errorf("%q, %v", body, err)
		}
		if i == 0 {
			if err := q.remove(id); err != nil {
				t.Error(err)
			}
		}
	}
	want := []envelope{
		{From: "me@sender.example", Recipients: []recipient{{Address: "a@a.example"}, {Address: "c@A.example"}}},
		{From: "me@sender.example", Recipients: []recipient{{Address: "b@b.example"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if left, err := q.entries(); err != nil || len(left) != 1 || left[0] != ids[1] {
		t.Error(left, err)
	}
}

// Envelopes that somebody has written by hand, or half of them.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	for name, tt := range map[string]struct {
		envelope string
		good     bool
	}{
		"as it should be":              {`{"from": "me@sender.example", "recipients": [{"address": "you@a.example"}]}`, true},
		"a bounce":                     {`{"from": "", "recipients": [{"address": "you@a.example"}]}`, true},
		"nothing":                      {``, false},
		"half of it":                   {`{"from": "me@sender.example", "recip`, false},
		"no recipients":                {`{"from": "me@sender.example"}`, false},
		"two domains":                  {`{"recipients": [{"address": "you@a.example"}, {"address": "you@b.example"}]}`, false},
		"a command as a recipient":     {`{"recipients": [{"address": "you@a.example>\r\nRSET"}]}`, false},
		"a command as the sender":      {`{"from": "me@sender.example\r\nRSET", "recipients": [{"address": "you@a.example"}]}`, false},
		"a header line in the address": {`{"from": "me@sender.example\nBcc:x@b.example", "recipients": [{"address": "you@a.example"}]}`, false},
	} {
		if err := os.WriteFile(q.path("x", envelopeSuffix), []byte(tt.envelope), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := q.read("x"); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Crashes leave files behind, at each step of making and removing an entry.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	ids, err := q.add("", []string{"you@a.example"}, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{unfinished + "123", "20200101T000000-AAAAAAAA-0" + textSuffix} {
		if err := os.WriteFile(filepath.Join(q.dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := func() (names []string) {
		entries, err := os.ReadDir(q.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if err := q.clean(time.Now()); err != nil || len(files()) != 4 {
		t.Errorf("%v: files that are being made are gone: %v", err, files())
	}
	if err := q.clean(time.Now().Add(2 * leftoverAge)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{ids[0] + textSuffix, ids[0] + envelopeSuffix}, files(), cmp.Transformer("sorted", func(names []string) map[string]bool {
		set := map[string]bool{}
		for _, name := range names {
			set[name] = true
		}
		return set
	})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What cannot be written is not queued, and what was there before is.
func TestFailedWrites(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	ids, err := q.add("", []string{"you@a.example"}, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(q.path(ids[0], envelopeSuffix))
	if err != nil {
		t.Fatal(err)
	}
	gone := &queue{filepath.Join(q.dir, "not-there")}
	if _, err := gone.add("", []string{"you@a.example"}, []byte(text)); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.Mkdir(q.path("other", envelopeSuffix), 0o700); err != nil { // a rename to it fails
		t.Fatal(err)
	}
	if err := q.update("other", &envelope{}); err == nil {
		t.Error("a directory was replaced")
	}
	// Names of files have 255 octets at most, so that a long one stands for a disk that is full.
	if err := q.write(strings.Repeat("x", 300), []byte(text)); err == nil {
		t.Error("a file with such a name is there")
	}
	after, err := os.ReadFile(q.path(ids[0], envelopeSuffix))
	if err != nil || string(before) != string(after) || !json.Valid(after) {
		t.Errorf("%q, %v", after, err)
	}
	if entries, err := filepath.Glob(filepath.Join(q.dir, unfinished+"*")); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v: left behind", entries, err)
	}
}

// One process delivers from a queue, and others may put messages into it.
func TestLock(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	unlock, err := q.lock()
	if err != nil {
		t.Fatal(err)
	}
	if exit, _ := runMTA(t.Context(), new(dane.Verifier), "", "-queue", q.dir); exit != exitQueue {
		t.Errorf("exit status %d of a second process", exit)
	}
	if exit, _ := runMTA(t.Context(), new(dane.Verifier), text, "-queue", q.dir, "-from", "me@sender.example", "you@a.example", "you@b.example"); exit != exitDelivered {
		t.Errorf("exit status %d", exit)
	}
	if ids, err := q.entries(); err != nil || len(ids) != 2 {
		t.Error(ids, err)
	}
	unlock()
	if unlock, err = q.lock(); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
	if exit, _ := runMTA(t.Context(), new(dane.Verifier), text, "-queue", "/dev/null/x", "you@a.example"); exit != exitQueue {
		t.Errorf("exit status %d", exit)
	}
}

// A report is a message by itself that other programs can read, whatever the failed one has in it.
func TestReport(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	header, err := readHeader(strings.NewReader("Subject: a\r\nX: --=_AAAA--\r\n\r\nSecret.\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	e := &envelope{From: "me@sender.example", Received: at}
	report := string(newReport("mta.example", e, []recipient{{"you@a.example", "5.1.1", "no such user"}, {"b@a.example", "4.7.5", strings.Repeat("x", 998)}}, header, at))
	checkReport(t, report, map[string]string{"you@a.example": "5.1.1", "b@a.example": "4.7.5"}, "Subject: a")
	if strings.Contains(report, "Secret") {
		t.Error("the text of the message is in it")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(report, "\r\n"), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("a line of %d octets, or one that does not end: %q", len(line), line)
		}
	}
	for in, want := range map[string]string{
		"": "", "\r\nbody": "", "A: b\r\n": "A: b\r\n", "A: b\r\nhalf": "A: b\r\n", strings.Repeat("A: 567\r\n", maxHeader): strings.Repeat("A: 567\r\n", maxHeader/8),
	} {
		if got, err := readHeader(strings.NewReader(in)); err != nil || string(got) != want {
			t.Errorf("%.20q: %.20q, %v", in, got, err)
		}
	}
}
