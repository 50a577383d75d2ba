package main

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"sync/atomic"
	"time"
)

// metrics count what happens. The zero metrics are ready to use.
type metrics struct {
	daneOnly, dane, otherLevel, notFound, temp, perm atomic.Int64

	hits, misses, refreshes, lookups atomic.Int64
	lookupSeconds                    seconds
	connections, closed, malformed   atomic.Int64
}

// seconds are a sum of durations.
type seconds struct{ nanos atomic.Int64 }

func (s *seconds) add(d time.Duration) { s.nanos.Add(int64(d)) }

// count counts an answer.
func (m *metrics) count(r reply) {
	counter := &m.otherLevel
	switch {
	case r.status == notFound:
		counter = &m.notFound
	case r.status == temp:
		counter = &m.temp
	case r.status == perm:
		counter = &m.perm
	case r.text == string(levelDANE):
		counter = &m.dane
	case r.text == string(levelDANEOnly):
		counter = &m.daneOnly
	}
	counter.Add(1)
}

// write writes the metrics in the text format of Prometheus, version 0.0.4.
func (m *metrics) write(w io.Writer, s *service, open int) {
	family := func(name, kind, help string) {
		fmt.Fprintf(w, "# HELP tlspolicy_%s %s\n# TYPE tlspolicy_%[1]s %[3]s\n", name, help, kind)
	}
	value := func(name, labels string, v float64) {
		format := "tlspolicy_%s%s %g\n"
		if v == math.Trunc(v) {
			format = "tlspolicy_%s%s %.0f\n"
		}
		fmt.Fprintf(w, format, name, labels, v)
	}
	family("answers_total", "counter", "Answers to keys.")
	for _, c := range []struct {
		answer string
		n      *atomic.Int64
	}{
		{"dane-only", &m.daneOnly}, {"dane", &m.dane}, {"other", &m.otherLevel},
		{"notfound", &m.notFound}, {"temp", &m.temp}, {"perm", &m.perm},
	} {
		value("answers_total", `{answer="`+c.answer+`"}`, float64(c.n.Load()))
	}
	entries, octets := s.finder.cache.size()
	resolver := 1.0
	if s.check.lack() != "" {
		resolver = 0
	}
	for _, one := range []struct {
		name, kind, help string
		value            float64
	}{
		{"cache_hits_total", "counter", "Keys whose verdict was kept.", float64(m.hits.Load())},
		{"cache_misses_total", "counter", "Keys that had to be looked up.", float64(m.misses.Load())},
		{"cache_refreshes_total", "counter", "Lookups that nobody waited for.", float64(m.refreshes.Load())},
		{"cache_entries", "gauge", "Verdicts that are kept.", float64(entries)},
		{"cache_bytes", "gauge", "Octets that they count for.", float64(octets)},
		{"lookups_total", "counter", "Destinations that were looked up.", float64(m.lookups.Load())},
		{"lookup_seconds_total", "counter", "Time that it took.", time.Duration(m.lookupSeconds.nanos.Load()).Seconds()},
		{"lookups_in_flight", "gauge", "Destinations that are being looked up, or wait for it.", float64(s.finder.inFlight())},
		{"connections_total", "counter", "Connections of clients.", float64(m.connections.Load())},
		{"connections_closed_total", "counter", "Connections that were closed for others.", float64(m.closed.Load())},
		{"connections_open", "gauge", "Connections that are there.", float64(open)},
		{"malformed_total", "counter", "Requests that were no netstrings, or too long.", float64(m.malformed.Load())},
		{"resolver_ok", "gauge", "1 if Postfix's resolver validates, or is not checked.", resolver},
	} {
		family(one.name, one.kind, one.help)
		value(one.name, "", one.value)
	}
}

// metricsServer serves them at /metrics.
func metricsServer(s *service, open func() int) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.metrics.write(w, s, open())
	})
	return &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}
}
