package queue

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are what a Server has counted since it was started.
type counts struct{ rows, again, redelivered, setAside, lost atomic.Int64 }

// Describe is that of prometheus.Collector.
func (s *Server) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect is that of prometheus.Collector.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	counter := func(name, help string, n *atomic.Int64) {
		d := prometheus.NewDesc("danesurvey_"+name, help, nil, nil)
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n.Load()))
	}
	counter("rows_total", "Rows that were stored since the start.", &s.counts.rows)
	counter("rows_again_total", "Rows that came for lines that had one.", &s.counts.again)
	counter("shards_redelivered_total", "Shards that came to a worker for another time.", &s.counts.redelivered)
	counter("lines_set_aside_total", "Lines that have ended three workers.", &s.counts.setAside)
	counter("lines_lost_total", "Lines that had to be put into the stream once more, as they had got lost on their way.",
		&s.counts.lost)
	gauge := gauges{to}
	gauge.set("lines", "Lines of the list that will have a row from each vantage point.", float64(s.Entries))
	s.mu.Lock()
	running := s.stream != nil
	s.mu.Unlock()
	if !running {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, v := range s.Vantages {
		s.collectVantage(ctx, gauge, v)
	}
	if info, err := s.stream.Info(ctx); err == nil {
		gauge.set("stream_bytes", "Octets of the stream on its disk.", float64(info.State.Bytes))
	}
}

// collectVantage is Collect for one vantage point.
func (s *Server) collectVantage(ctx context.Context, gauge gauges, v string) {
	gauge.set("workers", "Workers that are heard of.", float64(s.leases.count(v, time.Now())), "vantage", v)
	gauge.set("workers_without_dns", "Workers that take no shards, as no DNS server answers them.",
		float64(s.leases.deaf(v, time.Now())), "vantage", v)
	if tally, err := s.Store.Tally(v); err == nil {
		for state, n := range tally.States {
			gauge.set("results", "Rows that there are, by state.", float64(n), "vantage", v, "state", state)
		}
	}
	consumer, err := s.stream.Consumer(ctx, consumerName(v))
	if err != nil {
		return
	}
	info := consumer.CachedInfo()
	gauge.set("shards_waiting", "Shards that no worker has.", float64(info.NumPending), "vantage", v)
	gauge.set("shards_working", "Shards that workers have.", float64(info.NumAckPending), "vantage", v)
	paused := 0.0
	if info.Paused {
		paused = 1
	}
	gauge.set("paused", "1 if no shards are given out.", paused, "vantage", v)
}

// gauges are metrics that go up and down.
type gauges struct{ to chan<- prometheus.Metric }

// set sends one, with pairs of a label's name and value.
func (g gauges) set(name, help string, n float64, pairs ...string) {
	var labels, values []string
	for i := 0; i+1 < len(pairs); i += 2 {
		labels, values = append(labels, pairs[i]), append(values, pairs[i+1])
	}
	d := prometheus.NewDesc("danesurvey_"+name, help, labels, nil)
	g.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, values...)
}
