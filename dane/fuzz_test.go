package dane_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// A policy that is read says the same when it is written and read again.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{"default": {"tls": "required"}, "destinations": {"Bücher.example.": {"dane": "mandatory", "route": {"hosts": ["[IPv6:::1]"], "port": 25}}}}`))
	f.Add([]byte(`{"destinations": {"a": {"audit": true, "flow": "accept"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := dane.ReadPolicy(bytes.NewReader(text))
		if err != nil {
			return
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

// Whatever is read as a result can be printed, and does not panic.
func FuzzResult(f *testing.F) {
	f.Add([]byte(`{"version": 1, "destination": {"status": "secure"}, "lookups": [{"name": "a", "type": "MX", "status": "secure"}],
		"hosts": [{"host": "m", "action": "must-encrypt", "probes": [{"address": "192.0.2.1:25", "error": "x", "steps": [{"stage": "hello", "code": 250, "reply": ["a", "b"]}]}]}]}`))
	f.Add([]byte(`{"version": 1, "domain": "a", "outcome": "none", "destination": {"status": "secure", "routed": true}, "hosts": [{"host": "m", "action": "may-encrypt"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r dane.Result
		if json.Unmarshal(text, &r) == nil {
			_, err := json.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			r.WriteTranscript(new(bytes.Buffer))
			r.WriteLongTranscript(new(bytes.Buffer))
		}
	})
}
