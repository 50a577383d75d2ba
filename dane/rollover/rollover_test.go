package rollover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
)

// rounding is what is waited beyond a TTL, for caches that count in whole seconds.
const rounding = 5 * time.Second

// without takes the name servers away that have a text in their names.
func without(records []dns.RR, text string) []dns.RR {
	return slices.DeleteFunc(records, func(rr dns.RR) bool {
		ns, ok := rr.(*dns.NS)
		return ok && strings.Contains(ns.Ns, text)
	})
}

func record(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// TestEveryServerIsAsked: a resolver asks whoever the zone names, or the zone above, by
// whatever address either gives.
func TestEveryServerIsAsked(t *testing.T) {
	t.Parallel()
	zone := []string{"ns1.example (192.0.2.1)", "ns2.example (192.0.2.2)", "ns3.example (192.0.2.3)"}
	for _, tt := range []struct {
		name    string
		world   func(*publisher)
		views   []string
		unasked string
		skip    bool
		above   string // views that only the zone above leads to
		ok      bool   // senders accept the next certificate, which ns3 does not have
	}{
		{name: "the zone names all", views: zone},
		{name: "only the zone above names one", world: func(p *publisher) {
			p.ns = func(set []dns.RR) []dns.RR { return without(set, "ns3") }
		}, views: zone, above: "ns3.example (192.0.2.3)"},
		{name: "only the zone itself names one", world: func(p *publisher) {
			p.root = func(_ dns.Question, r *dns.Msg) { r.Ns = without(r.Ns, "ns3") }
		}, views: zone},
		{name: "nobody names it", world: func(p *publisher) {
			p.ns = func(set []dns.RR) []dns.RR { return without(set, "ns3") }
			p.root = func(_ dns.Question, r *dns.Msg) { r.Ns = without(r.Ns, "ns3") }
		}, views: zone[:2], ok: true},
		{name: "the glue has an address more", world: func(p *publisher) {
			p.ns = func(set []dns.RR) []dns.RR { return without(set, "ns3") }
			p.root = func(_ dns.Question, r *dns.Msg) {
				r.Ns = without(r.Ns, "ns3")
				r.Extra = append(r.Extra, record("ns1.example. 60 IN A 192.0.2.3"))
			}
		}, views: []string{zone[0], "ns1.example (192.0.2.3)", zone[1]}, above: "ns1.example (192.0.2.3)"},
		{name: "the zone above does not answer", world: func(p *publisher) {
			p.dead["198.18.0.1"] = syscall.EHOSTUNREACH
		}, views: zone, unasked: "it is not known which name servers of example. the zone above names"},
		{name: "the zone above does not answer, which does not matter", skip: true, world: func(p *publisher) {
			p.dead["198.18.0.1"] = syscall.EHOSTUNREACH
		}, views: zone},
		{name: "the zone above refers to too many", world: func(p *publisher) {
			p.root = func(_ dns.Question, r *dns.Msg) {
				for i := range 12 {
					r.Ns = append(r.Ns, record(fmt.Sprintf("example. 60 IN NS more%d.example.", i)))
				}
			}
		}, unasked: "2 name servers of example. more than are asked"},
		{name: "the servers of the zone above have the zone, too", world: func(p *publisher) {
			p.root = func(_ dns.Question, r *dns.Msg) { r.Answer, r.Ns, r.Authoritative = r.Ns, nil, true }
		}, views: zone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t)
				p.publish(p.both(), 1, 2)
				if tt.world != nil {
					tt.world(p)
				}
				surveyor := p.surveyor()
				surveyor.SkipDelegation = tt.skip
				survey, err := surveyor.Survey(t.Context(), "MX.example.", 25)
				if err != nil {
					t.Fatal(err)
				}
				var views []string
				for _, v := range survey.Views {
					views = append(views, v.Name())
					if v.Above != (v.Name() == tt.above) && tt.views != nil {
						t.Errorf("%s: only the zone above names it: %t", v.Name(), v.Above)
					}
				}
				slices.Sort(views)
				if diff := cmp.Diff(tt.views, views); tt.views != nil && diff != "" {
					t.Error(diff)
				}
				if all := strings.Join(survey.Unasked, "; "); !strings.Contains(all, tt.unasked) || (all == "") != (tt.unasked == "") {
					t.Errorf("not asked: %q, want %q", all, tt.unasked)
				}
				j := survey.Judge(p.chain())
				if j.OK() != tt.ok || tt.unasked != "" && len(j.Unknown) == 0 {
					t.Errorf("%+v", j)
				}
				if note := strings.Join(j.Notes, "; "); strings.Contains(note, "named by the zone above") != (tt.above != "") && tt.views != nil {
					t.Errorf("notes: %s", note)
				}
			})
		})
	}
}

// TestReady goes through a rollover, with a State that is kept as JSON between the looks.
func TestReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		var kept []byte
		for _, step := range []struct {
			name    string
			do      func()
			verdict rollover.Verdict
			why     string
			left    time.Duration // until it is safe, if that is known
		}{
			{"nothing is published", func() {}, rollover.NotSafe, "do not accept the new certificate", 0},
			{"a server is behind", func() { p.publish(p.both(), 1, 2) }, rollover.NotSafe, "by ns3.example (192.0.2.3): no record of this certificate", 0},
			{"all have it", func() { p.publish(p.both(), 3) }, rollover.NotSafe, "caches may have older ones", 10*time.Minute + rounding},
			{"the TTL runs", func() { time.Sleep(4 * time.Minute) }, rollover.NotSafe, "caches may have older ones", 6*time.Minute + rounding},
			{"a server is out of reach", func() { p.dead["192.0.2.2"] = syscall.EHOSTUNREACH }, rollover.Unknown, "not all name servers could be asked: ns2", 6*time.Minute + rounding},
			{"it comes back", func() { delete(p.dead, "192.0.2.2") }, rollover.NotSafe, "caches may have older ones", 6*time.Minute + rounding},
			{"the TTL has run out", func() { time.Sleep(6*time.Minute + rounding) }, rollover.Safe, "no cache has older ones", 0},
			{"a server goes back", func() { p.publish([]tlsa.Record{p.record(p.current)}, 1) }, rollover.NotSafe, "by ns1", 0},
			{"so that it begins anew", func() { p.publish(p.both(), 1) }, rollover.NotSafe, "caches may have older ones", 10*time.Minute + rounding},
		} {
			step.do()
			w := &rollover.Watch{Surveyor: p.surveyor(), Host: "mx.example", Port: 25, Chain: p.chain(), State: rollover.NewState("_25._tcp.mx.example.", p.chain())}
			if kept != nil {
				if err := w.State.Resume(kept, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			look := w.Look(t.Context())
			left := time.Duration(0)
			if !look.SafeAt.IsZero() {
				left = look.SafeAt.Sub(look.Time)
			}
			if look.Verdict != step.verdict || !strings.Contains(look.Why, step.why) || left != step.left {
				t.Errorf("%s: %s after %v: %s; want %s after %v: %s", step.name, look.Verdict, left, look.Why, step.verdict, step.left, step.why)
			}
			kept, _ = json.Marshal(w.State)
		}
	})
}

// What is no State, or is of something else, is not gone on from.
func TestResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		now := time.Now()
		good := rollover.NewState("_25._tcp.mx.example.", p.chain())
		good.Complete, good.OldTTL, good.OldSeen = now.Add(-time.Hour), 60, true
		change := func(f func(*rollover.State)) string {
			s := *good
			f(&s)
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		for _, tt := range []struct {
			name, text string
			err        error
			taken      bool
		}{
			{"what was kept", change(func(*rollover.State) {}), nil, true},
			{"of another owner", change(func(s *rollover.State) { s.Owner = "_25._tcp.mx2.example." }), nil, false},
			{"of another chain", change(func(s *rollover.State) { s.Certificate = "00" }), nil, false},
			{"of a clock that was wrong", change(func(s *rollover.State) { s.Complete = now.Add(time.Hour) }), nil, false},
			{"of another version", change(func(s *rollover.State) { s.Version = 2 }), rollover.ErrState, false},
			{"a TTL below zero", change(func(s *rollover.State) { s.OldTTL = -1 }), rollover.ErrState, false},
			{"a TTL that DNS does not have", change(func(s *rollover.State) { s.OldTTL = 1 << 40 }), rollover.ErrState, false},
			{"no JSON", "hello", rollover.ErrState, false},
			{"nothing", "", rollover.ErrState, false},
			{"too much", strings.Repeat(" ", 1<<17) + change(func(*rollover.State) {}), rollover.ErrState, false},
		} {
			s := rollover.NewState("_25._tcp.mx.example.", p.chain())
			if err := s.Resume([]byte(tt.text), now); !errors.Is(err, tt.err) || s.Complete.IsZero() == tt.taken {
				t.Errorf("%s: %v, %+v", tt.name, err, s)
			}
		}
	})
}

// TestAgreed has what tlsa.Verifier.Plan may be given.
func TestAgreed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		world  func(*publisher)
		reason rollover.Reason
		want   string // in the error
	}{
		{"all have the same", func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, 0, ""},
		{"one differs", func(p *publisher) { p.publish(p.both(), 3) }, rollover.ReasonDifferent, "ns3.example (192.0.2.3) has other records than ns1.example"},
		{"one is silent", func(p *publisher) { p.dead["192.0.2.2"] = syscall.EHOSTUNREACH }, rollover.ReasonUnknown, "ns2.example (192.0.2.2)"},
		{"one forges", func(p *publisher) {
			p.said["192.0.2.2"] = func(_ dns.Question, r *dns.Msg) {
				for _, rr := range r.Answer {
					if rr, ok := rr.(*dns.TLSA); ok {
						rr.Certificate = strings.Repeat("ee", 32)
					}
				}
			}
		}, rollover.ReasonBogus, "ns2.example (192.0.2.2): its answer does not validate"},
		{"the zone above is silent", func(p *publisher) { p.dead["198.18.0.1"] = syscall.EHOSTUNREACH }, rollover.ReasonUnknown, "the zone above"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t)
				tt.world(p)
				survey, err := p.surveyor().Survey(t.Context(), "mx.example", 25)
				if err != nil {
					t.Fatal(err)
				}
				records, err := survey.Agreed()
				e, _ := errors.AsType[*rollover.Error](err)
				if tt.want == "" {
					if err != nil || len(records) != 2 {
						t.Errorf("%v, %v", records, err)
					}
					return
				}
				if e == nil || e.Reason != tt.reason || !strings.Contains(e.Error(), tt.want) {
					t.Errorf("%v (%+v), want %s: %s", err, e, tt.reason, tt.want)
				}
			})
		})
	}
}

// A zone that does not validate, and one that nobody can be asked about, are told apart.
func TestSurveyErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fault  dnssectest.Fault
		reason rollover.Reason
	}{{"bogus", dnssectest.Expired, rollover.ReasonBogus}, {"failing", dnssectest.ServFail, rollover.ReasonUnknown}} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: "mx A 192.0.2.25", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: tt.fault}})
		s := &rollover.Surveyor{Resolver: world.Resolver(), Dial: world.Dial}
		_, err := s.Survey(t.Context(), "mx.example", 25)
		e, _ := errors.AsType[*rollover.Error](err)
		if e == nil || e.Reason != tt.reason {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, ok := errors.AsType[*dnssec.Error](err); !ok {
			t.Errorf("%s: the cause is not there: %v", tt.name, err)
		}
	}
}

// Trust anchors that are not of the root's keys are a lack of this machine, and no verdict on
// the zone.
func TestMisfittingAnchors(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := p.surveyor()
	s.Resolver.Anchors = anchor.Root()
	look := (&rollover.Watch{Surveyor: s, Host: "mx.example", Port: 25, Chain: p.chain()}).Look(t.Context())
	if look.Verdict != rollover.Unknown || !strings.Contains(look.Why, "trust anchors of this machine") || strings.Contains(look.Why, "bogus, so") {
		t.Errorf("%s: %s", look.Verdict, look.Why)
	}
}

// Aliases that lead through many zones end the survey.
func TestTooManyZones(t *testing.T) {
	t.Parallel()
	zones := []dnssectest.Zone{{Name: "z0.", Records: "_25._tcp.mx CNAME a.z1."}}
	for i := 1; i < 5; i++ {
		zones = append(zones, dnssectest.Zone{Name: fmt.Sprintf("z%d.", i), Records: fmt.Sprintf("a CNAME a.z%d.", i+1)})
	}
	world := dnssectest.New(t, append(zones, dnssectest.Zone{Name: "z5.", Records: "a TLSA 3 1 1 " + strings.Repeat("aa", 32)})...)
	_, err := (&rollover.Surveyor{Resolver: world.Resolver(), Dial: world.Dial}).Survey(t.Context(), "mx.z0", 25)
	if e, ok := errors.AsType[*rollover.Error](err); !ok || e.Reason != rollover.ReasonUnknown || !strings.Contains(err.Error(), "more than 4 zones") {
		t.Error(err)
	}
}

// Wait ends when it is safe, when waiting is of no use, with the context, and by its caller.
func TestWait(t *testing.T) {
	t.Parallel()
	errEnough := errors.New("enough")
	for _, tt := range []struct {
		name    string
		zone    dnssectest.Zone // instead of the publisher's
		limit   time.Duration
		each    func(*rollover.Look) error
		publish bool
		err     error
		verdict rollover.Verdict
		took    time.Duration
	}{
		{name: "it becomes safe", limit: time.Hour, publish: true, verdict: rollover.Safe, took: 15*time.Minute + 2*time.Second + rounding},
		{name: "nothing comes", limit: 2 * time.Hour, err: rollover.ErrTimeout, verdict: rollover.NotSafe, took: time.Hour},
		{name: "nothing comes, and the context ends", limit: 30 * time.Minute, err: context.DeadlineExceeded, verdict: rollover.NotSafe, took: 30 * time.Minute},
		{name: "the caller has enough", limit: time.Hour, each: func(*rollover.Look) error { return errEnough }, err: errEnough, verdict: rollover.NotSafe},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t)
				if tt.publish {
					go func() {
						time.Sleep(5*time.Minute + time.Second)
						p.publish(p.both(), 1, 2, 3)
					}()
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()
				surveyor := p.surveyor()
				start := time.Now()
				look, err := (&rollover.Watch{Surveyor: surveyor, Host: "mx.example", Port: 25, Chain: p.chain(), Timeout: time.Hour}).Wait(ctx, tt.each)
				if !errors.Is(err, tt.err) || look.Verdict != tt.verdict || time.Since(start) != tt.took {
					t.Errorf("after %v: %v, %s: %s", time.Since(start), err, look.Verdict, look.Why)
				}
			})
		})
	}
}

// An unsigned zone is not waited for.
func TestWaitForNothing(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Unsigned: true, Records: "@ NS ns\nns A 192.0.2.1\n_25._tcp.mx TLSA 3 1 1 " + strings.Repeat("aa", 32)})
	w := &rollover.Watch{Surveyor: &rollover.Surveyor{Resolver: world.Resolver(), Dial: world.Dial}, Host: "mx.example", Port: 25, Chain: p.chain()}
	look, err := w.Wait(t.Context(), nil)
	if err != nil || !look.Final || look.Verdict != rollover.NotSafe {
		t.Errorf("%v, %+v", err, look)
	}
}
