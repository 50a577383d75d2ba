//go:build interop

package interop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestDifferential makes signed zones with random contents and random faults, has
// named serve them, and asks dnssec.Resolver, Unbound and delv the same questions:
//
//	zones ── named ── Unbound that does not validate ─┬─ dnssec.Resolver
//	                                                  ├─ Unbound that does
//	                                                  └─ delv
//
// All must come to the same status. Where a peer comes to another one, the table in
// differential_rules_test.go says why it may; any other difference fails the test.
// DANE_SEED=1 makes other cases, and each run of a seed makes the same ones.
func TestDifferential(t *testing.T) {
	seed := seedOf(t, differentialSeed)
	ctx, cancel := context.WithTimeout(t.Context(), differentialWithin)
	defer cancel()
	w, err := newDifferentialWorld(seed, differentialCases, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	lab.stopAfter(t)
	if err := w.serve(); err != nil {
		t.Fatal(err)
	}
	opinions := w.askAll(ctx, t)
	w.askDelv(ctx, t, opinions)
	w.askStubs(ctx, t, opinions)

	agreed, explained := make(map[dnssec.Status]int), make(map[*rule]int)
	for _, o := range opinions {
		differing := o.differing()
		if len(differing) == 0 {
			agreed[o.ours.Status]++
		}
		for _, v := range differing {
			if r := o.explanation(v); r != nil {
				explained[r]++
			} else {
				t.Errorf("%s has another opinion, and no rule says why:\n\tDANE_SEED=%d, %v", v.peer, seed, o)
			}
		}
	}
	t.Logf("%d cases, %d questions", len(w.cases), len(opinions))
	for _, status := range []dnssec.Status{dnssec.Secure, dnssec.Insecure, dnssec.Bogus} {
		t.Logf("%5d: all say %s", agreed[status], status)
		if agreed[status] < len(opinions)/20 {
			t.Errorf("only %d of %d answers are %s: the cases are not what they should be", agreed[status], len(opinions), status)
		}
	}
	for i := range rules {
		t.Logf("%5d: %s", explained[&rules[i]], &rules[i])
	}
}

const (
	differentialSeed, differentialCases = 4035, 500
	// differentialWithin is the time for all questions; they take a tenth of it.
	differentialWithin = 2 * time.Minute
	// differentialAtOnce is how many questions are on their way at a time.
	differentialAtOnce = 8
	// differentialForDelv is how many questions delv gets, which is a process for
	// each; besides those where no rule explains how we and Unbound differ.
	differentialForDelv = 60
	// delvWithin is the time that delv gets for one.
	delvWithin = 8 * time.Second
)

// An opinion is a question and what everybody says to it.
type opinion struct {
	c        *differentialCase
	question question
	faults   []string // of the zone, and of those where aliases lead

	ours          *dnssec.Answer
	unbound, delv verdict
}

// A verdict is what a peer says. Its status is Indeterminate if the peer was not
// asked, or has none.
type verdict struct {
	peer   string
	status dnssec.Status
	rcode  int    // Unbound's
	detail string // extended errors, or what delv wrote
}

func (o *opinion) String() string {
	return fmt.Sprintf("case %d (%s), %s\n\tfaults: %s\n\twe: %s %s %s\n\tUnbound: %s %s %s\n\tdelv: %s %s",
		o.c.number, o.c.shape, o.question, strings.Join(o.faults, "; "),
		o.ours.Status, dns.RcodeToString[o.ours.RCode], o.ours.Reason,
		o.unbound.status, dns.RcodeToString[o.unbound.rcode], o.unbound.detail, o.delv.status, o.delv.detail)
}

// differing are the verdicts of the peers that have another one than we. A response
// code is only proven where the status is Secure.
func (o *opinion) differing() []verdict {
	var all []verdict
	if o.unbound.status != o.ours.Status || o.ours.Status == dnssec.Secure && o.unbound.rcode != o.ours.RCode {
		all = append(all, o.unbound)
	}
	if o.delv.status != dnssec.Indeterminate && o.delv.status != o.ours.Status {
		all = append(all, o.delv)
	}
	return all
}

// askAll asks every question of every case, of us and of Unbound.
func (w *differentialWorld) askAll(ctx context.Context, t *testing.T) []*opinion {
	// As with Unbound, each answer is to be judged by itself: a record that denies what there
	// is would deny it or not by the order of the questions (RFC 8198).
	ours := &dnssec.Resolver{
		Exchanger: poolOf(&upstream.Client{Address: address(w.recursor)}), Anchors: w.anchors, NoAggressiveUse: true,
	}
	var opinions []*opinion
	for _, c := range w.cases {
		for _, q := range c.questions {
			opinions = append(opinions, &opinion{c: c, question: q})
		}
	}
	inParallel(opinions, func(o *opinion) {
		var err error
		if o.ours, err = ours.Lookup(ctx, o.question.name, dns.StringToType[o.question.qtype]); o.ours == nil {
			t.Errorf("%s: %v", o.question, err)
			o.ours = new(dnssec.Answer)
		}
		if o.unbound, err = w.askUnbound(ctx, o.question); err != nil {
			t.Errorf("%s: Unbound: %v", o.question, err)
		}
		o.faults = slices.Clone(o.c.faults)
		for _, alias := range o.ours.Aliases {
			if c := w.caseOf(alias.Target); c != nil && c != o.c {
				for _, f := range c.faults {
					o.faults = append(o.faults, "behind the alias: "+f)
				}
				if c.zone.optOut {
					o.faults = append(o.faults, "behind the alias: opt-out")
				}
			}
		}
	})
	return opinions
}

func inParallel[T any](work []T, do func(T)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, differentialAtOnce)
	for _, item := range work {
		slots <- struct{}{}
		wait.Go(func() {
			do(item)
			<-slots
		})
	}
	wait.Wait()
}

// askUnbound tells the status as a stub would. SERVFAIL is a verdict where Unbound has
// an answer as soon as it does not check it.
func (w *differentialWorld) askUnbound(ctx context.Context, q question) (verdict, error) {
	v := verdict{peer: "Unbound"}
	client := &dns.Client{Net: "tcp", Timeout: 20 * time.Second}
	query := new(dns.Msg).SetQuestion(dns.Fqdn(q.name), dns.StringToType[q.qtype])
	query.SetEdns0(1232, true)
	reply, _, err := client.ExchangeContext(ctx, query, address(w.validator))
	if err != nil {
		return v, err
	}
	v.rcode = reply.Rcode
	switch {
	case reply.Rcode == dns.RcodeServerFailure:
		v.detail = extendedErrors(reply)
		query.CheckingDisabled = true
		for try := 0; try < 3 && err == nil && reply.Rcode == dns.RcodeServerFailure; try++ {
			time.Sleep(time.Duration(try) * time.Second) // what it asks may have been slow
			reply, _, err = client.ExchangeContext(ctx, query, address(w.validator))
		}
		if err == nil && reply.Rcode != dns.RcodeServerFailure {
			v.status = dnssec.Bogus
		}
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
	case reply.AuthenticatedData:
		v.status = dnssec.Secure
	default:
		v.status = dnssec.Insecure
	}
	return v, err
}

func extendedErrors(reply *dns.Msg) (text string) {
	if opt := reply.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if ede, ok := option.(*dns.EDNS0_EDE); ok {
				text += fmt.Sprintf("[EDE %d %s]", ede.InfoCode, ede.ExtraText)
			}
		}
	}
	return text
}

// askDelv asks about the differences that no rule explains, and a sample of the rest.
func (w *differentialWorld) askDelv(ctx context.Context, t *testing.T, opinions []*opinion) {
	var some []*opinion
	for i, o := range opinions {
		sample := i%(len(opinions)/differentialForDelv) == 0
		if sample || slices.ContainsFunc(o.differing(), func(v verdict) bool { return o.explanation(v) == nil }) {
			some = append(some, o)
		}
	}
	var verdicts atomic.Int64
	inParallel(some, func(o *opinion) {
		// delv 9.18 waits for ever where it can use none of a zone's keys.
		ctx, cancel := context.WithTimeout(ctx, delvWithin)
		defer cancel()
		_, output, _ := delv(ctx, resolver{"unbound", w.recursor}, w.anchorsBIND, o.question)
		if o.delv = delvVerdict(output); o.delv.status != dnssec.Indeterminate {
			verdicts.Add(1)
		}
	})
	t.Logf("%d questions for delv, %d verdicts", len(some), verdicts.Load())
	if verdicts.Load() < differentialForDelv/2 {
		t.Error("delv has an opinion about too few")
	}
}

// delvVerdict is that on the weakest step of a chain of aliases, where delv also says
// how it fared with the steps before.
func delvVerdict(output string) verdict {
	v := verdict{peer: "delv", detail: output}
	for line := range strings.Lines(output) {
		line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "; "), "negative response, ")
		// A denial fails as "ncache", and the verdict on it follows.
		if cause, failed := strings.CutPrefix(line, ";; resolution failed: "); failed && !strings.HasPrefix(cause, "ncache ") {
			v.status = dnssec.Indeterminate
			if slices.Contains(bogusForDelv, cause) {
				v.status = dnssec.Bogus
			}
			return v
		}
		switch line {
		case "fully validated":
			if v.status == dnssec.Indeterminate {
				v.status = dnssec.Secure
			}
		case "unsigned answer":
			v.status = dnssec.Insecure
		case "signed answer, pending validation": // which it has tried
			v.status = dnssec.Bogus
			return v
		}
	}
	return v
}
