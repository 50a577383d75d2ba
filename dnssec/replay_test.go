package dnssec_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
)

// TestReplay plays the scripts of Unbound and Deckard, one subtest each, and compares
// what the Resolver says with what they expect.
func TestReplay(t *testing.T) {
	t.Parallel()
	folder := suite(t, "replay")
	files, err := filepath.Glob(filepath.Join(folder, "*", "*pl"))
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	leftOut := readLeftOut(t, filepath.Join(folder, "expected.tsv"))
	var count struct{ scripts, played, leftOut atomic.Int64 }
	t.Cleanup(func() {
		t.Logf("%d scripts: %d questions, %d more left out", count.scripts.Load(), count.played.Load(), count.leftOut.Load())
	})
	for _, file := range files {
		name, err := filepath.Rel(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.ToSlash(name)
		script, err := replay.ReadFile(file)
		if err == nil && script.TracksAnchors() {
			continue // for the tests of package anchor
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer(t, script, leftOut[name])
				p.play()
				count.scripts.Add(1)
				count.played.Add(int64(p.played))
				count.leftOut.Add(int64(len(p.leftOut)))
			})
		})
	}
}

// readLeftOut returns the steps that a library cannot play, by file and number, and why.
func readLeftOut(t *testing.T, file string) map[string]map[int]string {
	t.Helper()
	all := make(map[string]map[int]string)
	for _, row := range table(t, file) {
		if len(row) < 5 {
			t.Fatalf("%s: %q", file, row)
		}
		path := row[0] + "/" + row[1]
		all[path] = make(map[int]string)
		for step := range strings.SplitSeq(row[4], ";") {
			number, why, _ := strings.Cut(step, ":")
			if n, err := strconv.Atoi(number); err == nil {
				all[path][n] = why
			}
		}
	}
	return all
}

// A player goes through the steps of a script.
type player struct {
	t         *testing.T
	script    *replay.Script
	network   *replay.Network
	anchors   anchor.Set
	resolvers []*dnssec.Resolver // the weakest answer counts
	leftOut   map[int]string
	waiting   []*outcome
	macros    replay.Macros
	played    int
}

func newPlayer(t *testing.T, script *replay.Script, leftOut map[int]string) *player {
	t.Helper()
	network, err := replay.New(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close)
	p := &player{t: t, script: script, network: network, leftOut: make(map[int]string), anchors: anchorsOf(t, &script.Config)}
	maps.Copy(p.leftOut, leftOut)
	exchanger := network.Exchanger()
	for _, anchors := range p.anchorSets() {
		resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: anchors, Time: network.Now, Algorithms: dnssec.Algorithms(suiteAlgorithms()), MaxIterations: maxIterations(t, &script.Config)}
		if script.Config.Dialect == replay.Unbound {
			resolver.ClockSkew = time.Hour // val-sig-skew-min
		}
		for _, zone := range script.Config.Insecure {
			resolver.NegativeAnchors = append(resolver.NegativeAnchors, dnssec.NegativeAnchor{Zone: zone, Reason: "domain-insecure", Expires: network.Now().AddDate(100, 0, 0)})
		}
		p.resolvers = append(p.resolvers, resolver)
	}
	return p
}

// anchorSets is the script's anchors; where it wants every algorithm of the anchors to
// be good, and not just one (RFC 6840 §5.11), it is a set for each.
func (p *player) anchorSets() []anchor.Set {
	if !p.script.Config.On("harden-algo-downgrade") {
		return []anchor.Set{p.anchors}
	}
	sets := make(map[uint8]anchor.Set)
	for _, a := range p.anchors {
		if a.Key != nil {
			sets[a.Key.Algorithm] = append(sets[a.Key.Algorithm], a)
		} else {
			sets[a.DS.Algorithm] = append(sets[a.DS.Algorithm], a)
		}
	}
	return slices.Collect(maps.Values(sets))
}

// maxIterations returns the lowest limit that the script sets, by the size of keys, 0 if
// none is set.
func maxIterations(t *testing.T, c *replay.Config) uint16 {
	t.Helper()
	var limit uint64
	for i, field := range strings.Fields(c.Options["val-nsec3-keysize-iterations"]) {
		n, err := strconv.ParseUint(field, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	return uint16(limit)
}

// anchorsOf returns the script's anchors. Where it has none, everything is insecure,
// which takes an anchor elsewhere.
func anchorsOf(t *testing.T, config *replay.Config) anchor.Set {
	t.Helper()
	texts := config.Anchors
	if len(texts) == 0 {
		texts = []string{"elsewhere.invalid. DS 1 13 2 " + strings.Repeat("00", 32)}
	}
	var all anchor.Set
	for _, text := range texts {
		anchors, err := anchor.Parse(strings.NewReader(text), "trust-anchor")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, anchors...)
	}
	return all
}

// play goes through the steps. It must run in a bubble of synctest, which tells when the
// traffic has come to rest.
func (p *player) play() {
	for i, step := range p.script.Steps {
		p.network.At(step.Number)
		synctest.Wait()
		switch step.Type {
		case "QUERY":
			if p.script.Config.Dialect == replay.Unbound && i+1 < len(p.script.Steps) {
				p.network.At(p.script.Steps[i+1].Number) // a query belongs to the step after it
			}
			p.query(step)
		case "CHECK_ANSWER":
			p.check(step)
		case "TIME_PASSES":
			p.pass(step)
		case "ASSIGN":
			p.macros.Time = p.network.Now()
			if err := p.macros.Assign(step.Args); err != nil {
				p.t.Errorf("line %d: %v", step.Line, err)
			}
		case "REPLY", "TIMEOUT", "ERROR":
			if err := p.network.Serve(step); err != nil {
				p.t.Log(err, ": a Resolver asks other questions than Unbound")
			}
		case "CHECK_OUT_QUERY":
			if !p.network.Asked(step) {
				p.t.Logf("line %d: not asked: a Resolver asks other questions than Unbound", step.Line)
			}
		case "CHECK_TEMPFILE": // which nothing writes
			if diff := cmp.Diff(step.File, p.script.Config.Files[step.Args[0]]); diff != "" {
				p.t.Errorf("line %d: %s", step.Line, diff)
			}
		case "INFRA_RTT", "FLUSH_MESSAGE", "EXPIRE_MESSAGE":
			p.t.Logf("line %d: %s is about Unbound's cache, which a Resolver does not have", step.Line, step.Type)
		case "TRAFFIC", "NOTHING":
		default:
			p.t.Fatalf("line %d: a Resolver knows no %s", step.Line, step.Type)
		}
		synctest.Wait()
	}
	p.t.Logf("options: %v", p.script.Config.Options) // most mean nothing to a library
	for line, text := range p.script.Ignored {
		p.t.Logf("line %d means nothing: %s", line, text)
	}
	for _, line := range p.network.Unused() {
		p.t.Logf("line %d is mandatory and not asked for: a Resolver asks other questions than Knot", line)
	}
	for _, o := range p.waiting {
		p.t.Errorf("step %d: the answer is not checked", o.step)
	}
}

func (p *player) pass(step replay.Step) {
	p.macros.Time = p.network.Now()
	d, err := p.macros.Elapse(step.Args)
	if err != nil {
		p.t.Fatalf("line %d: %v", step.Line, err)
	}
	p.network.Pass(d)
}

func (p *player) query(step replay.Step) {
	o := &outcome{query: step.Entry, step: step.Number, done: make(chan struct{})}
	p.waiting = append(p.waiting, o)
	if step.Entry.Msg.CheckingDisabled {
		p.leftOut[step.Number] = "CD asks for what is not validated, which a Resolver never gives"
	}
	if p.leftOut[step.Number] != "" {
		return
	}
	q := step.Entry.Msg.Question[0]
	types := []uint16{q.Qtype}
	if q.Qtype == dns.TypeANY { // a Resolver is asked for one RRset at a time
		if types, _ = p.script.TypesAt(q.Name); len(types) == 0 {
			types = []uint16{dns.TypeA} // what is denied is any
		}
	}
	go func() {
		defer close(o.done)
		for _, resolver := range p.resolvers {
			for _, qtype := range types {
				answer, err := resolver.Lookup(p.t.Context(), q.Name, qtype)
				o.add(answer, err)
			}
		}
	}()
}

// check compares the waiting answer to the same question with the expected one.
func (p *player) check(step replay.Step) {
	i := slices.IndexFunc(p.waiting, func(o *outcome) bool {
		return slices.EqualFunc(o.query.Msg.Question, step.Entry.Msg.Question, func(a, b dns.Question) bool { return strings.EqualFold(a.String(), b.String()) })
	})
	if len(p.waiting) == 1 && !slices.ContainsFunc([]string{"all", "all_noedns", "question", "qname"}, step.Entry.Matches) {
		i = 0
	}
	if i < 0 {
		p.t.Errorf("step %d: no answer is waiting", step.Number)
		return
	}
	o := p.waiting[i]
	p.waiting = slices.Delete(p.waiting, i, i+1)
	if why := p.leftOut[o.step]; why != "" {
		p.t.Logf("step %d is left out: %s", o.step, why)
		return
	}
	<-o.done
	p.played++
	o.missed, o.silent = p.network.Missed(), p.network.Silent()
	for _, d := range deviations {
		if d.applies(p, o.query, step.Entry) {
			p.t.Logf("step %d: want %v: %s", o.step, d.statuses, d.why)
			if o.answer == nil || !slices.Contains(d.statuses, o.answer.Status) {
				p.t.Errorf("step %d: %s", o.step, o)
			}
			return
		}
	}
	if problem := o.compare(step.Entry); problem != "" {
		p.t.Errorf("step %d, %s: %s\n%s", o.step, o.query.Msg.Question[0].String(), problem, o)
	}
}
