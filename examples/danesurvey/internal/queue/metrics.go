package queue

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are what a Server has counted since it was started.
type counts struct{ rows, again, redelivered, setAside atomic.Int64 }

// Collect and Describe make a Server a collector of metrics for Prometheus.
var (
	descRows        = prometheus.NewDesc("danesurvey_rows_total", "Rows that were stored since the start.", nil, nil)
	descTwice       = prometheus.NewDesc("danesurvey_rows_again_total", "Rows that came for lines that had one.", nil, nil)
	descRedelivered = prometheus.NewDesc("danesurvey_shards_redelivered_total", "Shards that came to a worker for another time.", nil, nil)
	descSetAside    = prometheus.NewDesc("danesurvey_lines_set_aside_total", "Lines that have ended three workers.", nil, nil)
	descWorkers     = prometheus.NewDesc("danesurvey_workers", "Workers that are heard of.", []string{"vantage"}, nil)
	descWaiting     = prometheus.NewDesc("danesurvey_shards_waiting", "Shards that no worker has.", []string{"vantage"}, nil)
	descPending     = prometheus.NewDesc("danesurvey_shards_working", "Shards that workers have.", []string{"vantage"}, nil)
	descPaused      = prometheus.NewDesc("danesurvey_paused", "1 if no shards are given out.", []string{"vantage"}, nil)
	descBytes       = prometheus.NewDesc("danesurvey_stream_bytes", "Octets of the stream on its disk.", nil, nil)
	descState       = prometheus.NewDesc("danesurvey_results", "Rows that there are, by state.", []string{"vantage", "state"}, nil)
	descLines       = prometheus.NewDesc("danesurvey_lines", "Lines of the list that will have a row from each vantage point.", nil, nil)
)

// Describe is that of prometheus.Collector.
func (s *Server) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect is that of prometheus.Collector.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	counter := func(d *prometheus.Desc, n *atomic.Int64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n.Load()))
	}
	counter(descRows, &s.counts.rows)
	counter(descTwice, &s.counts.again)
	counter(descRedelivered, &s.counts.redelivered)
	counter(descSetAside, &s.counts.setAside)
	gauge(descLines, float64(s.Entries))
	s.mu.Lock()
	running := s.stream != nil
	s.mu.Unlock()
	if !running {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, v := range s.Vantages {
		gauge(descWorkers, float64(s.leases.count(v, time.Now())), v)
		if tally, err := s.Store.Tally(v); err == nil {
			for state, n := range tally.States {
				gauge(descState, float64(n), v, state)
			}
		}
		consumer, err := s.stream.Consumer(ctx, consumerName(v))
		if err != nil {
			continue
		}
		info := consumer.CachedInfo()
		gauge(descWaiting, float64(info.NumPending), v)
		gauge(descPending, float64(info.NumAckPending), v)
		paused := 0.0
		if info.Paused {
			paused = 1
		}
		gauge(descPaused, paused, v)
	}
	if info, err := s.stream.Info(ctx); err == nil {
		gauge(descBytes, float64(info.State.Bytes))
	}
}
