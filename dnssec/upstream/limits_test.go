package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/limittest"
)

func TestLimitsOfAQuery(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../../SECURITY.md", "One query (package dnssec/upstream)", map[string]limittest.Row{
		"packets that are no reply":                            {Limit: fmt.Sprint(maxIgnored), Check: limitOfPackets},
		"waiting for a better reply than a suspect one":        {Limit: "2 milliseconds", Check: func(t *testing.T) { wantDuration(t, fallbackDelay, 2*time.Millisecond) }, Tests: []string{"TestReplayedReplies", "TestClientAgainstFaults"}},
		"that, where TCP fails":                                {Limit: "100 milliseconds; 1/8 of the timeout where TCP is silent", Check: func(t *testing.T) { wantDuration(t, tcpFailureGrace, 100*time.Millisecond) }, Tests: []string{"TestReplayedRepliesAndSilentTCP", "TestSuspectRepliesBeforeGoodOnes"}},
		"suspect replies of a server that has shown a cookie":  {Limit: fmt.Sprint(maxSuspects), Tests: []string{"TestCookiesOutliveOneSuspectReply"}},
		"a message over TCP or TLS, the body over HTTPS":       {Limit: "65535 octets", Check: limitOfBody, Tests: []string{"TestHTTPS"}},
		"the header over HTTPS":                                {Limit: fmt.Sprintf("%d kB", maxHeader>>10), Check: limitOfHeader},
		"queries that wait at one connection":                  {Limit: fmt.Sprint(maxInFlight), Tests: []string{"TestQueriesInFlightAreBounded"}},
		"a connection that is idle":                            {Limit: "10 seconds", Check: func(t *testing.T) { wantDuration(t, idleTimeout, 10*time.Second) }, Tests: []string{"TestConnectionsAreReusedUntilTheyAreIdle"}},
		"silence of a connection that was idle":                {Limit: "1/5 of the timeout, 1 second by default", Tests: []string{"TestStreamsThatDied", "TestHTTPSConnectionsThatDied"}},
		"waiting for one server":                               {Limit: "5 seconds, and as long again over TCP if no other is left", Tests: []string{"TestClientAgainstFaults", "TestTheWholeWaitIsBounded", "TestDeadServersLeaveTimeForOthers"}},
		"packets sent again earlier than to an unknown server": {Limit: "one for each 20 queries to the server, 20 in a row", Check: limitOfEarlyPackets, Tests: []string{"TestRetransmissionsWithoutLossAreFew"}},
		"waiting for the probe of a server":                    {Limit: "10 seconds", Check: limitOfProbe},
	})
}

func TestLimitsOfARecursor(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../../SECURITY.md", "One query (upstream.Recursor", map[string]limittest.Row{
		"queries in all, of five packets at most each to a server that is silent, and tries to send one":        {Limit: fmt.Sprintf("%d, %d", maxResolutionQueries, maxTries), Check: limitOfTries, Tests: []string{"TestTruncatedRepliesCount", "TestQueriesWithoutEDNSCount", "TestRecursorAgainstFaults"}},
		"delegations and minimised names on the way down":                                                       {Limit: fmt.Sprint(maxReferrals), Tests: []string{"TestRecursorAgainstFaults"}},
		"name servers whose address depends on another one's":                                                   {Limit: fmt.Sprintf("%d deep", maxDepth), Tests: []string{"TestCirclesAreForgotten"}},
		"name servers of a delegation, addresses of each, octets of all names":                                  {Limit: "13, 4, 4 kB", Check: limitOfNameServers},
		"DS records in a delegation, or their denial, with signatures":                                          {Limit: "4 kB", Check: limitOfProof, Tests: []string{"TestDelegationsAreBoundedInOctets"}},
		"name servers without address looked up at once (more if it takes longer than 1.5 seconds), and in all": {Limit: fmt.Sprintf("%d, %d", maxLookedUp, maxLookups), Tests: []string{"TestLookupsAreBounded", "TestOneGoodServerIsEnough"}},
		"servers of a zone asked one question; those of them that do not answer":                                {Limit: fmt.Sprintf("%d; %d, and %d of them again", maxServersAsked, maxSilentAsked, maxAskedAgain), Check: limitOfServers},
		"servers of a zone asked a minimised question in vain":                                                  {Limit: fmt.Sprint(maxMinimisedAsked), Tests: []string{"TestMinimisedQuestionsDropped"}},
		"addresses of a special kind that data leads to":                                                        {Limit: "none", Tests: []string{"TestSpecialAddresses", "TestRecursorAgainstFaults"}},
	})
	limittest.Table(t, "../../SECURITY.md", "What an upstream.Recursor and an upstream.Recorder keep", map[string]limittest.Row{
		"delegations":                                          {Limit: fmt.Sprintf("%d MB; a day, and an hour longer in memory", maxDelegationsSize>>20), Check: limitOfDelegationLife, Tests: []string{"TestDelegationsAreBoundedInOctets", "TestExpiredDelegationsAreDropped"}},
		"the speed and faults of servers":                      {Limit: fmt.Sprintf("%d MB", maxServersSize>>20), Tests: []string{"TestServerCacheIsBoundedInOctets"}},
		"servers of one zone that do not serve it":             {Limit: fmt.Sprintf("%d, for 15 minutes", maxLame), Check: limitOfLameServers, Tests: []string{"TestLameServersAreBounded"}},
		"questions that no server of a zone answered":          {Limit: "1 MB, 5 seconds", Tests: []string{"TestFailureCacheIsBoundedInOctets", "TestFailuresAreRemembered"}},
		"connections over TCP, sockets for UDP, that are idle": {Limit: fmt.Sprintf("%d for 10 seconds, %d for 5 seconds", maxIdleStreams, maxIdleSockets), Tests: []string{"TestIdleStreamsAreBounded", "TestRecursorBoundsIdleSockets", "TestIdleSockets"}},
		"a file of root hints":                                 {Limit: fmt.Sprintf("1 MB, %d records", maxHints), Tests: []string{"TestHintsAreBounded"}},
		"recorded exchanges":                                   {Limit: fmt.Sprintf("%d MB, %d of them", maxRecordedSize>>20, maxRecorded), Tests: []string{"TestRecordingsAreBoundedInOctets", "TestRecorderIsBounded"}},
	})
}

// wantDuration compares a constant, by which other tests count, with the document.
func wantDuration(t *testing.T, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
}

func limitOfPackets(t *testing.T) {
	for n, network := range map[int]string{256: "udp", 257: "tcp"} {
		synctest.Test(t, func(t *testing.T) {
			forged := wire(func(packet []byte) (packets [][]byte) {
				other := bytes.Clone(packet)
				other[0] ^= 1
				for range n {
					packets = append(packets, other)
				}
				return append(packets, packet)
			})
			client := &Client{Address: "192.0.2.1", Dial: newNet(t, map[string]behaviour{"192.0.2.1": forged}).dial}
			defer client.CloseIdleConnections()
			reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if err != nil || reply.Network != network {
				t.Errorf("%d forgeries: %+v, %v; want a reply over %s", n, reply, err, network)
			}
		})
	}
}

// overHTTPS asks a server that answers with a header and a body of some size.
func overHTTPS(t *testing.T, header, body int) error {
	server := serveHTTPS(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Padding", strings.Repeat("x", header))
		if body == 0 {
			answerHTTPS(w, r)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Write(make([]byte, body))
	})
	client := &Client{Address: server.URL + "/dns-query", TLS: roots(server)}
	defer client.CloseIdleConnections()
	_, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
	return err
}

// limitOfHeader leaves some room for what else is in a header.
func limitOfHeader(t *testing.T) {
	if err := overHTTPS(t, 15<<10, 0); err != nil {
		t.Errorf("15 kB: %v", err)
	}
	if err := overHTTPS(t, 17<<10, 0); err == nil {
		t.Error("a header of more than 16 kB is taken")
	}
}

func limitOfBody(t *testing.T) {
	for size, want := range map[int]string{65535: "not a reply", 65536: "larger than 65535 octets"} {
		if err := overHTTPS(t, 0, size); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d octets: %v, want %q", size, err, want)
		}
	}
}

// limitOfProbe has a server that drops whatever would show what it is capable of.
func limitOfProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute := exchangerFunc(func(ctx context.Context, q *Query) (*Reply, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		pool := &Pool{Exchangers: []Exchanger{mute}}
		pool.once.Do(pool.setUp)
		start := time.Now()
		c := (&failover{pool: pool, zone: "."}).capability(t.Context(), pool.servers[0], 1)
		if took := time.Since(start); c.Capable() || c.Incapable() || took != 10*time.Second {
			t.Errorf("%+v after %s", c, took)
		}
	})
}

// limitOfTries has a delegation whose servers are all out of reach, and whose names lead on.
func limitOfTries(t *testing.T) {
	var tries atomic.Int32
	r := &Recursor{Hints: hints("192.0.2.1"), Dial: func(context.Context, string, string) (net.Conn, error) {
		tries.Add(1)
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: syscall.ENETUNREACH}
	}}
	r.once.Do(r.setUp)
	for z := range 7 {
		msg := new(dns.Msg)
		for i := range 13 {
			ns := fmt.Sprintf("n%d.z%d.test.", i, z+1)
			msg.Ns = append(msg.Ns, rr(fmt.Sprintf("z%d.test. 3600 NS %s", z, ns)))
			for a := range 4 {
				msg.Extra = append(msg.Extra, rr(fmt.Sprintf("%s 3600 A 10.%d.%d.%d", ns, z, i, a)))
			}
		}
		r.delegations.put(newDelegation(&delegation{name: "test."}, fmt.Sprintf("z%d.test.", z), &Reply{Msg: msg}, r.now(), &r.filter), r.now())
	}
	query := &Query{Msg: question("www.z0.test.", dns.TypeA)}
	res := &resolution{Recursor: r, query: query}
	if _, err := res.resolve(t.Context(), &task{question: query.Msg.Question[0]}); err == nil {
		t.Error("no error")
	}
	if n := tries.Load(); n > maxTries || n < maxServersAsked {
		t.Errorf("%d tries", n)
	}
}

func limitOfNameServers(t *testing.T) {
	msg := new(dns.Msg)
	for i := range 14 {
		name := fmt.Sprintf("n%d.z.test.", i)
		msg.Ns = append(msg.Ns, rr("z.test. 60 NS "+name))
		for a := range 5 {
			msg.Extra = append(msg.Extra, rr(fmt.Sprintf("%s 60 A 192.0.%d.%d", name, i, a)))
		}
	}
	d := newDelegation(&delegation{name: "test."}, "z.test.", &Reply{Msg: msg}, time.Now(), new(addressFilter))
	if len(d.servers) != 13 {
		t.Errorf("%d name servers", len(d.servers))
	}
	for _, s := range d.servers {
		if len(s.addresses) != 4 {
			t.Errorf("%s: %d addresses", s.name, len(s.addresses))
		}
	}
	// Octets that are escaped take four each: nine names of 900 octets are too many.
	msg = new(dns.Msg)
	for i := range 9 {
		msg.Ns = append(msg.Ns, rr(fmt.Sprintf("z.test. 60 NS %d.%sz.test.", i, strings.Repeat(strings.Repeat(`\000`, 60)+".", 3))))
	}
	d = newDelegation(&delegation{name: "test."}, "z.test.", &Reply{Msg: msg}, time.Now(), new(addressFilter))
	octets := 0
	for _, s := range d.servers {
		octets += len(s.name)
	}
	if octets > 4<<10 || octets+len(d.servers[0].name) <= 4<<10 {
		t.Errorf("%d names of %d octets together", len(d.servers), octets)
	}
}

func limitOfProof(t *testing.T) {
	for octets, kept := range map[int]bool{4096: true, 4097: false} {
		ds := rr("z.test. 60 DS 1 13 2 00")
		sig := sig("z.test.", "DS").(*dns.RRSIG)
		sig.Signature = ""
		padding := &dns.DS{Hdr: *ds.Header(), KeyTag: 2, Algorithm: 13, DigestType: 2}
		msg := dns.Msg{Answer: []dns.RR{ds, padding, sig}}
		padding.Digest = strings.Repeat("00", octets-msg.Len())
		if d := newDelegation(&delegation{name: "test."}, "z.test.", &Reply{Msg: &dns.Msg{Ns: append(msg.Answer, rr("z.test. 60 NS ns.z.test."))}}, time.Now(), new(addressFilter)); (len(d.proof) > 0) != kept {
			t.Errorf("%d octets: %d are kept", octets, len(d.proof))
		}
	}
}

// limitOfServers asks a zone of many servers that all fail in one way.
func limitOfServers(t *testing.T) {
	for name, tt := range map[string]struct {
		serve behaviour
		want  int
	}{"they refuse": {refuse, 16}, "they are silent": {silent, 8}} {
		synctest.Test(t, func(t *testing.T) {
			changes := map[string]behaviour{}
			lines := nameServersOf(5, "ns%d.example")
			for i := range 20 {
				at := fmt.Sprintf("192.0.2.%d", 100+i)
				lines, changes[at] = append(lines, fmt.Sprintf("ns%d.example A %s", i/4, at)), tt.serve
			}
			changes["192.0.2.2"] = delegating(lines...)
			net := newNet(t, internet(changes))
			recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial, FullNames: true}
			askRecursor(t, recursor, "mx.example.test. A")
			asked, again := 0, 0
			for i := range 20 {
				if n := net.queries(fmt.Sprintf("192.0.2.%d udp mx.example.test. A", 100+i)); n > 0 {
					asked++
				}
				if net.queries(fmt.Sprintf("192.0.2.%d tcp", 100+i)) > 0 {
					again++
				}
			}
			if asked != tt.want || again > 2 {
				t.Errorf("%s: %d were asked, %d of them again", name, asked, again)
			}
		})
	}
}

func limitOfDelegationLife(t *testing.T) {
	for ttl, want := range map[uint32]time.Duration{86400: 24 * time.Hour, 86401: 24 * time.Hour, 1 << 31: 24 * time.Hour} {
		wantDuration(t, delegationLife(ttl), want)
	}
	wantDuration(t, sweepInterval, time.Hour) // by which TestExpiredDelegationsAreDropped counts
}

func limitOfLameServers(t *testing.T) {
	now := time.Now()
	d := &delegation{name: "example.test."}
	servers := hints("192.0.2.1")
	d.setLame(servers[0], now)
	if !d.isLame(servers[0], now.Add(15*time.Minute-1)) || d.isLame(servers[0], now.Add(15*time.Minute)) {
		t.Error("not for 15 minutes")
	}
	for i := range 17 {
		d.setLame(hints(fmt.Sprintf("192.0.2.%d", i))[0], now)
	}
	if len(d.lame) != 16 {
		t.Errorf("%d are kept", len(d.lame))
	}
}
