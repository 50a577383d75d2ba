package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// get asks a handler as Prometheus does.
func get(h http.Handler, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func scrapeFor(seconds string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", seconds) }
}

func within(ctx context.Context) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

func TestServer(t *testing.T) {
	t.Parallel()
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	for _, tt := range []struct {
		why, path string
		change    []func(*http.Request)
		server    *Server
		status    int
		want      string
	}{
		{"a good domain", "/probe?target=good.example", nil, &Server{}, 200, "probe_success 1\n"},
		{"its state", "/probe?target=good.example", nil, &Server{}, 200, `dane_domain_state{domain="good.example",state="ok"} 1` + "\n"},
		{"it has one name", "/probe?target=GOOD.example.", nil, &Server{}, 200, `{domain="good.example",state="ok"} 1` + "\n"},
		{"other parameters are for others", "/probe?module=dane&target=good.example", nil, &Server{}, 200, "probe_success 1\n"},
		{"one that ends soon is no failure", "/probe?target=soon.example", nil, &Server{}, 200, "probe_success 1\n"},
		{"a broken one", "/probe?target=broken.example", nil, &Server{}, 200, "probe_success 0\n"},
		{"what is broken", "/probe?target=broken.example", nil, &Server{}, 200, `dane_domain_finding_info{domain="broken.example",code="tlsa-mismatch",severity="broken",actor="domain owner",host="mx.broken.example"} 1`},
		{"nothing is known", "/probe?target=unknown.example", nil, &Server{}, 200, "probe_success 0\n"},
		{"no DANE", "/probe?target=plain.example", nil, &Server{}, 200, "probe_success 1\n"},
		{"no DANE where it is a must", "/probe?target=plain.example", nil, &Server{Require: true}, 200, "probe_success 0\n"},
		{"one that is allowed", "/probe?target=good.example", nil, &Server{Allowed: []string{"good.example"}}, 200, "probe_success 1\n"},
		{"a time for the scrape", "/probe?target=good.example", []func(*http.Request){scrapeFor("9.5")}, &Server{}, 200, "probe_success 1\n"},

		{"no target", "/probe", nil, &Server{}, 400, "0 targets; it needs one"},
		{"two targets", "/probe?target=a.example&target=b.example", nil, &Server{}, 400, "2 targets"},
		{"an empty target", "/probe?target=", nil, &Server{}, 400, "no domain is given"},
		{"an address", "/probe?target=127.0.0.1", nil, &Server{}, 400, "is an address"},
		{"a word", "/probe?target=localhost", nil, &Server{}, 400, "has no dot"},
		{"what begins lines", "/probe?target=a%0Aprobe_success+1", nil, &Server{}, 400, "is not a domain"},
		{"a time that is none", "/probe?target=good.example", []func(*http.Request){scrapeFor("soon")}, &Server{}, 400, "not a number of seconds"},
		{"a time that is over", "/probe?target=good.example", []func(*http.Request){scrapeFor("-1")}, &Server{}, 400, "not a number of seconds"},
		{"a time that is no number", "/probe?target=good.example", []func(*http.Request){scrapeFor("NaN")}, &Server{}, 400, "not a number of seconds"},
		{"one that is not allowed", "/probe?target=broken.example", nil, &Server{Allowed: []string{"good.example"}}, 403, "not among the domains"},
		{"another method", "/probe?target=good.example", []func(*http.Request){method("POST")}, &Server{}, 405, "Only GET"},
		{"HEAD would probe for nothing", "/probe?target=good.example", []func(*http.Request){method("HEAD")}, &Server{}, 405, "Only GET"},
		{"another path", "/x", nil, &Server{}, 404, "/probe?target=DOMAIN"},
		{"the root", "/", nil, &Server{}, 404, "/probe?target=DOMAIN"},
		{"health", "/-/healthy", nil, &Server{}, 200, "healthy\n"},
		{"its own metrics", "/metrics", nil, &Server{Counters: new(dane.Counters)}, 200, "dane_lookups_total 0\n"},
		{"its own metrics without counters", "/metrics", nil, &Server{}, 200, "dane_monitor_probes_limit 16\n"},
	} {
		tt.server.Check = standard.check
		w := get(tt.server.Handler(), tt.path, tt.change...)
		body := w.Body.String()
		if w.Code != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d, want %d with %q:\n%s", tt.why, w.Code, tt.status, tt.want, body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
			checkExposition(t, body)
		} else if strings.Count(body, "\n") != 1 {
			t.Errorf("%s: not one line: %q", tt.why, body)
		}
	}
}

func TestServerMetrics(t *testing.T) {
	t.Parallel()
	s := Server{Check: standard.check, Allowed: []string{"good.example", "broken.example"}, Counters: new(dane.Counters),
		Trust: func(time.Time) Trust { return Trust{Warnings: []string{"Trouble."}} }}
	s.Counters.Lookups.Add(7)
	h := s.Handler()
	for _, target := range []string{"good.example", "good.example", "broken.example", "other.example", "x"} {
		get(h, "/probe?target="+target)
	}
	got := get(h, "/metrics").Body.String()
	for _, want := range []string{
		`dane_monitor_probes_total{state="ok"} 2`, `dane_monitor_probes_total{state="broken"} 1`, `dane_monitor_probes_total{state="unknown"} 0`,
		`dane_monitor_refused_requests_total{reason="malformed"} 1`, `dane_monitor_refused_requests_total{reason="forbidden"} 1`,
		`dane_monitor_refused_requests_total{reason="busy"} 0`, "dane_monitor_probes_in_flight 0", "dane_trust_anchors_ok 0",
		"dane_lookups_total 7", `dane_results_total{outcome="success"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	checkExposition(t, got)
	promtool(t, got)
	promtool(t, get(h, "/probe?target=broken.example").Body.String())
}

// A gate is a check whose end the test decides. It notices two of one domain at a time.
type gate struct {
	begun, twice atomic.Int64
	open         chan struct{}

	mu      sync.Mutex
	running map[string]bool
}

func newGate() *gate { return &gate{open: make(chan struct{}), running: make(map[string]bool)} }

func (g *gate) check(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
	g.begun.Add(1)
	g.mu.Lock()
	if g.running[domain] {
		g.twice.Add(1)
	}
	g.running[domain] = true
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.running, domain)
	}()
	select {
	case <-g.open:
		return detailed(domain), found(diagnosis.StateOK)
	case <-ctx.Done():
		return hang(ctx, domain)
	}
}

// TestProbesAreShared: many who ask for a domain at a time get the answer of one check.
func TestProbesAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := Server{Check: g.check}
		h := s.Handler()
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				if w := get(h, "/probe?target=good.example"); w.Code != 200 || !strings.Contains(w.Body.String(), "probe_success 1\n") {
					t.Errorf("%d: %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		if got := get(h, "/metrics").Body.String(); !strings.Contains(got, "dane_monitor_probes_in_flight 1\n") {
			t.Errorf("not one in flight:\n%s", got)
		}
		close(g.open)
		asking.Wait()
		if g.begun.Load() != 1 {
			t.Errorf("%d checks", g.begun.Load())
		}
	})
}

// TestTooManyProbes: who asks for one more than may be is told when to come again, and harms
// none of the others.
func TestTooManyProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := Server{Check: g.check, Probes: 2}
		h := s.Handler()
		var asking sync.WaitGroup
		for _, domain := range []string{"a.example", "b.example"} {
			asking.Go(func() {
				if w := get(h, "/probe?target="+domain); w.Code != 200 {
					t.Errorf("%s: %d: %s", domain, w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		w := get(h, "/probe?target=c.example")
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "ask again") {
			t.Errorf("%d, %v: %s", w.Code, w.Header(), w.Body)
		}
		close(g.open)
		asking.Wait()
		if w := get(h, "/probe?target=c.example"); w.Code != 200 {
			t.Errorf("afterwards: %d: %s", w.Code, w.Body)
		}
	})
}

// TestProbeDeadlines: an answer comes within the time of the scrape, also where the check would
// take longer; and who has more time than the one who began it is not served with less.
func TestProbeDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := Server{Check: g.check, Timeout: 40 * time.Second}
		h := s.Handler()
		var asking sync.WaitGroup
		ask := func(seconds string, most time.Duration, begin time.Duration, want string) {
			asking.Go(func() {
				time.Sleep(begin)
				started := time.Now()
				body := get(h, "/probe?target=good.example", scrapeFor(seconds)).Body.String()
				if took := time.Since(started); took > most || !strings.Contains(body, want) {
					t.Errorf("scrape of %s s: after %s, want %q:\n%s", seconds, took, want, body)
				}
			})
		}
		ask("10", 10*time.Second, 0, "probe_success 0\n")
		ask("10", 10*time.Second, 0, "probe_success 0\n")
		ask("2", 2*time.Second, time.Second, "probe_success 0\n")
		ask("0.4", 400*time.Millisecond, time.Second, "probe_success 0\n")
		ask("30", 30*time.Second, time.Second, "probe_success 1\n")
		ask("1e300", 40*time.Second, 2*time.Second, "probe_success 1\n")
		time.Sleep(20 * time.Second)
		close(g.open)
		asking.Wait()
		if g.begun.Load() != 2 || g.twice.Load() != 0 {
			t.Errorf("%d checks, %d at the same time; want one for each time that was too short", g.begun.Load(), g.twice.Load())
		}
	})
}

// TestAskerGoesAway: a check that nobody waits for is cancelled, and is not the answer to who
// comes next.
func TestAskerGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := Server{Check: func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
			r, report := g.check(ctx, domain)
			if ctx.Err() != nil {
				time.Sleep(time.Second) // it takes a while to end
			}
			return r, report
		}}
		h := s.Handler()
		ctx, cancel := context.WithCancel(t.Context())
		go get(h, "/probe?target=good.example", within(ctx))
		synctest.Wait()
		cancel()
		synctest.Wait()
		var asking sync.WaitGroup
		asking.Go(func() {
			if body := get(h, "/probe?target=good.example").Body.String(); !strings.Contains(body, "probe_success 1\n") {
				t.Errorf("the next one gets\n%s", body)
			}
		})
		time.Sleep(5 * time.Second)
		close(g.open)
		asking.Wait()
		if g.begun.Load() != 2 || g.twice.Load() != 0 {
			t.Errorf("%d checks, %d at the same time", g.begun.Load(), g.twice.Load())
		}
	})
}

// TestManyRequests has everybody ask for everything, with the race detector where that is on.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	g := newGate()
	close(g.open)
	s := Server{Check: g.check, Probes: 4, Counters: new(dane.Counters)}
	h := s.Handler()
	var asking sync.WaitGroup
	var served, busy atomic.Int64
	for i := range 8 {
		asking.Go(func() {
			for j := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if j%7 == 0 {
					cancel()
				}
				w := get(h, fmt.Sprintf("/probe?target=d%d.example", (i+j)%6), within(ctx))
				cancel()
				switch w.Code {
				case 200:
					served.Add(1)
				case 503:
					busy.Add(1)
				default:
					t.Errorf("%d: %s", w.Code, w.Body)
				}
				get(h, "/metrics")
			}
		})
	}
	asking.Wait()
	if g.twice.Load() > 0 || served.Load() == 0 {
		t.Errorf("two checks of a domain at a time: %d times; %d served, %d refused", g.twice.Load(), served.Load(), busy.Load())
	}
	s.probes.close()
	if s.probes.count() != 0 {
		t.Error("probes are left")
	}
}

// TestRequestsAreBounded: those that wait are not many.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := Server{Check: g.check}
		h := s.Handler()
		var asking sync.WaitGroup
		for range maxRequests {
			asking.Go(func() { get(h, "/probe?target=good.example") })
		}
		synctest.Wait()
		if w := get(h, "/probe?target=good.example"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		close(g.open)
		asking.Wait()
		if w := get(h, "/-/healthy"); w.Code != 200 {
			t.Errorf("afterwards: %d: %s", w.Code, w.Body)
		}
	})
}

// TestServe: what has begun is answered when the Server is to end, and what does not end is not
// waited for for long.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{true, false} {
		t.Run(fmt.Sprintf("the check ends: %t", ends), func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			g := newGate()
			s := Server{Check: g.check}
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, l) }()
			answered := make(chan string, 1)
			go func() {
				response, err := http.Get("http://" + l.Addr().String() + "/probe?target=good.example")
				if err != nil {
					answered <- err.Error()
					return
				}
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				answered <- fmt.Sprint(response.StatusCode, err, "\n", string(body))
			}()
			for g.begun.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
			if ends {
				close(g.open)
			}
			started := time.Now()
			got := <-answered
			want := "probe_success 1\n"
			if !ends {
				want = "probe_success 0\n"
			}
			if !strings.Contains(got, want) {
				t.Errorf("got %s\nwant %s", got, want)
			}
			if err := <-served; err != nil || time.Since(started) > drainTime+5*time.Second {
				t.Errorf("after %s: %v", time.Since(started), err)
			}
			if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
				t.Error("it still listens")
			}
		})
	}
}

func TestServeFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := Server{Check: standard.check}
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
