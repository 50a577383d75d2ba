// Package traffic serves DNS messages as if from far away: it counts exchanges, delays
// them by a round trip, and loses some.
package traffic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// A Meter counts exchanges and says how they are to be delayed and lost. The zero value
// delays and loses nothing. It may be used concurrently.
type Meter struct {
	queries, streamed, received, sent atomic.Int64
	rtt                               atomic.Int64 // nanoseconds
	loss                              atomic.Int64 // of a thousand
}

// Count counts an exchange.
func (m *Meter) Count(network string, query, reply []byte) {
	m.queries.Add(1)
	if network == "tcp" {
		m.streamed.Add(1)
	}
	m.received.Add(int64(len(query)))
	m.sent.Add(int64(len(reply)))
}

// RTT is the round trip that each exchange takes longer.
func (m *Meter) RTT() time.Duration { return time.Duration(m.rtt.Load()) }

// Lost says, by chance, whether a reply by UDP is to be lost.
func (m *Meter) Lost() bool { return rand.Int64N(1000) < m.loss.Load() }

// ServeHTTP controls the meter:
//
//	/reset?rtt=40ms&loss=2	sets the counters to 0, the round trip, and how many
//				percent of the exchanges by UDP are lost; without rtt
//				it is as before, without loss there is none
//	/stats			returns a JSON object of the counters
func (m *Meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/reset":
		if err := m.reset(r.URL.Query()); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	case "/stats":
		json.NewEncoder(w).Encode(map[string]int64{
			"Queries": m.queries.Load(), "TCP": m.streamed.Load(),
			"BytesIn": m.received.Load(), "BytesOut": m.sent.Load(),
		})
	default:
		http.NotFound(w, r)
	}
}

func (m *Meter) reset(settings url.Values) error {
	rtt, loss := m.RTT(), 0.0
	var err error
	for key := range settings {
		switch value := settings.Get(key); key {
		case "rtt":
			rtt, err = time.ParseDuration(value)
		case "loss":
			loss, err = strconv.ParseFloat(value, 64)
		default:
			err = fmt.Errorf("no setting %q", key)
		}
		if err != nil {
			return err
		}
	}
	if rtt < 0 || loss < 0 || loss > 100 {
		return fmt.Errorf("a round trip of %v, %v %% lost", rtt, loss)
	}
	m.rtt.Store(int64(rtt))
	m.loss.Store(int64(loss * 10))
	for _, counter := range []*atomic.Int64{&m.queries, &m.streamed, &m.received, &m.sent} {
		counter.Store(0)
	}
	return nil
}
