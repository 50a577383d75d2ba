package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/internal/limittest"
	"github.com/miekg/dns"
)

// wantWithin checks memory against its bound.
func wantWithin(t *testing.T, heap, bound int) {
	t.Helper()
	if heap > bound+bound/4 {
		t.Errorf("%d octets of memory, 1.25 times the bound of %d at most", heap, bound)
	}
	t.Logf("%.2f of the bound", float64(heap)/float64(bound))
	if heap < bound/8 {
		t.Errorf("%d octets of memory for a bound of %d: the test fills nothing", heap, bound)
	}
}

// referralTo is a referral with the records, in wire form.
func referralTo(t testing.TB, text ...string) []byte {
	t.Helper()
	sent := new(dns.Msg)
	sent.SetQuestion("a.test.", dns.TypeA)
	for _, line := range text {
		record := rr(line)
		if _, ok := address(record); ok {
			sent.Extra = append(sent.Extra, record)
		} else {
			sent.Ns = append(sent.Ns, record)
		}
	}
	sent.Compress = true
	wire, err := sent.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// hostileZone stands for the zones of the referrals that are made to fill memory.
const hostileZone = "z000000.test."

// hostileReferrals are those, each one for many zones.
func hostileReferrals() map[string][]string {
	var types strings.Builder
	for rrtype := 1; rrtype < 1<<16 && types.Len() < 7*29_000; rrtype++ {
		if rrtype != int(dns.TypeOPT) && (rrtype < 128 || rrtype > 255) { // no meta types (RFC 4034 §4.1.2)
			fmt.Fprintf(&types, " TYPE%d", rrtype)
		}
	}
	label := strings.Repeat(`\000`, 60) + "."
	var manyNames, longNames, ds []string
	for i := range 14 {
		manyNames = append(manyNames, fmt.Sprintf("%[1]s 86400 NS n%[2]d.%[1]s", hostileZone, i))
		longNames = append(longNames, fmt.Sprintf("%[1]s 86400 NS %[2]d.%[3]s%[1]s", hostileZone, i, strings.Repeat(label, 3)))
		ds = append(ds, fmt.Sprintf("%s 86400 DS %d 13 2 %s", hostileZone, i, strings.Repeat("00", 32)))
	}
	for i := range 13 {
		for address := range 5 {
			manyNames = append(manyNames, fmt.Sprintf("n%d.%s 86400 AAAA 2001:db8::%d:%d", i, hostileZone, i, address))
		}
	}
	const ns = hostileZone + " 86400 NS ns.example."
	signature := func(covered string, size int) string {
		return hostileZone + " 86400 RRSIG " + covered + " 8 1 60 20300101000000 20200101000000 1 . " + strings.Repeat("AAAA", size/3)
	}
	return map[string][]string{
		"the least there can be":                  {ns},
		"names with octets that are written long": longNames,
		"many names with many addresses":          manyNames,
		"type lists":                              {ns, hostileZone + " 86400 NSEC a." + types.String(), signature("NSEC", 64)},
		"long signatures":                         {ns, hostileZone + " 86400 DS 1 13 2 00", signature("DS", 3800)},
		"signatures that are too long":            {ns, hostileZone + " 86400 DS 1 13 2 00", signature("DS", 5000)},
		"DS records":                              append(ds, ns, signature("DS", 64)),
	}
}

// Hostile delegations once filled 1.4 GB, 144 kB each.
func TestDelegationsAreBoundedInOctets(t *testing.T) {
	now := time.Now()
	above := &delegation{name: "."}
	for name, text := range hostileReferrals() {
		t.Run(name, func(t *testing.T) {
			recursor := new(Recursor)
			// Those that take long to read show that they are counted for what they take.
			fill := maxDelegationsSize / 8
			if strings.Contains(name, "name") || strings.Contains(name, "DS") {
				fill = maxDelegationsSize + maxDelegationsSize/10
			}
			template := referralTo(t, text...)
			heap := limittest.HeapOf(func() any {
				for i, filled := 0, 0; filled < fill; i++ {
					cut := fmt.Sprintf("z%06d.test.", i)
					msg := new(dns.Msg)
					if err := msg.Unpack(bytes.ReplaceAll(template, []byte("z000000"), []byte(cut[:7]))); err != nil {
						t.Fatal(err)
					}
					d := newDelegation(above, cut, &Reply{Msg: msg}, recursor.now(), &recursor.filter)
					if recursor.delegations.put(d, now); len(d.servers) == 0 {
						t.Fatal("not a delegation")
					}
					// What is learned later counts, too.
					for j, s := range d.servers[:len(d.servers)/2] {
						d.learn(s.name, hints("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"), now, now)
						d.setLame(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(j)}), port), now)
					}
					recursor.delegations.resized(d)
					filled += d.size()
				}
				return recursor
			})
			wantWithin(t, heap, min(fill, maxDelegationsSize))
			if recursor.delegations.size > maxDelegationsSize {
				t.Errorf("%d octets are counted", recursor.delegations.size)
			}
		})
	}
}

// An error that is kept keeps nothing of the query but what it says.
func TestErrorsOfTimeoutsAreSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, most = 400, 1024 // octets for each
		client := &Client{Address: "192.0.2.1", Dial: newNet(t, map[string]behaviour{"192.0.2.1": withoutTCP(silent)}).dial}
		heap := limittest.HeapOf(func() any {
			errs := make([]error, count)
			for i := range errs {
				if _, errs[i] = client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); !isTimeout(errs[i]) {
					t.Fatal(errs[i])
				}
			}
			return errs
		})
		if heap/count > most {
			t.Errorf("an error takes %d octets of memory, want %d at most", heap/count, most)
		}
	})
}

// A zone that gets new addresses all the time does not grow.
func TestLameServersAreBounded(t *testing.T) {
	t.Parallel()
	d := &delegation{name: "example.test."}
	for i := range 10_000 {
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), port)
		d.setLame(server, time.Now())
		if !d.isLame(server, time.Now()) {
			t.Fatalf("%s is not lame", server)
		}
	}
	if size := d.size(); size > 2048 {
		t.Errorf("the delegation takes %d octets", size)
	}
}

// What has expired takes no memory for long.
func TestExpiredDelegationsAreDropped(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var cuts delegationCache
	for i := range 1000 {
		cuts.put(&delegation{name: fmt.Sprintf("z%d.", i), expires: now.Add(time.Minute)}, now)
	}
	later := now.Add(sweepInterval)
	cuts.put(&delegation{name: "new.", expires: later.Add(time.Minute)}, later)
	if want := (&delegation{name: "new."}).size(); len(cuts.zones) != 1 || cuts.size != want {
		t.Errorf("%d delegations of %d octets are kept", len(cuts.zones), cuts.size)
	}
	if cuts.get("new.", later.Add(time.Hour)) != nil || cuts.size != 0 {
		t.Errorf("%d octets are counted for nothing", cuts.size)
	}
}

func TestServerCacheIsBoundedInOctets(t *testing.T) {
	recursor := &Recursor{Dial: newNet(t, nil).dial}
	recursor.once.Do(recursor.setUp)
	heap := limittest.HeapOf(func() any {
		for i := range 2 * maxServersSize / serverInfoSize {
			server := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, byte(i >> 16), byte(i >> 8), byte(i)})
			client := recursor.servers.info(netip.AddrPortFrom(server, port)).client
			client.peer = peer{clientCookie: strings.Repeat("a", clientCookieSize), serverCookie: strings.Repeat("b", maxServerCookieSize)}
		}
		return recursor
	})
	wantWithin(t, heap, maxServersSize)
}

func TestFailureCacheIsBoundedInOctets(t *testing.T) {
	now := time.Now()
	long := strings.Repeat(strings.Repeat(`\000`, 50)+".", 4)
	for name, zone := range map[string]string{"short names": "test.", "long names": long + "test."} {
		t.Run(name, func(t *testing.T) {
			var all failureCache
			heap := limittest.HeapOf(func() any {
				for i := range 20_000 {
					q := dns.Question{Name: fmt.Sprintf("n%d.%s", i, zone), Qtype: dns.TypeA, Qclass: dns.ClassINET}
					all.put(failureKey{zone: strings.Clone(zone), question: q}, &Error{Name: q.Name, Err: context.DeadlineExceeded}, now)
				}
				return &all
			})
			wantWithin(t, heap, maxFailuresSize)
			all.put(failureKey{zone: zone}, errLame, now.Add(failureLife))
			if len(all.known) != 1 {
				t.Errorf("%d are kept after they are over", len(all.known))
			}
		})
	}
}

// One question once left 3.7 MB for a day.
func TestOneQuestionLeavesLittle(t *testing.T) {
	long := strings.Repeat(strings.Repeat(`\000`, 50)+".", 2)
	internet := newNet(t, map[string]behaviour{"192.0.2.1": func(_ string, query *dns.Msg) [][]byte {
		name := query.Question[0].Name
		reply := new(dns.Msg)
		reply.SetReply(query)
		if name == "." {
			return nil
		}
		for i := range 13 {
			server := fmt.Sprintf("%d.%s%s", i, long, name)
			if _, ok := dns.IsDomainName(server); !ok {
				server = fmt.Sprintf("n%d.%s", i, name)
			}
			for range 4 {
				reply.Ns = append(reply.Ns, &dns.NS{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 86400}, Ns: server})
			}
		}
		reply.Ns = append(reply.Ns, rr(name+" 86400 DS 1 13 2 00"), rr(name+" 86400 RRSIG DS 8 1 60 20300101000000 20200101000000 1 . "+strings.Repeat("AAAA", 1200)))
		for i := range 4 {
			reply.Extra = append(reply.Extra, rr(fmt.Sprintf("%s 86400 A 192.0.2.%d", reply.Ns[0].(*dns.NS).Ns, 1+i)))
		}
		return [][]byte{pack("tcp", query, reply)}
	}})
	heap := limittest.HeapOf(func() any {
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: internet.dial}
		query := question(strings.Repeat("a.", 60)+"test.", dns.TypeA)
		query.SetEdns0(maxMessage, true)
		recursor.Exchange(t.Context(), &Query{Msg: query})
		for _, state := range recursor.servers.infos {
			state.client.CloseIdleConnections()
		}
		internet.running.Wait()
		internet.log = nil
		if len(recursor.delegations.zones) < 20 {
			t.Errorf("%d delegations: the test fills nothing", len(recursor.delegations.zones))
		}
		return recursor
	})
	if heap > 1<<20 {
		t.Errorf("one question leaves %d octets", heap)
	}
	t.Logf("one question leaves %d octets", heap)
}

func TestRecordingsAreBoundedInOctets(t *testing.T) {
	large := &Reply{Msg: new(dns.Msg), Server: "192.0.2.1:53", Network: "tcp"}
	for range 200 {
		large.Msg.Answer = append(large.Msg.Answer, rr(". 60 TXT "+strings.Repeat("a", 250)))
	}
	recorder := &Recorder{Exchanger: exchangerFunc(func(context.Context, *Query) (*Reply, error) { return large, nil })}
	heap := limittest.HeapOf(func() any {
		for range 2 * maxRecordedSize / (200 * 250) {
			recorder.Exchange(t.Context(), &Query{Msg: question("a.test.", dns.TypeA)})
		}
		return recorder
	})
	wantWithin(t, heap, maxRecordedSize)
	if !recorder.Recording().Truncated {
		t.Error("the recording does not say that it is not whole")
	}
}

// Connections that nobody waits at are few, to however many servers.
func TestIdleStreamsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const zones = 3 * maxIdleStreams
		servers := map[string]behaviour{}
		lines := []string{"test."}
		for i := range zones {
			address := fmt.Sprintf("198.51.%d.%d", i>>7, i&127)
			lines = append(lines, fmt.Sprintf("z%d NS ns.z%d", i, i), fmt.Sprintf("ns.z%d A %s", i, address))
			servers[address] = func(network string, query *dns.Msg) [][]byte {
				return serveReply(func(r *dns.Msg) {
					r.Authoritative, r.Truncated = true, network == "udp"
				})(network, query)
			}
		}
		servers["192.0.2.2"] = authority(strings.Join(lines, "\n"))
		inner := newNet(t, internet(servers))
		var open atomic.Int32
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := inner.dial(ctx, network, address)
			if err != nil || network != "tcp" {
				return conn, err
			}
			open.Add(1)
			return &countedConn{Conn: conn, closed: func() { open.Add(-1) }}, nil
		}}
		for i := range zones {
			if _, got := askRecursor(t, recursor, fmt.Sprintf("z%d.test. A", i)); got != "NOERROR" {
				t.Fatal(got)
			}
		}
		synctest.Wait()
		if n := open.Load(); n > maxIdleStreams || n < maxIdleStreams/2 {
			t.Errorf("%d connections are open, want %d at most", n, maxIdleStreams)
		}
		time.Sleep(idleTimeout + time.Second)
		if n := open.Load(); n > 0 {
			t.Errorf("%d connections are still open", n)
		}
	})
}

type countedConn struct {
	net.Conn
	once   atomic.Bool
	closed func()
}

func (c *countedConn) Close() error {
	if c.once.CompareAndSwap(false, true) {
		c.closed()
	}
	return c.Conn.Close()
}

// Files of root hints are read up to a bound.
func TestHintsAreBounded(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"many records":     ". 60 NS ns.\n" + strings.Repeat("ns. 60 A 192.0.2.1\n", maxHints),
		"records made":     ". 60 NS ns.\n$GENERATE 1-65535 n$ A 192.0.2.1\n",
		"a large comment":  ". 60 NS ns.\nns. 60 A 192.0.2.1\n" + strings.Repeat(";"+strings.Repeat(" ", 100)+"\n", maxHintsFile/100),
		"one endless line": ". 60 NS ns.\nns. 60 A 192.0.2.1\n;" + strings.Repeat(" ", maxHintsFile),
	} {
		if hints, err := parseHints(strings.NewReader(file), "file"); err == nil {
			t.Errorf("%s: %d hints", name, len(hints))
		}
	}
}
