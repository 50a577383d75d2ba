package upstream

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// A path takes some time for each query, and loses what it is told to.
type path struct {
	delay func(query int) time.Duration // of the query with that number, from 0
	lose  bool                          // the next packet

	mu      sync.Mutex
	query   int
	packets int
}

func (p *path) serve(network string, query *dns.Msg) [][]byte {
	p.mu.Lock()
	p.packets++
	delay, lose := p.delay(p.query), p.lose
	p.lose = false
	p.mu.Unlock()
	if lose {
		return nil
	}
	return slow(delay, good)(network, query)
}

// ask sends the next query, and returns how long it took.
func (p *path) ask(t *testing.T, client *Client, recursive bool) time.Duration {
	t.Helper()
	msg := question("signed.test.", dns.TypeA)
	msg.RecursionDesired = recursive
	start := time.Now()
	if _, err := client.Exchange(t.Context(), &Query{Msg: msg}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.query++
	return took
}

func steady(delay time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return delay }
}

// A lost packet is sent again when the server usually would have answered.
func TestLostPackets(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, tt := range []struct {
		name           string
		delay, timeout time.Duration
		recursive      bool
		before         int // queries that are answered before
		want           time.Duration
	}{
		{"of a server that is asked for the first time", 20 * ms, serverTimeout, false, 0, serverTimeout/8 + 20*ms},
		{"before early packets are earned", 20 * ms, serverTimeout, false, 10, serverTimeout/8 + 20*ms},
		{"to a server nearby", 2 * ms, serverTimeout, false, 30, minTimeout + 2*ms},
		{"to a server at 20 ms", 20 * ms, serverTimeout, false, 30, minTimeout + 20*ms},
		{"to a server at 120 ms", 120 * ms, serverTimeout, false, 30, 120*ms + minVariation + 120*ms},
		{"to a server at 250 ms", 250 * ms, serverTimeout, false, 30, 250*ms + minVariation + 250*ms},
		{"to a forwarder that is asked for the first time", 20 * ms, defaultTimeout, true, 0, defaultTimeout/8 + 20*ms},
		{"to a forwarder at 20 ms", 20 * ms, defaultTimeout, true, 30, minRecursiveTimeout + 20*ms},
		{"to a forwarder at 400 ms", 400 * ms, defaultTimeout, true, 30, 400*ms + minVariation + 400*ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &path{delay: steady(tt.delay)}
				net := newNet(t, map[string]behaviour{"192.0.2.1": p.serve})
				client := &Client{Address: "192.0.2.1", Dial: net.dial, Timeout: tt.timeout}
				for range tt.before {
					p.ask(t, client, tt.recursive)
				}
				p.lose = true
				if got := p.ask(t, client, tt.recursive).Round(ms); got != tt.want.Round(ms) {
					t.Errorf("it took %s, want %s", got, tt.want)
				}
				p.lose = true
				if got := p.ask(t, client, tt.recursive); tt.before >= 2*queriesPerEarly && got.Round(ms) != tt.want.Round(ms) {
					t.Errorf("the next one took %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// Where nothing is lost, the queries that are sent again are few, whatever the time that a
// server takes looks like.
func TestRetransmissionsWithoutLossAreFew(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	random := rand.New(rand.NewPCG(22, 6298))
	among := func(delays ...time.Duration) func(int) time.Duration {
		return func(query int) time.Duration { return delays[query%len(delays)] }
	}
	times := make([]time.Duration, 1000)
	spread := func(next func() time.Duration) func(int) time.Duration {
		for i := range times {
			times[i] = next()
		}
		return among(append([]time.Duration(nil), times...)...)
	}
	for _, tt := range []struct {
		name      string
		delay     func(query int) time.Duration
		timeout   time.Duration
		recursive bool
	}{
		{"steady", steady(30 * ms), serverTimeout, false},
		{"steady, and far away", steady(300 * ms), serverTimeout, false},
		{"evenly spread", spread(func() time.Duration { return ms + time.Duration(random.Int64N(int64(150*ms))) }), serverTimeout, false},
		{"with a long tail", spread(func() time.Duration { return min(20*ms+time.Duration(random.ExpFloat64()*float64(20*ms)), 180*ms) }), serverTimeout, false},
		{"every tenth time slow", among(20*ms, 20*ms, 20*ms, 20*ms, 20*ms, 20*ms, 20*ms, 20*ms, 20*ms, 120*ms), serverTimeout, false},
		{"every second time slow", among(2*ms, 150*ms), serverTimeout, false},
		{"slower since a while", func(query int) time.Duration { return []time.Duration{20 * ms, 160 * ms}[query/500%2] }, serverTimeout, false},
		{"a forwarder with some names in its cache", spread(func() time.Duration {
			if random.IntN(5) > 0 {
				return 2 * ms
			}
			return 100*ms + time.Duration(random.Int64N(int64(500*ms)))
		}), defaultTimeout, true},
		{"a forwarder whose cache is filled", func(query int) time.Duration { return []time.Duration{2 * ms, 500 * ms}[query/100%2] }, defaultTimeout, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &path{delay: tt.delay}
				net := newNet(t, map[string]behaviour{"192.0.2.1": p.serve})
				client := &Client{Address: "192.0.2.1", Dial: net.dial, Timeout: tt.timeout}
				const queries = 1000
				for range queries {
					p.ask(t, client, tt.recursive)
				}
				if most := queries + queries/queriesPerEarly; p.packets > most {
					t.Errorf("%d queries took %d packets, want %d at most", queries, p.packets, most)
				}
			})
		})
	}
}

// limitOfEarlyPackets has a server fall silent that could be relied on.
func limitOfEarlyPackets(t *testing.T) {
	var e rttEstimator
	for range 10 * maxEarned {
		e.next(time.Second, false)
	}
	early := 0
	for e.spend() {
		early++
	}
	if early != 20 {
		t.Errorf("%d early packets in a row, want 20", early)
	}
	for range 200 {
		e.next(time.Second, false)
	}
	for early = 0; e.spend(); {
		early++
	}
	if early != 10 {
		t.Errorf("200 queries earned %d early packets, want 10", early)
	}
}

// The waits for a reply, in milliseconds since the first packet. They are never longer than
// where nothing is known, unless the server is that slow.
func TestSchedule(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for timeout, want := range map[time.Duration][]int64{
		200 * ms: {200, 400, 800, 1200, 1600}, // total/8
		50 * ms:  {50, 150, 350, 750, 1600},
		10 * ms:  {10, 30, 70, 150, 1600},
		300 * ms: {300, 600, 900, 1200, 1600},
		400 * ms: {400, 800, 1200, 1600},
	} {
		s := schedule{timeout: timeout, total: 1600 * ms}
		var got []int64
		var wait time.Duration
		for packets := 1; wait < s.total; packets++ {
			wait, _ = s.waitsUntil(packets, wait)
			got = append(got, wait.Milliseconds())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("timeout %s: (-want +got)\n%s", timeout, diff)
		}
	}
}

// A reply to a query that was sent more than once is no sample: it may answer any packet.
func TestKarnsAlgorithm(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	e := rttEstimator{smoothed: 20 * ms, variation: ms}
	before := e
	if e.observe(70*ms, 2); e != before {
		t.Errorf("after two packets: got %+v, want %+v", e, before)
	}
	if e.observe(60*ms, 1); e.smoothed != 25*ms {
		t.Errorf("after a sample: got %+v", e)
	}
	e = rttEstimator{}
	if e.observe(250*ms, 2); e.smoothed != 0 || e.next(200*ms, false) != 250*ms+minVariation {
		t.Errorf("without a sample: got %+v, want the next timeout to cover it", e)
	}
	if e.observe(240*ms, 1); e.smoothed != 240*ms || e.atLeast != 0 {
		t.Errorf("after the first sample: got %+v", e)
	}
}

// A packet that has come is seen, and is there to read.
func TestHasPacket(t *testing.T) {
	t.Parallel()
	if !socketsServeAgain {
		t.Skip("this system does not tell")
	}
	server := handleUDP(t, func(server net.PacketConn, from net.Addr, query *dns.Msg) { server.WriteTo([]byte("packet"), from) })
	s, err := new(Client).socket(t.Context(), server.LocalAddr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.hasPacket() {
		t.Error("a packet before the query")
	}
	query, err := question("signed.test.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(query); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); !s.hasPacket(); time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("no packet")
		}
	}
	packet := make([]byte, 10)
	if n, err := s.Read(packet); err != nil || string(packet[:n]) != "packet" {
		t.Errorf("got %q, %v", packet[:n], err)
	}
}
