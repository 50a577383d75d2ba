package replay_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
)

// small is a script in Unbound's dialect, with what there is in most.
const small = `; options
server:	trust-anchor: "example. 3600 IN DS 1 8 2 00ff" # the island
	val-override-date: '20070916134226'
	qname-minimisation: "no"
stub-zone:
	name: "."
	stub-addr: 192.0.2.53@5353
AUTOTRUST_FILE example
example. DS 1 8 2 00ff ;;state=2
AUTOTRUST_END
CONFIG_END

SCENARIO_BEGIN A small script
; the root
RANGE_BEGIN 0 10
	ADDRESS 192.0.2.53
ENTRY_BEGIN
MATCH opcode qtype qname
ADJUST copy_id
REPLY QR AA NXDOMAIN
SECTION QUESTION
www.example. IN A
SECTION ANSWER
# nothing
$TTL 60
SECTION AUTHORITY
example. NSEC example. RRSIG NSEC SOA ;{id = 1}
example. 300 TXT "a ; b"
SECTION ADDITIONAL
ns.example IN A \# 5 0102030405
ENTRY_END
RANGE_END
RANGE_END

STEP 1 QUERY
ENTRY_BEGIN
REPLY RD DO
SECTION QUESTION
www.example. A
ENTRY_END
STEP 2 TIME_PASSES ELAPSE 1.5
STEP 3 CHECK_AUTOTRUST example
FILE_BEGIN
; kept
FILE_END
STEP 10 CHECK_ANSWER
ENTRY_BEGIN
MATCH all ede=9
REPLY QR RD RA SERVFAIL
SECTION QUESTION
www.example. IN A
ENTRY_END
SCENARIO_END
`

func parse(t *testing.T, text string) *replay.Script {
	t.Helper()
	script, err := replay.Parse(strings.NewReader(text), "test.rpl")
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func TestParse(t *testing.T) {
	t.Parallel()
	script := parse(t, small)
	want := replay.Config{
		Dialect: replay.Unbound,
		Anchors: []string{"example. 3600 IN DS 1 8 2 00ff"},
		Zones:   []replay.Zone{{Name: ".", Servers: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}},
		Options: map[string]string{"val-override-date": "20070916134226", "qname-minimisation": "no"},
		Files:   map[string][]string{},
		States:  map[string][]string{"example": {"example. DS 1 8 2 00ff ;;state=2"}},
	}
	if diff := cmp.Diff(want, script.Config, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if !script.Config.Off("qname-minimisation") || script.Config.On("qname-minimisation") || script.Config.Off("ede") {
		t.Error("options")
	}
	entry := script.Ranges[0].Entries[0].Msg
	lines := []string{entry.Question[0].String()}
	for _, rr := range append(entry.Ns, entry.Extra...) {
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	if diff := cmp.Diff([]string{
		";www.example.\tIN\t A", "example. 60 IN NSEC example. SOA RRSIG NSEC", `example. 300 IN TXT "a ; b"`,
		`ns.example. 60 CLASS1 TYPE1 \# 5 0102030405`,
	}, lines); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if _, err := entry.Pack(); err != nil || entry.Rcode != dns.RcodeNameError || !entry.Authoritative {
		t.Errorf("entry: %v, %v", entry, err)
	}
	var steps []string
	for _, step := range script.Steps {
		steps = append(steps, strings.Join(append([]string{step.Type}, append(step.Args, step.File...)...), " "))
	}
	if diff := cmp.Diff([]string{"QUERY", "TIME_PASSES ELAPSE 1.5", "CHECK_AUTOTRUST example ; kept", "CHECK_ANSWER"}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	query, check := script.Steps[0].Entry, script.Steps[3].Entry
	if code, ok := check.EDE(); !query.DO || !query.Msg.RecursionDesired || !ok || code != "9" || !check.Matches("all") || check.Matches("ttl") {
		t.Errorf("entries of the steps: %+v, %+v", query, check)
	}
}

// Deckard has no clauses, and keeps servers apart from zones.
func TestParseDeckard(t *testing.T) {
	t.Parallel()
	script := parse(t, "; server:\nforward-addr: 192.0.2.1 # there\nval-override-timestamp: \"5\"\nCONFIG_END\nSCENARIO_BEGIN x\nSCENARIO_END\n")
	zones := []replay.Zone{{Name: ".", Forward: true, Servers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}
	if diff := cmp.Diff(zones, script.Config.Zones, cmpopts.EquateComparable(netip.Addr{})); diff != "" || script.Config.Dialect != replay.Deckard {
		t.Errorf("%+v\n%s", script.Config, diff)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	const head = "CONFIG_END\nSCENARIO_BEGIN x\n"
	for _, tt := range []struct {
		name, text, want string
	}{
		{"no end", head, "test.rpl:2: the file ends too early"},
		{"no scenario", "CONFIG_END\nSCENARIO_END\n", "test.rpl:2: SCENARIO_END without SCENARIO_BEGIN"},
		{"no option", "\nyes\n", `test.rpl:2: "yes" is no option`},
		{"a name without zone", "name: x\n", "name outside of a zone"},
		{"a zone without servers", "stub-zone:\nname: x\nCONFIG_END\n", "test.rpl:3: a zone without name or servers"},
		{"a server without address", "stub-addr: a.example\n", "ParseAddr"},
		{"a range without numbers", head + "RANGE_BEGIN 1\n", `test.rpl:3: range "1"`},
		{"nonsense in a range", head + "RANGE_BEGIN 1 2\nSTEP 1 QUERY\n", `"STEP 1 QUERY" in a range`},
		{"an entry by itself", head + "ENTRY_BEGIN\n", "entry outside of a range or step"},
		{"steps out of order", head + "STEP 2 NOTHING\nSTEP 2 NOTHING\n", "test.rpl:4: step 2 comes after step 2"},
		{"a step of no type", head + "STEP 2\n", "step without number and type"},
		{"a step of an unknown type", head + "STEP 2 LOG x\n", `test.rpl:3: unknown type of step "LOG"`},
		{"a step without its entry", head + "STEP 2 QUERY\nSTEP 3 NOTHING\n", `"STEP 3 NOTHING" where ENTRY_BEGIN should be`},
		{"an unknown flag", head + "STEP 2 QUERY\nENTRY_BEGIN\nREPLY XX\n", `test.rpl:5: unknown token "XX"`},
		{"an unknown section", head + "STEP 2 QUERY\nENTRY_BEGIN\nSECTION OTHER\n", `unknown section "OTHER"`},
		{"a stream of packets", head + "STEP 2 QUERY\nENTRY_BEGIN\nEXTRA_PACKET\n", "EXTRA_PACKET is not supported"},
		{"a question without type", head + "STEP 2 QUERY\nENTRY_BEGIN\nexample.\n", `"example." is no question`},
		{"a question of an unknown type", head + "STEP 2 QUERY\nENTRY_BEGIN\nexample. XX\n", `"XX" is no type`},
		{"a record that is none", head + "STEP 2 QUERY\nENTRY_BEGIN\nSECTION ANSWER\nexample. A 1.2.3\n", `"example. A 1.2.3" is no record`},
	} {
		_, err := replay.Parse(strings.NewReader(tt.text), "test.rpl")
		if e, ok := errors.AsType[*replay.Error](err); !ok || !strings.Contains(e.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestParseEntries(t *testing.T) {
	t.Parallel()
	entries, err := replay.ParseEntries(strings.NewReader("; x\nENTRY_BEGIN\nSECTION QUESTION\nyes. IN A\nENTRY_END\n\nENTRY_BEGIN\nENTRY_END\n"), "test")
	if err != nil || len(entries) != 2 || entries[0].Line != 2 || entries[0].Msg.Question[0].Name != "yes." {
		t.Errorf("%+v, %v", entries, err)
	}
	if _, err := replay.ParseEntries(strings.NewReader("ENTRY_BEGIN\n"), "test"); err == nil {
		t.Error("an entry without end")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("stub-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 QUERY\nENTRY_BEGIN\n. RRSIG\nSECTION ANSWER\n$ORIGIN x\na RRSIG A 8 1 1 1 1 1 . A\nENTRY_END\nSCENARIO_END")
	f.Fuzz(func(t *testing.T, text string) {
		script, err := replay.Parse(strings.NewReader(text), "fuzz")
		if (err == nil) != (script != nil) {
			t.Fatalf("%v, %v", script, err)
		}
		if err != nil {
			return
		}
		network, err := replay.New(script)
		if err != nil {
			return
		}
		network.Close()
	})
}
