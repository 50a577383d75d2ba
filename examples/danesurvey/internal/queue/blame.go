package queue

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// maxBlamed bounds the addresses that are remembered for the processes that died of them, and those that one
// worker connects to.
const maxBlamed = 1 << 16

// blamed are the addresses that workers connect to, and those that they may have died of. It is forgotten
// when the Server ends, and found out again at the price of a worker.
type blamed struct {
	mu    sync.Mutex
	under map[memberKey]map[netip.AddrPort]int // connections that are under way
	ends  map[blamedKey][]end
}

type blamedKey struct {
	vantage string
	addr    netip.AddrPort
}

func newBlamed() *blamed {
	return &blamed{under: make(map[memberKey]map[netip.AddrPort]int), ends: make(map[blamedKey][]end)}
}

// begin notes that a worker is about to connect to an address, and returns what ends that had before.
func (b *blamed) begin(vantage string, q connectRequest, leases *leases, now time.Time) []end {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bury(vantage, leases, now)
	key := blamedKey{vantage, q.Addr}
	if q.Died { // it is under way already
		b.blame(key, end{"a process of " + q.Worker, now})
	} else {
		by := memberKey{vantage, q.Worker}
		if b.under[by] == nil {
			b.under[by] = make(map[netip.AddrPort]int)
		}
		if len(b.under[by]) < maxBlamed {
			b.under[by][q.Addr]++
		}
	}
	ends := slices.Clone(b.ends[key])
	if len(ends) >= maxEnds {
		b.over(vantage, q)
	}
	return ends
}

// done notes that a connection is over. If it was made apart the address is innocent, unless it is known to
// be guilty.
func (b *blamed) done(vantage string, q connectRequest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over(vantage, q)
	if key := (blamedKey{vantage, q.Addr}); q.Apart && len(b.ends[key]) < maxEnds {
		delete(b.ends, key)
	}
}

func (b *blamed) over(vantage string, q connectRequest) {
	under := b.under[memberKey{vantage, q.Worker}]
	if under[q.Addr] > 1 {
		under[q.Addr]--
	} else {
		delete(under, q.Addr)
	}
}

// bury blames all addresses that workers connected to which have died.
func (b *blamed) bury(vantage string, leases *leases, now time.Time) {
	for by, under := range b.under {
		if by.vantage != vantage || leases.lives(by, now) {
			continue
		}
		if seen, died := leases.died(vantage, by.worker, now); died {
			for addr := range under {
				b.blame(blamedKey{vantage, addr}, end{by.worker, seen})
			}
		}
		delete(b.under, by)
	}
}

func (b *blamed) blame(key blamedKey, e end) {
	if len(b.ends[key]) < maxEnds && (b.ends[key] != nil || len(b.ends) < maxBlamed) {
		b.ends[key] = append(b.ends[key], e)
	}
}

// connects answers a worker that is about to connect to an address.
func (s *Server) connects(vantage string, m *nats.Msg) {
	var q connectRequest
	if json.Unmarshal(m.Data, &q) != nil || q.Worker == "" || !q.Addr.IsValid() {
		return
	}
	if q.Done {
		s.blamed.done(vantage, q)
		return
	}
	now := time.Now()
	s.leases.heard(vantage, q.Worker, now)
	ends := s.blamed.begin(vantage, q, s.leases, now)
	if q.Died {
		s.Log.Warn("a process has ended that connected to a server", "address", q.Addr, "vantage", vantage, "ends", len(ends))
	}
	s.answer(m, connectReply{ends})
}

// told says which processes have ended.
func told(ends []end) string {
	text := fmt.Sprintf("%d workers have ended while they did that", len(ends))
	for _, e := range ends {
		text += fmt.Sprintf("; %s at %s", e.Worker, e.At.UTC().Format(time.RFC3339))
	}
	return text
}
