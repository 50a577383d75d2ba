package survey_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// TestDNSServersThatBeginToRefuse are asked no more for a while, and the domains that need them
// have their verdicts after it; domains of other servers go on meanwhile.
func TestDNSServersThatBeginToRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		lasts  time.Duration // that it refuses
		silent bool          // it does not answer
		lame   bool          // one domain has no server that knows it
		busy   bool          // the domains have no verdict in the end
		failed int           // before it was noticed, at most
		most   int           // queries that it gets meanwhile
	}{
		{name: "for some time", lasts: 50 * time.Second, failed: 24, most: 60},
		{name: "for some time, without a word", lasts: 50 * time.Second, silent: true, failed: 24, most: 300},
		{name: "for long", lasts: 10 * time.Hour, busy: true, failed: 24, most: 60},
		{name: "for a zone that names it without right", lame: true, failed: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				domains := []danetest.Domain{{Name: "test"}, {Name: "other"}, {Name: "good.other", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}}}
				var names []string
				for i := range 40 {
					names = append(names, fmt.Sprintf("d%d.test", i))
					d := danetest.Domain{Name: names[i], Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}}
					if tt.lame && i == 7 {
						d.Zone.Faults = map[string]dnssectest.Fault{"@ MX": dnssectest.Refused}
					}
					domains = append(domains, d)
				}
				net := danetest.NewInternet(domains...)
				t.Cleanup(net.Close)
				var mu sync.Mutex
				var began time.Time // it refuses
				victims, asked := make(map[netip.Addr]bool), 0
				net.DNS.TamperAt = func(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
					mu.Lock()
					defer mu.Unlock()
					if !began.IsZero() && victims[server] && time.Since(began) < tt.lasts {
						asked++
						reply.Rcode, reply.Answer, reply.Ns = dns.RcodeRefused, nil, nil
						return !tt.silent
					}
					if strings.EqualFold(q.Name, "test.") && q.Qtype == dns.TypeDNSKEY {
						victims[server] = true // it has the zone above all domains
					}
					return true
				}
				s := &survey.Survey{Planned: true, Limits: unlimited(), Parallel: 4}
				s.Limits.Pause = time.Minute
				recursor := net.DNS.Recursor()
				recursor.Admit = s.AdmitDNS
				v := net.Verifier()
				v.Resolver = &dnssec.Resolver{Exchanger: recursor, Anchors: net.DNS.Anchors()}
				s.Checker = &dane.Checker{Verifier: v}
				if row := s.Verify(t.Context(), names[0]); row.Result.Outcome != dane.OutcomeSuccess {
					t.Fatal(row.Result.Err)
				}
				mu.Lock()
				began = time.Now()
				mu.Unlock()
				success, failed, busy := 0, 0, 0
				var others []time.Duration
				sink := sinkFunc(func(row survey.Row) error {
					switch {
					case row.Domain == "good.other":
						if others = append(others, time.Since(began)); row.Result.Outcome != dane.OutcomeSuccess {
							t.Error(row.Result.Err)
						}
					case row.Busy:
						if busy++; row.Verdict() {
							t.Errorf("%s: a verdict, although its DNS server is busy", row.Domain)
						}
					case row.Verdict() && row.Result.Outcome == dane.OutcomeSuccess:
						success++
					default:
						failed++
					}
					return nil
				})
				list := strings.Join(slices.Concat(names[:30], []string{"good.other"}, names[30:]), " ")
				if err := s.Run(t.Context(), listOf(list), sink); err != nil {
					t.Fatal(err)
				}
				if success+failed+busy != 40 || failed > tt.failed || (busy > 0) != tt.busy || tt.busy && success != 1 || tt.lame && failed != 1 {
					t.Errorf("%d successes, %d failures, %d busy", success, failed, busy)
				}
				if asked > tt.most || len(others) != 1 || others[0] > 30*time.Second {
					t.Errorf("%d queries, others after %v; want %d queries at most", asked, others, tt.most)
				}
			})
		})
	}
}
