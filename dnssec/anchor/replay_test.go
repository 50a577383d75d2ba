//go:debug rsa1024min=0

package anchor_test

import (
	"crypto"
	"errors"
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
func suiteAlgorithms() rrsig.Algorithms {
	var a rrsig.Algorithms
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
	for name, lines := range script.Config.Files {
		if len(p.files) > 0 {
			t.Fatal("a script with several state files")
		}
		p.files[name] = filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(p.files[name], []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: p.files[name]}, Algorithms: suiteAlgorithms()}
		p.resolver = &dnssec.Resolver{Exchanger: network.Exchanger(), Anchors: tracker, Time: network.Now, Algorithms: suiteAlgorithms()}
	}
	if p.resolver == nil {
		t.Fatal("a script without a state file")
	}
	return p
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
			if len(step.Args) < 2 {
				p.t.Fatalf("line %d: TIME_PASSES %v", step.Line, step.Args)
			}
			seconds, err := p.macros.Eval(strings.Join(step.Args[1:], " "))
			if err != nil {
				p.t.Fatalf("line %d: %v", step.Line, err)
			}
			p.network.Pass(time.Duration(seconds) * time.Second)
			p.refresh()
		case "TRAFFIC":
			p.refresh()
		case "ASSIGN":
			if err := p.macros.Assign(step.Args); err != nil {
				p.t.Errorf("step %d: %v", step.Number, err)
			}
		case "CHECK_AUTOTRUST":
			p.checkStates(step)
		case "QUERY":
			p.network.At(p.script.Steps[i+1].Number) // a query belongs to the step after it
			q := step.Entry.Msg.Question[0]
			p.answer, p.err = p.resolver.Lookup(p.t.Context(), q.Name, q.Qtype)
		case "CHECK_ANSWER":
			p.checkAnswer(step)
		default:
			p.t.Fatalf("line %d: unknown step %s", step.Line, step.Type)
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
	if code, ok := step.Entry.EDE(); ok && !slices.Contains(equalCodes[code], p.answer.Reason.Code) {
		p.t.Errorf("step %d: %v, want extended error %s", step.Number, p.answer.Reason, code)
	}
	if p.err == nil && p.answer.RCode != step.Entry.Msg.Rcode {
		p.t.Errorf("step %d: rcode %d", step.Number, p.answer.RCode)
	}
}
