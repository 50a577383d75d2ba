package dane_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// A policy that is read says the same when it is written and read again, and nothing of
// it was passed over: it has as many words as what encoding/json makes of it.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{"default": {"tls": "required"}, "destinations": {"Bücher.example.": {"dane": "mandatory", "route": {"hosts": ["[IPv6:::1]"], "port": 25}}}}`))
	f.Add([]byte(`{"destinations": {"a": {"audit": true, "tls": "required"}}}`))
	f.Add([]byte(`{"destinations": {"a": {"dane": "mandatory"}, "a": {"dane": "none"}}}`))
	f.Add([]byte(`{"default": null, "Default": {"TLS": "none"}} {}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := dane.ReadPolicy(bytes.NewReader(text))
		if err != nil {
			return
		}
		var loose any
		if err := json.Unmarshal(text, &loose); err != nil {
			t.Fatal(err)
		}
		if all, err := json.Marshal(loose); err != nil || words(text) != words(all) || null.Match(all) {
			t.Errorf("%s is taken for %s", text, all)
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := dane.ReadPolicy(bytes.NewReader(written))
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if second, _ := json.Marshal(again); !bytes.Equal(written, second) {
			t.Errorf("%s\n%s", written, second)
		}
	})
}

// printableLines fails if there is more than lines of printable ASCII.
func printableLines(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		if !ended || strings.ContainsFunc(line, unprintable) {
			t.Errorf("%q", line)
		}
	}
}

// A plainHandler quotes nothing, and fails if a record is more than a line of printable
// ASCII.
type plainHandler struct{ t *testing.T }

func (plainHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h plainHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h plainHandler) WithGroup(string) slog.Handler          { return h }

func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() != slog.KindDuration { // it is nobody's text
			text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	if strings.ContainsFunc(text, unprintable) {
		h.t.Errorf("logged: %q", text)
	}
	return nil
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

var null = regexp.MustCompile(`(^|[:\[,])null`)

// words counts the names, values and braces of a JSON text.
func words(text []byte) (n int) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for _, err := decoder.Token(); err == nil; _, err = decoder.Token() {
		n++
	}
	return n
}

// Whatever is read as a result can be printed, and does not panic. No stranger's text
// makes a line of its own.
func FuzzResult(f *testing.F) {
	f.Add([]byte(`{"version": 1, "destination": {"status": "secure"}, "lookups": [{"name": "a", "type": "MX", "status": "secure"}],
		"hosts": [{"host": "m", "action": "must-encrypt", "probes": [{"address": "192.0.2.1:25", "error": "x", "steps": [{"stage": "hello", "code": 250, "reply": ["a", "b"]}]}]}]}`))
	f.Add([]byte(`{"version": 1, "domain": "a\n\u001b", "error": "x\r\n\u202e", "code": "\n", "destination": {"status": "insecure", "mx": [{"host": "m\n"}]},
		"lookups": [{"name": "a\n", "type": "MX", "status": "bogus", "error": "\u009b", "reason": "\n", "records": ["\n"], "queries": [{"name": "\n", "type": "MX", "server": "\n", "error": "\n"}]}],
		"hosts": [{"host": "m\n", "action": "may-encrypt", "error": "e\n", "addresses": [{"address": "fe80::1%\n\u001b", "status": "secure"}],
		"probes": [{"address": "[fe80::1%\n]:25", "error": "x\n", "protocol": "a\n", "steps": [{"stage": "hello", "command": "\n", "code": 250, "reply": ["a\n", "b\n"]}]}]}]}`))
	f.Add([]byte(`{"version": 1, "domain": "a", "outcome": "none", "destination": {"status": "secure", "routed": true}, "hosts": [{"host": "m", "action": "may-encrypt"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r dane.Result
		if json.Unmarshal(text, &r) == nil {
			_, err := json.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			var long bytes.Buffer
			r.WriteLongTranscript(&long)
			for _, transcript := range []string{r.String(), long.String()} {
				printableLines(t, transcript)
			}
			if report := fmt.Sprintf("%+v", r.Failure()); strings.ContainsFunc(report, unprintable) {
				t.Errorf("%q", report)
			}
			logAgain(t, &r)
		}
	})
}
