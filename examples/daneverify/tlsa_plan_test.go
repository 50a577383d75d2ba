package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestTLSAPlan has the times of the plan come from the zone: TTL 600, REFRESH 7200, RETRY
// 900, signatures for 31 days.
func TestTLSAPlan(t *testing.T) {
	t.Parallel()
	usual := []string{"publish 0s +1 -0", "deploy 2h25m0s +0 -0", "withdraw 2h25m0s +0 -1", "retire 746h25m0s +0 -0"}
	for _, tt := range []struct {
		name   string
		zone   func(*dnssectest.Zone, *publisher)
		world  func(*publisher)
		args   []string
		status int
		want   []string // kind, time from now, records to add and to remove
		stderr string
	}{
		{name: "the usual one", want: usual},
		{name: "with NOTIFY", args: []string{"-propagation", "1m"}, want: []string{"publish 0s +1 -0", "deploy 11m0s +0 -0", "withdraw 11m0s +0 -1", "retire 744h11m0s +0 -0"}},
		{name: "the record is there already, for long", world: func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, args: []string{"-since", "1h"}, want: []string{"deploy 0s +0 -0", "withdraw 0s +0 -1", "retire 744h0m0s +0 -0"}},
		{name: "the record is there already, since when is not known", world: func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, want: []string{"deploy 2h25m0s +0 -0", "withdraw 2h25m0s +0 -1", "retire 746h25m0s +0 -0"}},
		{name: "the issuer too", args: []string{"-scheme", "key+issuer"}, want: []string{"publish 0s +2 -0", "deploy 2h25m0s +0 -0", "withdraw 2h25m0s +0 -1", "retire 746h25m0s +0 -0"}},
		{name: "TTL 0", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 0 }, args: []string{"-propagation", "0s"}, want: []string{"publish 0s +1 -0", "deploy 0s +0 -0", "withdraw 0s +0 -1", "retire 744h0m0s +0 -0"}},
		{name: "TTL of a week", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 7 * 24 * 3600 }, args: []string{"-propagation", "0s"}, want: []string{"publish 0s +1 -0", "deploy 168h0m0s +0 -0", "withdraw 168h0m0s +0 -1", "retire 912h0m0s +0 -0"}},
		{name: "the same certificate", args: []string{"-next", "OLD"}, want: []string{}},
		{name: "an unsigned zone", zone: func(z *dnssectest.Zone, _ *publisher) { z.Unsigned = true }, status: 1, want: []string{"publish 0s +1 -0", "deploy 2h25m0s +0 -0", "withdraw 2h25m0s +0 -1", "retire 4h50m0s +0 -0"}},
		{name: "a bogus zone", zone: func(z *dnssectest.Zone, _ *publisher) {
			z.Faults = map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.BadSignature}
		}, status: 1, stderr: "bogus"},
		{name: "servers that differ", world: func(p *publisher) { p.publish(p.both(), 3) }, status: 1, stderr: "ns3.example (192.0.2.3) has other records than ns1.example (192.0.2.1), though both have SOA serial 1; "},
		{name: "a server that lags", world: func(p *publisher) {
			p.publish(p.both(), 1, 2)
			p.said["192.0.2.3"] = func(reply *dns.Msg) bool {
				for _, rr := range reply.Answer {
					if soa, ok := rr.(*dns.SOA); ok {
						soa.Serial = 0
						reply.Answer = []dns.RR{soa, p.world.Sign("example.", soa)}
						return true
					}
				}
				return true
			}
		}, status: 1, stderr: "(192.0.2.3) with SOA serial 0 has other records than ns1.example (192.0.2.1) with 1; wait until all have the same, or see by `daneverify tlsa check -cert "},
		{name: "a silent server", world: func(p *publisher) { p.said["192.0.2.2"] = func(*dns.Msg) bool { return false } }, status: 2, stderr: "ns2.example (192.0.2.2)"},
		{name: "a rollover that is finished", world: func(p *publisher) { p.publish([]tlsa.Record{p.record(p.next)}, 1, 2, 3) }, want: []string{}},
		{name: "-current and -next swapped", args: []string{"-current", "LATER", "-next", "OLD"}, status: 1, stderr: "are the two swapped?"},
		{name: "a wrong file for -current", args: []string{"-current", "OTHER"}, status: 1, stderr: "is that what mx.example presents? `daneverify tlsa make -from mx.example` shows it"},
		{name: "a wrong file for -current, in an unsigned zone", zone: func(z *dnssectest.Zone, _ *publisher) { z.Unsigned = true }, args: []string{"-current", "OTHER"}, status: 1, stderr: "the zone is not signed"},
		{name: "an unknown scheme", args: []string{"-scheme", "x"}, status: 2, stderr: "-scheme"},
		{name: "a negative time", args: []string{"-propagation", "-5s"}, status: 2, stderr: "-propagation"},
		{name: "no such file", args: []string{"-other", "/nonexistent"}, status: 2, stderr: "no such file"},
		{name: "no certificate", args: []string{"-next", ""}, status: 2, stderr: "-next FILE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t, tt.zone)
				if tt.world != nil {
					tt.world(p)
				}
				args := []string{"plan", "mx.example", "-current", p.oldPEM, "-next", p.file}
				for _, arg := range tt.args {
					later := p.ca.Issue(tlsatest.Leaf{Names: []string{"mx.example"}, Time: time.Now().Add(time.Hour)})
					files := strings.NewReplacer("OLD", p.oldPEM, "OTHER", p.folder.chain("other.pem", later.Leaf, p.ca.Certificate), "LATER", p.folder.chain("later.pem", later.Leaf, p.ca.Certificate))
					args = append(args, files.Replace(arg))
				}
				start := time.Now()
				status, stdout, stderr := p.run(t.Context(), append(args, "-json")...)
				if status != tt.status || !strings.Contains(stderr, tt.stderr) || (tt.stderr == "") != (stderr == "") {
					t.Fatalf("exit status %d, want %d with %q\n%s%s", status, tt.status, tt.stderr, stdout, stderr)
				}
				if tt.want == nil {
					if stdout != "" {
						t.Errorf("it prints %s", stdout)
					}
					return
				}
				var plan jsonPlan
				if err := json.Unmarshal([]byte(stdout), &plan); err != nil {
					t.Fatal(err)
				}
				got := []string{}
				for _, s := range plan.Steps {
					got = append(got, fmt.Sprintf("%s %v +%d -%d", s.Kind, s.NotBefore.Sub(start), len(s.Add), len(s.Remove)))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s\n%s", diff, stdout)
				}
				_, stdout, _ = p.run(t.Context(), args...)
				for _, s := range plan.Steps {
					for _, r := range append(s.Add, s.Remove...) {
						if !strings.Contains(stdout, r.Text) {
							t.Errorf("the text lacks %s:\n%s", r.Text, stdout)
						}
					}
				}
				if strings.Contains(stdout, "no address presents the old certificate") && !strings.Contains(stdout, "`daneverify tlsa make -from mx.example`") {
					t.Errorf("it does not say how to know what the addresses present:\n%s", stdout)
				}
				if strings.Contains(stdout, "install ") && !strings.Contains(stdout, p.file+" and its private key") {
					t.Errorf("it does not say that the key belongs to the certificate:\n%s", stdout)
				}
				if tt.status == 1 && strings.Count(stdout, unused) != len(plan.Steps) {
					t.Errorf("not every step says that nobody uses the records:\n%s", stdout)
				}
			})
		})
	}
}

// Whoever follows the plan, step by step and not a second early, loses no mail: at each time
// senders accept what the server presents, by whatever records a cache may have.
func TestTLSAPlanIsSafeToFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, nil)
		_, stdout, stderr := p.run(t.Context(), "plan", "-json", "mx.example", "-current", p.oldPEM, "-next", p.file)
		var plan jsonPlan
		if err := json.Unmarshal([]byte(stdout), &plan); err != nil {
			t.Fatal(err, stderr)
		}
		for _, s := range plan.Steps {
			time.Sleep(time.Until(s.NotBefore))
			var records []tlsa.Record
			for _, r := range s.Records {
				records = append(records, must(tlsa.Parse(r.Text)))
			}
			switch s.Kind {
			case "publish":
				p.publish(records, 1, 2, 3)
				// From here on the file keeps what is seen.
				p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "mx.example")
			case "deploy":
				if status, stdout, _ := p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "mx.example"); status != 0 {
					t.Errorf("at the time to deploy: %s", stdout)
				}
			case "withdraw":
				p.publish(records, 1, 2, 3)
				if status, stdout, _ := p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "mx.example"); status != 0 {
					t.Errorf("after the old records are gone: %s", stdout)
				}
			}
		}
	})
}

// A certificate that is installed without its private key stops mail: no example that installs
// one, or has the server read it, goes without the key.
func TestTLSAExamplesInstallTheKey(t *testing.T) {
	t.Parallel()
	tool := &tlsaTool{}
	found := 0
	for _, command := range append(tool.command().Commands, tool.command()) {
		for _, example := range command.Examples {
			if !strings.Contains(example.Line, "reload") {
				continue
			}
			if found++; !strings.Contains(example.Line, "new.pem fullchain.pem") || !strings.Contains(example.Line, "new.key privkey.pem") {
				t.Errorf("%s: %s", command.Name, example.Line)
			}
		}
	}
	if found < 4 {
		t.Errorf("%d examples have the server read a certificate", found)
	}
}

// Plan and wait have one time, whenever plan is asked, and the line that plan prints for wait has
// the flags that it was given.
func TestTLSAPlanWithState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, nil)
		p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "mx.example")
		p.publish(p.both(), 1, 2, 3)
		_, stdout, _ := p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "-json", "mx.example")
		var check jsonCheck
		if err := json.Unmarshal([]byte(stdout), &check); err != nil || check.SafeAt == nil {
			t.Fatal(stdout, err)
		}
		args := []string{"plan", "-current", p.oldPEM, "-next", p.file, "-state", p.state, "mx.example"}
		for range 3 {
			_, stdout, stderr := p.run(t.Context(), append(args, "-json")...)
			var plan jsonPlan
			if err := json.Unmarshal([]byte(stdout), &plan); err != nil {
				t.Fatal(stderr, err)
			}
			if got := plan.Steps[0]; got.Kind != "deploy" || !got.NotBefore.Equal(*check.SafeAt) {
				t.Errorf("%s from %v, and wait has %v", got.Kind, got.NotBefore, check.SafeAt)
			}
			time.Sleep(time.Minute)
		}
		_, stdout, _ = p.run(t.Context(), append(args, "-skip-delegation", "-anchors", "root keys.txt")...)
		want := fmt.Sprintf("`daneverify tlsa wait -cert %s -state %s -skip-delegation -anchors 'root keys.txt' mx.example`", p.file, p.state)
		if !strings.Contains(stdout, want) {
			t.Errorf("no %s in\n%s", want, stdout)
		}
		time.Sleep(time.Hour)
		if _, stdout, _ = p.run(t.Context(), args...); !strings.Contains(stdout, "in all caches for long enough") {
			t.Error(stdout)
		}
	})
}

// A plan for nsupdate has the TTL that is published, and of its steps only that which is due does
// anything: the old record stays until somebody has installed the next certificate.
func TestTLSAPlanForNsupdate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		world    func(*publisher)
		does     []string
		comments []string
	}{
		{"first", func(*publisher) {}, []string{"update add _25._tcp.mx.example. 600 IN TLSA NEXT", "send"}, []string{"; update delete _25._tcp.mx.example. IN TLSA OLD"}},
		{"the next record is there", func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, nil, []string{"; update delete _25._tcp.mx.example. IN TLSA OLD"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPublisher(t, nil)
			tt.world(p)
			texts := strings.NewReplacer("NEXT", p.record(p.next).String(), "OLD", p.record(p.current).String())
			status, stdout, stderr := p.run(t.Context(), "plan", "-nsupdate", "-current", p.oldPEM, "-next", p.file, "mx.example")
			var does []string
			for line := range strings.Lines(stdout) {
				if !strings.HasPrefix(line, ";") {
					does = append(does, strings.TrimSpace(line))
				}
			}
			for i := range tt.does {
				tt.does[i] = texts.Replace(tt.does[i])
			}
			if diff := cmp.Diff(tt.does, does); diff != "" || status != 0 {
				t.Errorf("%s: exit status %d %s\n%s", tt.name, status, stderr, diff)
			}
			for _, comment := range tt.comments {
				if !strings.Contains(stdout, texts.Replace(comment)) {
					t.Errorf("%s: no %s in\n%s", tt.name, comment, stdout)
				}
			}
		})
	}
}

// Whoever wants the current and the next key's records is told how there come to be two, since
// the plan ends with that of the certificate which is current then.
func TestTLSAPlanCurrentAndNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, nil)
		args := []string{"plan", "-current", p.oldPEM, "-next", p.file, "mx.example", "-scheme"}
		for scheme, want := range map[string]bool{"keep": false, "current+next": true} {
			if _, stdout, _ := p.run(t.Context(), append(args, scheme)...); strings.Contains(stdout, "To have two records at all times, publish") != want {
				t.Errorf("%s: %s", scheme, stdout)
			}
		}
	})
}
