//go:debug rsa1024min=0

package anchor_test

import (
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// TestReplay plays Unbound's scripts about trust anchors that change (RFC 5011), one
// subtest each, and compares the states of the keys with what they expect.
func TestReplay(t *testing.T) {
	t.Parallel()
	root := os.Getenv("DANE_SUITES")
	if root == "" {
		t.Skip("DANE_SUITES is not set: it names a folder of conformance suites")
	}
	folder := filepath.Join(root, "replay")
	files, err := filepath.Glob(filepath.Join(folder, "*", "*pl"))
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, file := range files {
		script, err := replay.ReadFile(file)
		if err != nil || !script.TracksAnchors() {
			continue // for the tests of package dnssec
		}
		name, err := filepath.Rel(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newPlayer(t, script).play() })
		})
	}
}

// suiteAlgorithms takes RSA keys of 512 bits, as the scripts have them, and crypto/rsa
// with the setting at the top of this file.
func suiteAlgorithms() anchor.Algorithms {
	var a anchor.Algorithms
	for number, hash := range map[uint8]crypto.Hash{dns.RSASHA1: crypto.SHA1, dns.RSASHA1NSEC3SHA1: crypto.SHA1, dns.RSASHA256: crypto.SHA256} {
		a = rrsig.Add(a, number, rrsig.RSA{Hash: hash, MinBits: 512})
	}
	return a
}

// A player goes through the steps of a script.
type player struct {
	t        *testing.T
	script   *replay.Script
	network  *replay.Network
	macros   replay.Macros
	files    map[string]string // where the state of each zone is
	resolver *dnssec.Resolver
	answer   *dnssec.Answer
	err      error
}

func newPlayer(t *testing.T, script *replay.Script) *player {
	t.Helper()
	network, err := replay.New(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close)
	p := &player{t: t, script: script, network: network, files: make(map[string]string)}
	for name, lines := range script.Config.States {
		if len(p.files) > 0 {
			t.Fatal("a script with several state files")
		}
		p.files[name] = filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(p.files[name], []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: p.files[name]}, Algorithms: suiteAlgorithms()}
		p.resolver = &dnssec.Resolver{Exchanger: network.Exchanger(), Anchors: anchors{tracker, fixedAnchors(t, &script.Config)}, Time: network.Now, Algorithms: dnssec.Algorithms(suiteAlgorithms())}
	}
	if p.resolver == nil {
		t.Fatal("a script without a state file")
	}
	return p
}

// anchors are those that change, and those of the configuration.
type anchors struct {
	*anchor.Tracker
	fixed anchor.Set
}

func (a anchors) Anchors(now time.Time) (anchor.Set, error) {
	set, err := a.Tracker.Anchors(now)
	return slices.Concat(set, a.fixed), err
}

func fixedAnchors(t *testing.T, config *replay.Config) (all anchor.Set) {
	t.Helper()
	for _, text := range config.Anchors {
		set, err := anchor.Parse(strings.NewReader(text), "trust-anchor")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, set...)
	}
	return all
}

// play goes through the steps. It must run in a bubble of synctest, which tells when the
// traffic has come to rest.
func (p *player) play() {
	for i, step := range p.script.Steps {
		p.network.At(step.Number)
		synctest.Wait()
		p.macros.Time = p.network.Now()
		switch step.Type {
		case "TIME_PASSES":
			d, err := p.macros.Elapse(step.Args)
			if err != nil {
				p.t.Fatalf("line %d: %v", step.Line, err)
			}
			p.network.Pass(d.Truncate(time.Second))
			p.refresh()
		case "TRAFFIC":
			p.refresh()
		case "NOTHING":
		case "INFRA_RTT", "FLUSH_MESSAGE", "EXPIRE_MESSAGE":
			p.t.Logf("line %d: %s is about Unbound's cache, which a Resolver does not have", step.Line, step.Type)
		case "ASSIGN":
			if err := p.macros.Assign(step.Args); err != nil {
				p.t.Errorf("step %d: %v", step.Number, err)
			}
		case "CHECK_AUTOTRUST":
			p.checkStates(step)
		case "QUERY":
			if i+1 < len(p.script.Steps) {
				p.network.At(p.script.Steps[i+1].Number) // a query belongs to the step after it
			}
			q := step.Entry.Msg.Question[0]
			p.answer, p.err = p.resolver.Lookup(p.t.Context(), q.Name, q.Qtype)
		case "CHECK_ANSWER":
			p.checkAnswer(step)
		default:
			p.t.Fatalf("line %d: a Tracker knows no %s", step.Line, step.Type)
		}
	}
}

// refresh looks at the keys that are due, and notes when the next will be.
func (p *player) refresh() {
	next, err := p.resolver.RefreshAnchors(p.t.Context())
	p.t.Logf("at %d: %v", p.network.Now().Unix(), err)
	p.macros.Time, p.macros.Timeout = p.network.Now(), 0
	if !next.IsZero() {
		p.macros.Timeout = next.Sub(p.network.Now())
	}
}

// A keyLine is what a script asserts about a key.
type keyLine struct {
	Tag   uint16
	Flags uint16
	State string // its number; "" where a file has not been written yet
}

var stateNumber = regexp.MustCompile(`;;state=(\d)`)

func keyLines(t *testing.T, lines []string) (keys []keyLine, revoked bool) {
	t.Helper()
	for _, line := range lines {
		if strings.HasPrefix(line, ";;REVOKED") {
			revoked = true
		}
		text, _, _ := strings.Cut(line, ";")
		if strings.TrimSpace(text) == "" {
			continue
		}
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		key, ok := rr.(*dns.DNSKEY)
		if !ok {
			t.Fatalf("%v is not a key", rr)
		}
		state := ""
		if match := stateNumber.FindStringSubmatch(line); match != nil {
			state = match[1]
		}
		keys = append(keys, keyLine{key.KeyTag(), key.Flags, state})
	}
	slices.SortFunc(keys, func(a, b keyLine) int { return int(a.Tag) - int(b.Tag) })
	return keys, revoked
}

// lastSuccess is that of a state file; the texts of scripts have variables in it.
func (p *player) lastSuccess(lines []string) (seconds float64, found bool) {
	for _, line := range lines {
		if value, ok := strings.CutPrefix(line, ";;last_success: "); ok {
			value, _, _ = strings.Cut(value, ";;")
			seconds, err := p.macros.Eval(value)
			if err != nil {
				p.t.Fatal(err)
			}
			return seconds, true
		}
	}
	return 0, false
}

func (p *player) checkStates(step replay.Step) {
	text, err := os.ReadFile(p.files[step.Args[0]])
	if err != nil {
		p.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	type state struct {
		Keys        []keyLine
		Revoked     bool
		LastSuccess float64
		Written     bool
	}
	var got, want state
	got.Keys, got.Revoked = keyLines(p.t, lines)
	got.LastSuccess, got.Written = p.lastSuccess(lines)
	want.Keys, want.Revoked = keyLines(p.t, step.File)
	want.LastSuccess, want.Written = p.lastSuccess(step.File)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("step %d (-want +got):\n%s", step.Number, diff)
	}
}

// equalCodes are the extended errors that count as the one that a script wants. Unbound
// asks for the keys of an anchor before it looks at an answer; a Resolver sees first
// that the answer proves nothing.
var equalCodes = map[string][]dnssec.EDE{
	"6": {dnssec.EDEBogus, dnssec.EDENSECMissing, dnssec.EDERRSIGsMissing},
	"9": {dnssec.EDEDNSKEYMissing, dnssec.EDENSECMissing, dnssec.EDERRSIGsMissing},
}

// checkAnswer compares the status that the script asserts by rcode and AD bit.
func (p *player) checkAnswer(step replay.Step) {
	want := dnssec.Insecure
	switch {
	case step.Entry.Msg.Rcode == dns.RcodeServerFailure:
		want = dnssec.Bogus
	case step.Entry.Msg.AuthenticatedData:
		want = dnssec.Secure
	}
	e, _ := errors.AsType[*dnssec.Error](p.err)
	if p.answer == nil || p.answer.Status != want || (e != nil) != (want == dnssec.Bogus) {
		p.t.Errorf("step %d: %+v, %v; want %s", step.Number, p.answer, p.err, want)
		return
	}
	if code, ok := step.Entry.EDE(); ok && code != "any" && !slices.Contains(equalCodes[code], p.answer.Reason.Code) {
		p.t.Errorf("step %d: %v, want extended error %s", step.Number, p.answer.Reason, code)
	}
	if p.err == nil && p.answer.RCode != step.Entry.Msg.Rcode {
		p.t.Errorf("step %d: rcode %d", step.Number, p.answer.RCode)
	}
}

// TestReplaySteps plays a script of our own, with the line ends of another system: a zone
// with a state file, and one whose anchor stays.
func TestReplaySteps(t *testing.T) {
	t.Parallel()
	const head = "ENTRY_BEGIN\nMATCH opcode qname qtype\nADJUST copy_id\nREPLY QR AA NOERROR\nSECTION QUESTION\n"
	config, ranges, steps := "server:\n", "RANGE_BEGIN 0 99\n", ""
	for i, zone := range []string{"moving.", "fixed."} {
		key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 7200}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
		private, err := key.Generate(256)
		if err != nil {
			t.Fatal(err)
		}
		signed := func(rr dns.RR) string {
			sig := &dns.RRSIG{Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: zone, Inception: 1e9, Expiration: 2e9}
			if err := sig.Sign(private.(crypto.Signer), []dns.RR{rr}); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("SECTION ANSWER\n%s\n%s\n", rr, sig)
		}
		a, err := dns.NewRR("www." + zone + " 60 IN A 192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		if zone == "fixed." {
			config += fmt.Sprintf("trust-anchor: '%s'\n", key)
		} else {
			config += fmt.Sprintf("AUTOTRUST_FILE %s\n%s\nAUTOTRUST_END\n", zone, key)
			steps = "STEP 1 TIME_PASSES EVAL ${1400000000 + ${50 * 2000000}}\nSTEP 2 ASSIGN t0 = ${time}\nSTEP 3 CHECK_AUTOTRUST " + zone +
				fmt.Sprintf("\nFILE_BEGIN\n;;last_success: ${$t0 + 0} ;;${ctime $t0}\n%s ;;state=2\nFILE_END\nSTEP 4 NOTHING\n", key)
		}
		ranges += head + zone + " DNSKEY\n" + signed(key) + "ENTRY_END\n" + head + "www." + zone + " A\n" + signed(a) + "ENTRY_END\n"
		steps += fmt.Sprintf("STEP %d QUERY\nENTRY_BEGIN\nREPLY RD DO\nwww.%s A\nENTRY_END\nSTEP %d CHECK_ANSWER\nENTRY_BEGIN\nMATCH all\nREPLY QR RD RA AD DO\nwww.%[2]s A\n%[4]s\nENTRY_END\n", 10+2*i, zone, 11+2*i, signed(a))
	}
	text := config + "forward-zone:\nname: .\nforward-addr: 192.0.2.53\nCONFIG_END\nSCENARIO_BEGIN x\n" + ranges + "RANGE_END\n" + steps + "SCENARIO_END\n"
	script, err := replay.Parse(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")), "steps.rpl")
	if err != nil {
		t.Fatal(err)
	}
	if !script.TracksAnchors() {
		t.Error("a script with a state file is about anchors that change")
	}
	synctest.Test(t, func(t *testing.T) { newPlayer(t, script).play() })
}
