package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   string
		status int
		says   []string // in this order
	}{
		{"a success", "good.example", exitSuccess, []string{
			"good.example: mail is delivered to a host that DANE authenticates",
			"the root zone: a trust anchor vouches for its keys", "zone good.example: the root zone vouches for its keys", "signs the keys",
			"10 mail.good.example.", "AAAA: does not exist", "(RFC 4035 §5.4)",
			"(RFC 5321 §5.1)", "(RFC 7672 §2.2.1)", "(RFC 7672 §2.2.2)", "(RFC 7672 §2.2.3)", "(RFC 7672 §3.1", "(RFC 7672 §8.1)", "published, SPKI", "the same:",
		}},
		{"a failure", "bogus.example", exitFailure, []string{"bogus.example MX: BOGUS, the chain ends here", "signature expired", "the signature of DNSKEY says", "ago", "(RFC 7672 §2.1.2)"}},
		{"without DANE", "unsigned.example", exitNoDANE, []string{"unsigned.example DS: does not exist", "INSECURE, the chain ends here"}},
		{"lookups alone", "-dns-only ta.example", exitSuccess, []string{"2 1 1", "No connection was made"}},
		{"a secure answer", "_25._tcp.mail.good.example TLSA", exitSuccess, []string{"_25._tcp.mail.good.example TLSA: secure", "3 1 1 "}},
		{"a proof that there is nothing", "none.good.example tlsa", exitSuccess, []string{"does not exist", "covers none.good.example: there is no such name", "covers the wildcard *.good.example"}},
		{"a hashed proof", "none.ta.example TYPE52", exitSuccess, []string{"closest encloser, ta.example", "next closer name, none.ta.example", "(RFC 5155 §8.3)", "the wildcard *.ta.example"}},
		{"the root", ". DNSKEY", exitSuccess, []string{". DNSKEY: secure"}},
		{"an insecure answer", "mail.unsigned.example A", exitNoDANE, []string{"mail.unsigned.example A: INSECURE"}},
		{"a bogus answer", "_25._tcp.mail.bogustlsa.example TLSA", exitFailure, []string{"TLSA: BOGUS", "signature does not verify"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := command(t, append([]string{"explain", "-demo"}, strings.Fields(tt.args)...)...)
			if status != tt.status || stderr != "" {
				t.Errorf("exit status %d, want %d; %s", status, tt.status, stderr)
			}
			rest := strings.Join(strings.Fields(stdout), " ")
			for _, text := range tt.says {
				_, after, found := strings.Cut(rest, text)
				if !found {
					t.Fatalf("%q is not said, or not there:\n%s", text, stdout)
				}
				rest = after
			}
			for line := range strings.Lines(stdout) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

func TestExplainJSON(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := command(t, "explain", "-demo", "-json", "mismatch.example")
	if status != exitFailure || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit status %d, %s\n%s", status, stderr, stdout)
	}
	var e struct {
		Version int
		Outcome string
		Zones   []struct {
			Anchor bool
			Zones  []struct {
				Name string
				Keys []struct{ Signs, Vouched bool }
				DS   []struct{ Match bool }
			}
		}
		Rules []struct {
			Rule    string
			RFC     []string
			Records []struct {
				OK        bool
				Published string
				Presented []struct {
					Data  string
					Equal bool
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &e); err != nil {
		t.Fatal(err)
	}
	below := e.Zones[0].Zones[0]
	if e.Version != 1 || e.Outcome != "failure" || !e.Zones[0].Anchor || below.Name != "mismatch.example." || !below.Keys[0].Signs || !below.Keys[0].Vouched || !below.DS[0].Match {
		t.Errorf("%+v", e)
	}
	compared := false
	for _, r := range e.Rules {
		for _, record := range r.Records {
			for _, p := range record.Presented {
				compared = true
				if record.OK || p.Equal || p.Data == record.Published || len(p.Data) != 64 {
					t.Errorf("%+v", record)
				}
			}
		}
	}
	if !compared {
		t.Error("no record is compared with a certificate")
	}
}

func TestExplainMistakes(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                            "want DOMAIN, or NAME TYPE",
		"word":                        `"word" has no dot`,
		"word TLSA":                   `"word" has no dot`,
		"a.example b.example":         `"b.example" is no type`,
		"a.example ANY":               `"ANY" is no type`,
		"a.example TYPE0":             `"TYPE0" is no type`,
		"a.example TYPE99999":         `"TYPE99999" is no type`,
		"a.example TYPE052":           `"TYPE052" is no type`,
		"a..example TLSA":             `"a..example" is no name`,
		"a.example MX TLSA":           "too many names",
		"a.example -timeout 0s":       "want a positive duration",
		"-dns-only a.example -helo x": "-dns-only connects to no mail server",
		"a.example -v":                "there is no flag -v",
		"-demo a@b.example":           "not a host name",
	} {
		status, stdout, stderr := command(t, append([]string{"explain"}, strings.Fields(args)...)...)
		if status != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
}
