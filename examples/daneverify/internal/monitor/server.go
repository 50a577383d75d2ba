package monitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// Limits of a Server.
const (
	// DefaultProbes run at a time. Each may have two dozen sockets open, of the thousand that
	// a process has without asking.
	DefaultProbes = 16
	// maxRequests are answered at a time, those included that wait for a probe.
	maxRequests = 256
	// timeoutOffset is what is left of the time of a scrape to send the answer, as
	// blackbox_exporter has it.
	timeoutOffset = 500 * time.Millisecond
	// retryAfter is when to ask again, in seconds, if all probes are taken.
	retryAfter = "5"
	// drainTime is how long answers may take that have begun when the Server is to end.
	drainTime = 5 * time.Second
)

// A Server answers the scrapes of Prometheus as blackbox_exporter does:
//
//	/probe?target=DOMAIN   checks the domain, and returns what comes of it
//	/metrics               counts what the process has done
//	/-/healthy             says that it is there
//
// Whoever can reach it can have it look up any domain and connect to its mail servers, if
// Allowed does not say which.
type Server struct {
	Check Check
	// Allowed are the domains that may be asked for, as of ParseDomain. Empty means all.
	Allowed []string
	Require bool // no DANE is no success
	// Timeout bounds one probe; a scrape may ask for less. 0 means DefaultTimeout.
	Timeout time.Duration
	// Probes bounds the checks at a time. 0 means DefaultProbes.
	Probes int
	Trust  TrustCheck
	// Counters are those that the Check feeds. Nil is for a Check that feeds none.
	Counters *dane.Counters
	// Log gets what goes wrong. Nil is for nobody.
	Log *slog.Logger

	once     sync.Once
	probes   *probes
	requests atomic.Int64 // at this time
	made     [diagnosis.StateBroken + 1]atomic.Int64
	refused  refusals
}

// refusals count requests without a probe, by reason.
type refusals struct{ malformed, forbidden, busy atomic.Int64 }

func (s *Server) timeout() time.Duration { return cmp.Or(s.Timeout, DefaultTimeout) }

func (s *Server) start() {
	s.once.Do(func() {
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
		s.probes = &probes{check: s.Check, most: cmp.Or(s.Probes, DefaultProbes)}
	})
}

// Serve serves at a listener until ctx ends; then the answers that have begun have a few
// seconds. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.start()
	web := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      s.timeout() + 2*drainTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(l) }()
	select {
	case err := <-failed:
		s.probes.close()
		return err
	case <-ctx.Done():
	}
	if shutdown(web, drainTime) != nil {
		s.probes.close() // so that those who wait have an answer
		if shutdown(web, grace) != nil {
			web.Close()
		}
	}
	s.probes.close()
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shutdown waits for the answers that have begun, for a time.
func shutdown(web *http.Server, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return web.Shutdown(ctx)
}

// Handler returns what answers requests.
func (s *Server) Handler() http.Handler {
	s.start()
	mux := http.NewServeMux()
	mux.HandleFunc("/probe", s.serveProbe)
	mux.HandleFunc("/metrics", s.serveMetrics)
	mux.HandleFunc("/-/healthy", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "healthy") })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		say(w, http.StatusNotFound, "There is nothing at this path: ask for /probe?target=DOMAIN, /metrics or /-/healthy.")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		defer s.requests.Add(-1)
		switch {
		case s.requests.Add(1) > maxRequests:
			s.busy(w, errors.New("as many requests are being answered as may at a time"))
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			say(w, http.StatusMethodNotAllowed, "Only GET is answered here.")
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// say answers with a sentence.
func say(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, sentence)
}

func (s *Server) busy(w http.ResponseWriter, err error) {
	s.refused.busy.Add(1)
	w.Header().Set("Retry-After", retryAfter)
	say(w, http.StatusServiceUnavailable, oneLine(err.Error()))
}

func (s *Server) serveProbe(w http.ResponseWriter, r *http.Request) {
	domain, timeout, err := s.request(r)
	if err != nil {
		s.refused.malformed.Add(1)
		say(w, http.StatusBadRequest, oneLine(err.Error()))
		return
	}
	if len(s.Allowed) > 0 && !slices.Contains(s.Allowed, domain) {
		s.refused.forbidden.Add(1)
		say(w, http.StatusForbidden, domain+" is not among the domains that this monitor was started for.")
		return
	}
	started := time.Now()
	// The check ends somewhat before those who wait for it stop waiting.
	offset := min(timeoutOffset, timeout/4)
	ctx, cancel := context.WithTimeout(r.Context(), timeout-offset/2)
	defer cancel()
	o, err := s.probes.observe(ctx, domain, started.Add(timeout-offset))
	if err != nil {
		s.Log.Warn("no probe", "domain", domain, "err", err)
		s.busy(w, err)
		return
	}
	s.made[o.State()].Add(1)
	s.Log.Debug("probe", "domain", domain, "state", o.State().String(), "took", time.Since(started))
	w.Header().Set("Content-Type", contentType)
	w.Write(s.probeMetrics(&o, time.Since(started)))
}

// request reads what is asked for.
func (s *Server) request(r *http.Request) (domain string, timeout time.Duration, err error) {
	targets := r.URL.Query()["target"]
	if len(targets) != 1 {
		return "", 0, fmt.Errorf("the request has %d targets; it needs one, as in /probe?target=example.org", len(targets))
	}
	if domain, err = ParseDomain(targets[0]); err != nil {
		return "", 0, fmt.Errorf("target: %w", err)
	}
	timeout, err = scrapeTimeout(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), s.timeout())
	return domain, timeout, err
}

// scrapeTimeout is the time that Prometheus waits, as it says; at most that of the flags.
func scrapeTimeout(header string, most time.Duration) (time.Duration, error) {
	if header == "" {
		return most, nil
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(header), 64)
	if err != nil || !(seconds > 0) {
		return 0, fmt.Errorf("X-Prometheus-Scrape-Timeout-Seconds: %.40q is not a number of seconds", header)
	}
	if seconds >= most.Seconds() {
		return most, nil
	}
	return max(time.Duration(seconds*float64(time.Second)), time.Millisecond), nil
}

// probeMetrics are the answer to a scrape.
func (s *Server) probeMetrics(o *Observation, took time.Duration) []byte {
	var e exposition
	good := statusOf(o.State(), s.Require)
	e.add("probe_success", gauge, "1 if nothing is broken, and all could be found out.", truth(good == OK || good == Warning))
	e.add("probe_duration_seconds", gauge, "How long the probe took.", took.Seconds())
	e.addDomain(o)
	return e.text()
}

func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var e exposition
	e.addTrust(s.Trust.now())
	for state := range s.made {
		e.add("dane_monitor_probes_total", counter, "Probes that were answered, by the state of the domain.",
			float64(s.made[state].Load()), "state", diagnosis.State(state).String())
	}
	for _, refused := range []struct {
		reason string
		n      *atomic.Int64
	}{{"malformed", &s.refused.malformed}, {"forbidden", &s.refused.forbidden}, {"busy", &s.refused.busy}} {
		e.add("dane_monitor_refused_requests_total", counter, "Requests that were refused, by reason.", float64(refused.n.Load()), "reason", refused.reason)
	}
	e.add("dane_monitor_probes_in_flight", gauge, "Probes that run now.", float64(s.probes.count()))
	e.add("dane_monitor_probes_limit", gauge, "Probes that may run at a time.", float64(s.probes.most))
	if s.Counters != nil {
		e.addCounters(s.Counters)
	}
	w.Header().Set("Content-Type", contentType)
	w.Write(e.text())
}
