package compare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// oldTLSA is a second server with an old zone.
func oldTLSA(w *world, server string, q dns.Question, reply *dns.Msg) bool {
	if server == addrOther {
		w.replace(reply, dns.TypeTLSA, func(rr dns.RR) { rr.(*dns.TLSA).Certificate = otherKey })
		w.replace(reply, dns.TypeSOA, func(rr dns.RR) { rr.(*dns.SOA).Serial = 6 })
	}
	return true
}

// A report can be stored, and the differences found in it later.
func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oldTLSA)
		w.unreachable["tcp "+addrGood] = context.DeadlineExceeded
		report, err := w.comparer().Compare(t.Context(), append(questions(), compare.Question{Name: "example.", Type: 65400})...)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		var again compare.Report
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		opts := cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateApproxTime(time.Second), cmpopts.IgnoreTypes(dnssec.Reason{})}
		if diff := cmp.Diff(report, &again, opts); diff != "" {
			t.Errorf("-written +read:\n%s", diff)
		}
		want := []string{"differ: _25._tcp.mail.example. TLSA | 3 1 1 own at good.example. | 3 1 1 other at other.example.", "serials differ", "good.example (192.0.2.1) no-tcp"}
		if diff := cmp.Diff(want, summary(&again.Zones[0])); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	for o := compare.NotAsked; o <= compare.Failed; o++ {
		text, _ := o.MarshalText()
		var again compare.Outcome
		if err := again.UnmarshalText(text); err != nil || again != o {
			t.Errorf("%s: %v, %v", text, again, err)
		}
	}
	for p := compare.PathUnknown; p <= compare.PathIntercepted; p++ {
		text, _ := p.MarshalText()
		var again compare.Path
		if err := again.UnmarshalText(text); err != nil || again != p {
			t.Errorf("%s: %v, %v", text, again, err)
		}
	}
	for f := compare.NoUDP; f <= compare.FailsUnknownVersion; f++ {
		text, _ := f.MarshalText()
		var again compare.Flaw
		if err := again.UnmarshalText(text); err != nil || again != f {
			t.Errorf("%s: %v, %v", text, again, err)
		}
	}
	if err := new(compare.Flaw).UnmarshalText(nil); err == nil || compare.Flaw(0).String() != "flaw(0)" || compare.Outcome(99).String() != "outcome(99)" {
		t.Error("what is no word has one")
	}
	var q compare.Question
	if err := q.UnmarshalText([]byte("example. NONSENSE")); err == nil {
		t.Errorf("%v is a question", q)
	}
}

// The table says of each server what differs, in a line that can be read.
func TestWriteText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oldTLSA)
		w.unreachable["tcp "+addrOther] = context.DeadlineExceeded
		report, err := w.comparer().Compare(t.Context(), questions()...)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := report.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		want := `Zone example: secure
  good.example   192.0.2.1  7  _25._tcp.mail.example TLSA: 3 1 1 ` + ownKey[:54] + `...
  other.example  192.0.2.2  6  no-tcp: no reply in time
                               _25._tcp.mail.example TLSA: 3 1 1 ` + otherKey[:54] + `...
Seen from this machine. Elsewhere the same address may lead to another server (anycast).
`
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// However much a zone and its answers name, there is an end of it, and it is told what was left
// out.
func TestCompareIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var records strings.Builder
		for i := range 16 {
			fmt.Fprintf(&records, "@ NS ns%d\n", i)
			for j := range 4 {
				fmt.Fprintf(&records, "ns%d A 198.51.%d.%d\n", i, 100+j, i+1)
			}
		}
		w := newWorld(t, nil, dnssectest.Zone{Name: "large.", Records: records.String()})
		n := 0
		c := w.comparer()
		c.Next = func(compare.Question, *compare.Answer) (more []compare.Question) {
			for range 50 {
				n++
				more = append(more, compare.Question{Name: fmt.Sprintf("n%d.large.", n), Type: dns.TypeA})
			}
			return more
		}
		report, err := c.Compare(t.Context(), compare.Question{Name: "large.", Type: dns.TypeMX})
		if err != nil || len(report.Zones) != 1 || report.Omitted == 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		z := &report.Zones[0]
		if len(z.Servers) != 32 || z.Omitted != 32 || len(z.Questions()) != 64+3 {
			t.Errorf("%d servers, %d omitted, %d questions", len(z.Servers), z.Omitted, len(z.Questions()))
		}
	})
}

// Many zones, and answers of any size, do not make a report large.
func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var zones []dnssectest.Zone
		var questions []compare.Question
		for i := range 10 {
			zones = append(zones, dnssectest.Zone{Name: fmt.Sprintf("z%d.", i), Records: "@ MX 10 mail"})
			questions = append(questions, compare.Question{Name: zones[i].Name, Type: dns.TypeMX})
		}
		text := strings.Repeat("x", 250)
		for i := range 80 {
			zones[0].Records += fmt.Sprintf("\nlarge TXT \"%d%s\"", i, text)
		}
		w := newWorld(t, nil, zones...)
		report, err := w.comparer().Compare(t.Context(), append([]compare.Question{{Name: "large.z0.", Type: dns.TypeTXT}}, questions...)...)
		if err != nil || len(report.Zones) != 8 || report.Omitted != 2 {
			t.Fatalf("%d zones, %d omitted, %v", len(report.Zones), report.Omitted, err)
		}
		a := report.Zones[0].Servers[0].Answer(compare.Question{Name: "large.z0.", Type: dns.TypeTXT})
		if a == nil || a.Outcome != compare.Answered || len(a.Records) != 1 || !strings.HasPrefix(a.Records[0], "80 records of ") {
			t.Errorf("%+v", a)
		}
	})
}

// counting counts the questions in flight at each address, and in all.
type counting struct {
	mu       sync.Mutex
	open     map[string]int
	most     int
	together int
}

// Nobody is asked two things at once, and the servers of the zones above are asked once for what
// all need.
func TestCompareIsPolite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var records strings.Builder
		for i := range 12 {
			fmt.Fprintf(&records, "@ NS ns%d\nns%d A 198.51.100.%d\n", i, i, i+1)
		}
		c := &counting{open: make(map[string]int)}
		w := newWorld(t, func(w *world, server string, q dns.Question, reply *dns.Msg) bool {
			if !strings.HasPrefix(server, "198.51.100.") {
				return true
			}
			c.mu.Lock()
			c.open[server]++
			c.most = max(c.most, c.open[server])
			open := 0
			for _, n := range c.open {
				open += n
			}
			c.together = max(c.together, open)
			c.mu.Unlock()
			time.Sleep(50 * time.Millisecond)
			c.mu.Lock()
			c.open[server]--
			c.mu.Unlock()
			return true
		}, dnssectest.Zone{Name: "many.", Records: records.String()})
		comparer := w.comparer()
		if _, err := comparer.Compare(t.Context(), compare.Question{Name: "many.", Type: dns.TypeMX}); err != nil {
			t.Fatal(err)
		}
		// An answer and the keys that it needs are on their way together.
		if c.most > 2 || c.together > 16 {
			t.Errorf("%d questions at one address, %d in all", c.most, c.together)
		}
		keys := 0
		for _, q := range w.Questions() {
			if q.Name == "." && q.Qtype == dns.TypeDNSKEY {
				keys++
			}
		}
		if keys > 2 { // once of the server that is asked for the DS records
			t.Errorf("the keys of the root were asked for %d times", keys)
		}
	})
}

// It ends with its context, and says what it has until then.
func TestCompareEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world, server string, q dns.Question, reply *dns.Msg) bool { return server != addrOther })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		report, err := w.comparer().Compare(ctx, questions()...)
		if err != context.DeadlineExceeded || report == nil || report.Zones[0].Servers[1].Outcome != compare.NotAsked || len(report.Zones) != 1 || time.Since(start) > 4*time.Second {
			t.Errorf("after %s: %+v, %v", time.Since(start), report, err)
		}
	})
	for _, questions := range [][]compare.Question{nil, {{Name: "two..dots", Type: dns.TypeMX}}} {
		if report, err := new(compare.Comparer).Compare(t.Context(), questions...); err == nil {
			t.Errorf("%+v", report)
		}
	}
}

// It is the same by way of the servers of the zones, from the root down.
func TestCompareByRecursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oldTLSA)
		c := &compare.Comparer{Dial: w.dial, Resolver: &dnssec.Resolver{
			Exchanger: &upstream.Pool{Exchangers: []upstream.Exchanger{w.Recursor()}}, Anchors: w.Anchors()}}
		report, err := c.Compare(t.Context(), questions()...)
		if err != nil || len(report.Zones) != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		want := []string{"differ: _25._tcp.mail.example. TLSA | 3 1 1 own at good.example. | 3 1 1 other at other.example.", "serials differ"}
		if diff := cmp.Diff(want, summary(&report.Zones[0])); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
