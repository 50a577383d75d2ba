package dane_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

var (
	timing = regexp.MustCompile(`\([0-9.]+[µmn]?s\)`)
	ehlo   = regexp.MustCompile(`EHLO .*`)
)

// The long transcript has all hosts, and what each server said.
func TestLongTranscript(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{
		{Name: "one", TLSA: []string{"3 1 1"}, Server: tls12},
		{Name: "two", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.NoStartTLS = true }}}})
	v := internet.Verifier()
	v.Hello = "client.example"
	result, err := checker(v).Verify(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	var long strings.Builder
	if err := result.WriteLongTranscript(&long); err != nil {
		t.Fatal(err)
	}
	const before = `SECURE MX record(one.a.example) found for a.example
SECURE A record (192.0.2.1) found for MX(one.a.example) in a.example
Connecting to 192.0.2.1 on port 25.
Connected to 192.0.2.1 from interface 127.0.0.1.
SECURE TLSA record found for MX(one.a.example) in a.example
Checking TLS connection.
TLS connection established: protocol TLSv1.2, cipher ECDHE-ECDSA-AES256-GCM-SHA384.
Certificate verification successful
TLS connection succeeded a.example.
`
	const said = `  dial (TIME)
  greeting (TIME)
  S: 220 one.a.example ESMTP
  C: EHLO client.example (TIME)
  S: 250 one.a.example
  S: 250 8BITMIME
  S: 250 ENHANCEDSTATUSCODES
  S: 250 SIZE 16777216
  S: 250 STARTTLS
  C: STARTTLS (TIME)
  S: 220 2.0.0 Ready to start TLS
  handshake (TIME)
  C: EHLO client.example (TIME)
  S: 250 one.a.example
  S: 250 8BITMIME
  S: 250 ENHANCEDSTATUSCODES
  S: 250 SIZE 16777216
  C: QUIT (TIME)
  S: 221 2.0.0 Bye
Trying next MX record in a.example
SECURE MX record(two.a.example) found for a.example
SECURE A record (192.0.2.2) found for MX(two.a.example) in a.example
Connecting to 192.0.2.2 on port 25.
Connected to 192.0.2.2 from interface 127.0.0.1.
SECURE TLSA record found for MX(two.a.example) in a.example
Checking TLS connection.
TLS connection failed a.example: server does not offer STARTTLS
  dial (TIME)
  greeting (TIME)
  S: 220 two.a.example ESMTP
  C: EHLO client.example (TIME)
  S: 250 two.a.example
  S: 250 8BITMIME
  S: 250 ENHANCEDSTATUSCODES
  S: 250 SIZE 16777216
  C: QUIT (TIME)
  S: 221 2.0.0 Bye
`
	const after = "DANE SUCCESS for a.example\nDANE verification completed.\n"
	if diff := cmp.Diff(before+said+after, timing.ReplaceAllString(long.String(), "(TIME)")); diff != "" {
		t.Errorf("long (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before+after, result.String()); diff != "" {
		t.Errorf("short (-want +got):\n%s", diff)
	}
}

// A step in JSON.
type step struct {
	Stage, Command string
	Code           int
	Reply          []string
	Start          *float64 `json:"start_ms"`
	Elapsed        *float64 `json:"elapsed_ms"`
}

// steps returns those of the first probe of a result in JSON.
func steps(t *testing.T, result *dane.Result) []step {
	t.Helper()
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var decoded struct {
		Hosts []struct{ Probes []struct{ Steps []step } }
	}
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded.Hosts[0].Probes[0].Steps
}

// What a server said, and how long it took, is in JSON, step by step.
func TestEvidenceInJSON(t *testing.T) {
	t.Parallel()
	result, err := danetest.New(t).Checker().Verify(t.Context(), "good.example")
	if err != nil {
		t.Fatal(err)
	}
	var got []step
	end := 0.0
	for _, s := range steps(t, result) {
		if s.Start == nil || s.Elapsed == nil || *s.Start+0.002 < end {
			t.Errorf("%s: times are missing, or overlap", s.Stage)
		} else {
			end = *s.Start + *s.Elapsed
		}
		s.Start, s.Elapsed, s.Command = nil, nil, ehlo.ReplaceAllString(s.Command, "EHLO")
		got = append(got, s)
	}
	extensions := []string{"mail.good.example", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 16777216"}
	want := []step{
		{Stage: "dial"},
		{Stage: "greeting", Code: 220, Reply: []string{"mail.good.example ESMTP"}},
		{Stage: "hello", Command: "EHLO", Code: 250, Reply: append(extensions[:4:4], "STARTTLS")},
		{Stage: "starttls", Command: "STARTTLS", Code: 220, Reply: []string{"2.0.0 Ready to start TLS"}},
		{Stage: "handshake"},
		{Stage: "hello-tls", Command: "EHLO", Code: 250, Reply: extensions},
		{Stage: "quit", Command: "QUIT", Code: 221, Reply: []string{"2.0.0 Bye"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A server cannot make a result long, or send escape sequences to a terminal by it.
func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	reply := strings.Repeat("250-"+strings.Repeat("x", 300)+"\r\n", 40) + "250 \x1b[31mred \xff"
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"},
		Server: func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "554 \x1b[31mred\x7f", smtptest.AtHello: reply}
		}}, {Name: "next", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
		s.Replies = map[smtptest.Stage]string{smtptest.AtHello: reply}
	}}}})
	result, err := internet.Checker().Verify(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`\x1b[31mred\x7f`}, steps(t, result)[1].Reply); diff != "" {
		t.Error(diff)
	}
	text, _ := json.Marshal(result)
	result.Hosts = result.Hosts[1:]
	lines := steps(t, result)[2].Reply
	if len(lines) != 32 || lines[0] != strings.Repeat("x", 253)+"..." || lines[31] != "... (10 more lines)" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	var again dane.Result
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if second, err := json.Marshal(&again); err != nil || !bytes.Equal(text, second) {
		t.Errorf("%v\n%s\n%s", err, text, second)
	}
	for _, stage := range []string{"", "dance"} {
		text := `{"version": 1, "destination": {"routed": true}, "hosts": [{"probes": [{"address": "192.0.2.1:25", "steps": [{"stage": "` + stage + `"}]}]}]}`
		if err := json.Unmarshal([]byte(text), &again); err == nil {
			t.Errorf("stage %q is taken", stage)
		}
	}
}

// The text names the stage that a server refused at, as the JSON does.
func TestTranscriptNamesTheStage(t *testing.T) {
	t.Parallel()
	for step, want := range map[smtptest.Stage]string{
		smtptest.AtGreeting: "Connection to 192.0.2.1 failed: greeting: 554 5.7.0 Refused",
		smtptest.AtHello:    "Connection to 192.0.2.1 failed: EHLO: 554 5.7.0 Refused",
		smtptest.AtStartTLS: "TLS connection failed a.example: STARTTLS: 554 5.7.0 Refused",
		smtptest.AtHelloTLS: "TLS connection failed a.example: EHLO over TLS: 554 5.7.0 Refused",
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: faulty(step, smtptest.Permanent)})
		result, err := internet.Checker().Verify(t.Context(), "a.example")
		if err != nil || !strings.Contains(result.String(), "\n"+want+"\n") {
			t.Errorf("%s: %v, want %q in\n%s", step, err, want, result)
		}
	}
}
