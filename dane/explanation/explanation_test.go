package explanation_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/explanation"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

var update = flag.Bool("update", false, "write the explanations into testdata, as what is wanted")

// otherKey is the digest of a key that no host has.
const otherKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// explained are the worlds whose explanations are in testdata.
var explained = []struct {
	name   string // of the file
	domain string
	world  []danetest.Domain // nil means that of danetest.Domains
	change func(*dane.Verifier)
}{
	{name: "success", domain: "good.example"},
	{name: "trust-anchor", domain: "ta.example"},
	{name: "second-host", domain: "backup.example"},
	{name: "mismatch", domain: "mismatch.example"},
	{name: "expired-certificate", domain: "expired.example"},
	{name: "no-starttls", domain: "nostarttls.example"},
	{name: "no-tlsa", domain: "nodane.example"},
	{name: "unsigned", domain: "unsigned.example"},
	{name: "unusable", domain: "unusable.example"},
	{name: "expired-signature", domain: "bogus.example"},
	{name: "wrong-tlsa-signature", domain: "bogustlsa.example"},
	{name: "null-mx", domain: "nullmx.example"},
	{name: "no-such-domain", domain: "nothing.example"},
	{name: "not-a-domain", domain: "not a domain"},
	{name: "mandatory", domain: "nodane.example", change: func(v *dane.Verifier) { v.Mandatory = true }},
	{name: "alias", domain: "a.example", world: []danetest.Domain{
		{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mx\nmx CNAME mail.b.example."}},
		{Name: "b.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1", "3 1 2", "2 1 1", "1 1 1 " + otherKey}}},
			Zone: dnssectest.Zone{Denial: dnssectest.NSEC3}},
	}},
	{name: "domain-alias", domain: "www.a.example", world: []danetest.Domain{
		{Name: "a.example", Zone: dnssectest.Zone{Records: "www CNAME b.example."}},
		{Name: "b.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}}}},
	}},
	{name: "alias-to-insecure", domain: "a.example", world: []danetest.Domain{
		{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mx\nmx CNAME mail.b.example.\n_25._tcp.mx TLSA 3 1 1 " + otherKey}},
		{Name: "b.example", Hosts: []danetest.Host{{Name: "mail"}}, Zone: dnssectest.Zone{Unsigned: true}},
	}},
	{name: "implicit-mx", domain: "a.example", world: []danetest.Domain{
		{Name: "a.example", Zone: dnssectest.Zone{Records: "@ A 192.0.2.200", Denial: dnssectest.NSEC3}},
	}},
	{name: "opt-out", domain: "a.optout.example", world: []danetest.Domain{
		{Name: "optout.example", Zone: dnssectest.Zone{Denial: dnssectest.NSEC3OptOut}},
		{Name: "a.optout.example", Hosts: []danetest.Host{{Name: "mail"}}, Zone: dnssectest.Zone{Unsigned: true}},
	}},
	{name: "wildcard", domain: "a.example", world: []danetest.Domain{
		{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}},
			Zone: dnssectest.Zone{Records: "*._tcp.mail TLSA 3 1 1 " + otherKey, TwoKeys: true}},
	}},
	{name: "wrong-ds", domain: "a.example", world: []danetest.Domain{
		{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}}},
	}},
	{name: "servfail", domain: "a.example", world: []danetest.Domain{
		{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.ServFail}}},
	}},
}

func TestDomain(t *testing.T) {
	t.Parallel()
	for _, tt := range explained {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				checker := danetest.New(t, tt.world...).Checker()
				checker.ChainRecords, checker.Parallel = true, 1
				if tt.change != nil {
					tt.change(checker.Verifier)
				}
				result, _ := checker.Verify(t.Context(), tt.domain)
				e := explanation.Domain(result, explanation.Options{})
				compare(t, tt.name, e)
				checkJSON(t, e)
			})
		})
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	zones := []dnssectest.Zone{
		{Name: "a.test.", Denial: dnssectest.NSEC3, Records: "@ MX 10 mail\nmail A 192.0.2.1\n_25._tcp.mail TLSA 3 1 1 " + otherKey},
		{Name: "unsigned.test.", Unsigned: true, Records: "@ MX 10 mail"},
		{Name: "test."},
	}
	for _, tt := range []struct{ name, question string }{
		{"question-tlsa", "_25._tcp.mail.a.test TLSA"},
		{"question-nsec3", "_465._tcp.mail.a.test TLSA"},
		{"question-keys", "a.test DNSKEY"},
		{"question-ds", "a.test DS"},
		{"question-insecure", "mail.unsigned.test A"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				name, rrtype, _ := strings.Cut(tt.question, " ")
				qtype := dns.StringToType[rrtype]
				answer, err := dnssectest.New(t, zones...).Resolver().Lookup(t.Context(), name, qtype)
				e := explanation.Answer(name, qtype, answer, err, explanation.Options{})
				compare(t, tt.name, e)
				checkJSON(t, e)
			})
		})
	}
}

// compare compares what is written with a file. Lines are not broken, since key tags differ in
// their length.
func compare(t *testing.T, name string, e *explanation.Explanation) {
	t.Helper()
	var text strings.Builder
	if err := e.WriteText(&text, 0); err != nil {
		t.Fatal(err)
	}
	got := steady(text.String())
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got); if it is right, run the test with -update:\n%s", diff)
	}
}

var (
	keyTags = regexp.MustCompile(`\b(key|DS|key tag) \d+`)
	digests = regexp.MustCompile(`\b[0-9a-f]{16}(\.\.\.|[0-9a-f]{48,112}\b)`)
)

// steady puts names in the place of what is new each time: the tags of keys, and digests, but
// not that of the key that nobody has.
func steady(text string) string {
	text = keyTags.ReplaceAllString(text, "$1 TAG")
	seen := make(map[string]string)
	return digests.ReplaceAllStringFunc(text, func(digest string) string {
		begin, cut := digest[:16], strings.HasSuffix(digest, "...")
		if strings.HasPrefix(otherKey, begin) {
			return digest
		}
		if seen[begin] == "" {
			seen[begin] = fmt.Sprintf("{digest %d}", len(seen)+1)
		}
		if cut {
			return seen[begin] + "..."
		}
		return seen[begin]
	})
}

// checkJSON sees that an explanation can be written as JSON, and says the same.
func checkJSON(t *testing.T, e *explanation.Explanation) {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var again struct {
		Name  string
		At    time.Time
		Zones []struct{ Name string }
		Rules []struct{ Rule, Text string }
	}
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if again.Name != e.Name || !again.At.Equal(e.At) || len(again.Zones) != len(e.Zones) || len(again.Rules) != len(e.Rules) {
		t.Errorf("%s", text)
	}
	for i, r := range again.Rules {
		if r.Text == "" || r.Rule != string(e.Rules[i].Code) {
			t.Errorf("rule %d is %+v", i, r)
		}
	}
}

// A resolver that believes another one has no chain, and that is said.
func TestWithoutAChain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		about  string
		answer *dnssec.Answer
		err    error
		want   string
	}{
		{"secure, as somebody says", &dnssec.Answer{Status: dnssec.Secure}, nil, "the resolver says so, and shows no chain of trust"},
		{"nobody has answered", nil, errors.New("no server answered"), "no server answered"},
		{"insecure", &dnssec.Answer{Status: dnssec.Insecure}, nil, "no reason is known"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			e := explanation.Answer("a.test", dns.TypeMX, tt.answer, tt.err, explanation.Options{})
			if len(e.Zones) > 0 || len(e.Unproven) != 1 {
				t.Fatalf("%+v", e)
			}
			if got := e.Unproven[0].Reason.String(); got != tt.want {
				t.Errorf("the reason is %q", got)
			}
		})
	}
}

// Without the records there is still who has signed what, and until when.
func TestWithoutRecords(t *testing.T) {
	t.Parallel()
	checker := danetest.New(t).Checker()
	result, err := checker.Plan(t.Context(), "good.example")
	if err != nil {
		t.Fatal(err)
	}
	e := explanation.Domain(result, explanation.Options{})
	if len(e.Zones) != 1 || len(e.Zones[0].Zones) != 1 {
		t.Fatalf("%+v", e.Zones)
	}
	z := e.Zones[0].Zones[0]
	if z.Name != "good.example." || z.KeySet == nil || z.DSSet == nil || z.Keys != nil || len(z.Answers) != 4 {
		t.Errorf("%+v", z)
	}
}

// No line is wider than what was asked for, and nothing is lost by breaking it.
func TestWriteTextBreaksLines(t *testing.T) {
	t.Parallel()
	checker := danetest.New(t).Checker()
	checker.ChainRecords = true
	result, err := checker.Verify(t.Context(), "ta.example")
	if err != nil {
		t.Fatal(err)
	}
	e := explanation.Domain(result, explanation.Options{})
	write := func(width int) string {
		var text strings.Builder
		if err := e.WriteText(&text, width); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), "") }
	whole := words(write(0))
	for _, width := range []int{60, 72, 80, 100, 132} {
		text := write(width)
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
		if words(text) != whole {
			t.Errorf("with %d columns something is lost", width)
		}
	}
}

type deadExchanger struct{}

func (deadExchanger) Exchange(context.Context, *upstream.Query) (*upstream.Reply, error) {
	return nil, errors.New("192.0.2.53:53 over udp: no reply in time")
}

// Where nobody has answered, it is told who was asked, each once.
func TestWhoWasAsked(t *testing.T) {
	t.Parallel()
	resolver := &dnssec.Resolver{Exchanger: deadExchanger{}}
	answer, err := resolver.Lookup(t.Context(), "a.test", dns.TypeMX)
	if err == nil {
		t.Fatal("an answer from nobody")
	}
	e := explanation.Answer("a.test", dns.TypeMX, answer, err, explanation.Options{})
	if len(e.Unproven) != 1 {
		t.Fatalf("%+v", e)
	}
	if diff := cmp.Diff([]string{"192.0.2.53:53 over udp: no reply in time"}, e.Unproven[0].Asked); diff != "" {
		t.Error(diff)
	}
}
