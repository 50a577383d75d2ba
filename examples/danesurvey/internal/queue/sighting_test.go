package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// faulty are domains whose servers fail in all ways that there are, beside those of danetest.
func faulty() []danetest.Domain {
	domains := danetest.Domains()
	stages := []smtptest.Stage{smtptest.AtGreeting, smtptest.AtHello, smtptest.AtStartTLS, smtptest.AtHandshake,
		smtptest.AtHelloTLS, smtptest.AtQuit}
	for i, stage := range stages {
		for fault := smtptest.Hang; fault <= smtptest.Inject; fault++ {
			for n, records := range [][]string{nil, {"3 1 1"}} {
				domains = append(domains, danetest.Domain{
					Name: fmt.Sprintf("f%d-%d-%d.example", i, fault, n),
					Hosts: []danetest.Host{{Name: "mx", TLSA: records, Server: func(s *smtptest.Server) {
						s.Faults = map[smtptest.Stage]smtptest.Fault{stage: fault}
					}}},
				})
			}
		}
	}
	return domains
}

// TestVerdictsOverTheWire: what is told by another process comes to the same verdict, findings, texts
// and JSON as what is seen.
func TestVerdictsOverTheWire(t *testing.T) {
	t.Parallel()
	domains := faulty()
	internet := danetest.New(t, domains...)
	v := internet.Verifier()
	v.Hello, v.AttemptTimeout = "client.example", 3*time.Second
	no := survey.Limit{Connections: -1, PerSecond: -1}
	limits := survey.Limits{Address: no, Network: no, Provider: no, Pause: -1}
	checker := &dane.Checker{Verifier: v, Parallel: 1}
	owner := &survey.Survey{Checker: checker, Share: -1, Limits: limits}
	direct := &survey.Survey{Checker: checker, Share: -1, Limits: limits}
	asker := &survey.Survey{Checker: checker, Share: -1, Limits: limits}
	asker.Look = func(ctx context.Context, p *dane.Probe) (survey.Sighting, error) {
		var q probeRequest
		var r probeReply
		overTheWire(t, requestOf(p), &q)
		s, err := owner.Sight(ctx, q.probe(p.Prober))
		if err != nil {
			return s, err
		}
		overTheWire(t, replyOf(s), &r)
		return r.sighting()
	}
	var running sync.WaitGroup
	for _, d := range domains {
		running.Go(func() {
			want, got := direct.Verify(t.Context(), d.Name), asker.Verify(t.Context(), d.Name)
			if diff := cmp.Diff(described(t, want.Result), described(t, got.Result)); diff != "" {
				t.Errorf("%s (-seen +told):\n%s", d.Name, diff)
			}
		})
	}
	running.Wait()
}

// TestErrnosOverTheWire: a lack of the machine that connects is told from one of the network.
func TestErrnosOverTheWire(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{
		syscall.ECONNREFUSED, syscall.EMFILE, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL,
		syscall.ETIMEDOUT, syscall.ECONNRESET,
	} {
		hosts := []danetest.Host{{Name: "mx", TLSA: []string{"3 1 1"}}}
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: hosts})
		v := internet.Verifier()
		v.Dial = func(_ context.Context, network, _ string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
		}
		owner := &survey.Survey{Checker: &dane.Checker{Verifier: v}, Limits: survey.Limits{Pause: -1}}
		direct, err := (&dane.Checker{Verifier: v}).Verify(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		asker := &survey.Survey{Checker: &dane.Checker{Verifier: v}, Limits: survey.Limits{Pause: -1}}
		asker.Look = func(ctx context.Context, p *dane.Probe) (survey.Sighting, error) {
			s, err := owner.Sight(ctx, p)
			if err != nil {
				return s, err
			}
			var r probeReply
			overTheWire(t, replyOf(s), &r)
			return r.sighting()
		}
		told := asker.Verify(t.Context(), "a.example")
		if diff := cmp.Diff(described(t, direct), described(t, told.Result)); diff != "" {
			t.Errorf("%v (-seen +told):\n%s", errno, diff)
		}
	}
}

func overTheWire(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// judgedAt is in the error of package x509 for a certificate that has expired, to the second.
var judgedAt = regexp.MustCompile(`current time [0-9TZ:-]+`)

// described is all that is said about a result, but for what DNS was asked, and times.
func described(t *testing.T, r *dane.Result) []string {
	t.Helper()
	text, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	withoutTimes(tree)
	if text, err = json.MarshalIndent(tree, "", " "); err != nil {
		t.Fatal(err)
	}
	all := append(strings.Split(string(text), "\n"), fmt.Sprint(r), fmt.Sprintf("%+v", r.Failure()))
	for i := range all { // the stage is told twice where package smtpprobe has its own words for it
		all[i] = judgedAt.ReplaceAllString(strings.ReplaceAll(all[i], "hello-tls: ", ""), "current time")
	}
	for _, f := range diagnosis.Diagnose(r, diagnosis.Options{}).Findings {
		all = append(all, string(f.Code))
	}
	return all
}

func withoutTimes(tree any) {
	switch tree := tree.(type) {
	case []any:
		for _, branch := range tree {
			withoutTimes(branch)
		}
	case map[string]any:
		for key, branch := range tree {
			if key == "lookups" || key == "expires" || key == "started" || strings.HasSuffix(key, "ms") || key == "local" {
				delete(tree, key)
				continue
			}
			withoutTimes(branch)
		}
	}
}
