package diagnosis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// verdict is all that a Result says about a domain, without times and ports.
func verdict(r *dane.Result, err error) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Name, r.Outcome, "error", r.Err, err, "local", r.Local, r.Unresolved, "failure", r.Failure())
	for _, h := range r.Hosts {
		fmt.Fprintln(&b, h.Name, h.Action, h.Err, h.Records, h.Names)
		for _, a := range h.Attempts {
			stage, failed := a.FailedAt()
			fmt.Fprintln(&b, a.Addr, "error", a.Err, stage, failed, "match", a.Match, a.Authenticated, len(a.Others), a.OthersSought, a.OnlyTLS13)
			b.WriteString(a.Session.String())
			if a.Session.TLS != nil {
				fmt.Fprintln(&b, a.Session.TLS.HandshakeComplete, len(a.Chain()), a.Session.Late)
			}
			if a.Report != nil {
				fmt.Fprintf(&b, "%+v\n", *a.Report)
			}
		}
	}
	for _, f := range diagnosis.Diagnose(r, diagnosis.Options{}).Findings {
		if f.Code == "denial-not-proven" {
			continue // the second time what was denied may be in the cache
		}
		fmt.Fprintln(&b, f.Code, f.Severity, f.Host)
	}
	return b.String()
}

// TestSurveyOfRandomWorlds has a Survey look at random worlds, half of them with a fault, each
// with two domains that share a server: the verdict is that of Verify, whether a server was
// connected to, or had been before.
//
//	DANE_WORLDS=1000 go test ./dane/diagnosis -run SurveyOfRandomWorlds
func TestSurveyOfRandomWorlds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	compared, shared := 0, 0
	places := make(chan struct{}, 8)
	var running sync.WaitGroup
	for seed := range uint64(worlds(t)) {
		for _, broken := range []bool{false, true} {
			places <- struct{}{}
			running.Go(func() {
				defer func() { <-places }()
				rows, common := surveyRandomWorld(t, seed, broken)
				mu.Lock()
				defer mu.Unlock()
				compared, shared = compared+rows, shared+common
			})
		}
	}
	running.Wait()
	t.Logf("%d rows compared, with %d connections that were not made", compared, shared)
	if shared == 0 {
		t.Error("nothing was shared")
	}
}

func surveyRandomWorld(t *testing.T, seed uint64, broken bool) (compared, shared int) {
	w := newRandomWorld(t, seed)
	what := "no fault"
	if broken {
		f := faults[int(seed)%len(faults)]
		if f.name == "no descriptor" {
			return 0, 0 // once there was a verdict, a Survey waits for one
		}
		f.apply(t, w, w.random.IntN(len(w.domains[0].Hosts)))
		what = f.name
	}
	records := ""
	for i, h := range w.domains[0].Hosts {
		records += fmt.Sprintf("@ MX %d %s.a.example.\n", 10*i, h.Name)
	}
	w.domains = append(w.domains, danetest.Domain{Name: "b.example", Zone: dnssectest.Zone{Records: records}})
	checker := w.checker(t)
	checker.AllCertificates = rand.New(rand.NewPCG(seed, 1)).IntN(2) == 0
	now := time.Now()
	checker.Verifier.Time = func() time.Time { return now } // errors name it
	s := &survey.Survey{Checker: checker, Limits: survey.Limits{
		Address: survey.Limit{Connections: -1, PerSecond: -1}, Network: survey.Limit{Connections: -1, PerSecond: -1},
		Provider: survey.Limit{Connections: -1, PerSecond: -1}, Pause: time.Millisecond,
	}}
	for _, domain := range []string{"a.example", "b.example", "a.example"} {
		want := verdict(checker.Verify(t.Context(), domain))
		row := s.Verify(t.Context(), domain)
		if diff := cmp.Diff(want, verdict(row.Result, row.Err)); diff != "" {
			t.Errorf("world %d, %s, %s (-Verify +Survey):\n%s", seed, what, domain, diff)
		}
		compared, shared = compared+1, shared+row.Shared
	}
	return compared, shared
}

// busyProber connects to nobody, as package survey does while servers are busy.
type busyProber struct{}

func (busyProber) Probe(_ context.Context, p *dane.Probe) (*smtpprobe.Result, error) {
	return &smtpprobe.Result{Addr: p.Addr}, &smtpprobe.Error{Stage: smtpprobe.StageDial, Addr: p.Addr, Err: dane.ErrBusy}
}

// TestServersLeftAlone: who was not connected to is not to blame for it, also where package survey says so.
func TestServersLeftAlone(t *testing.T) {
	t.Parallel()
	if !errors.Is(survey.ErrBusy, dane.ErrBusy) {
		t.Error("package survey has an error of its own")
	}
	checker := oneHost(danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}}, "").checker(t)
	checker.Prober = busyProber{}
	result, _ := checker.Verify(t.Context(), "a.example")
	report := diagnose(t, result, diagnosis.Options{})
	if report.State != diagnosis.StateUnknown || len(report.Findings) == 0 || report.Findings[0].Code != diagnosis.CodeServerBusy {
		t.Errorf("%s, %+v", report.State, report.Findings)
	}
}
