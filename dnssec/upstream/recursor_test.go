package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestRecursorGoesDownFromTheRoot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		fullNames bool
		questions []string
		answer    string // to the last question
		queries   []string
	}{
		{"a question at the apex", false, []string{"example.test. MX"}, "NOERROR, 10 mx.example.test.", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. MX", "192.0.2.10 udp example.test. MX",
		}},
		{"the next question goes to the zone at once", false, []string{"example.test. MX", "mx.example.test. A"}, "NOERROR, 192.0.2.80", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. MX", "192.0.2.10 udp example.test. MX", "192.0.2.10 udp mx.example.test. A",
		}},
		{"servers above see one label more than their own", false, []string{"mx.example.test. A"}, "NOERROR, 192.0.2.80", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. A", "192.0.2.10 udp mx.example.test. A",
		}},
		{"labels with an underscore are no cuts", false, []string{"_25._tcp.mx.example.test. TLSA"}, "NOERROR, 3 1 1 00", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. A", "192.0.2.10 udp mx.example.test. A", "192.0.2.10 udp _25._tcp.mx.example.test. TLSA",
		}},
		{"the zone that answers is asked in full, from the second name on",
			false, []string{"mx.example.test. A", "_25._tcp.mx.example.test. TLSA", "deep.er.name.example.test. A", "x.y.z.example.test. A"}, "NXDOMAIN, a. b. 1 2 3 4 60", []string{
				"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. A", "192.0.2.10 udp mx.example.test. A",
				"192.0.2.10 udp _25._tcp.mx.example.test. TLSA",
				"192.0.2.10 udp deep.er.name.example.test. A", "192.0.2.10 udp x.y.z.example.test. A",
			}},
		{"so is one that has data at its apex", false, []string{"example.test. MX", "_25._tcp.mx.example.test. TLSA"}, "NOERROR, 3 1 1 00", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. MX", "192.0.2.10 udp example.test. MX", "192.0.2.10 udp _25._tcp.mx.example.test. TLSA",
		}},
		{"full names", true, []string{"_25._tcp.mx.example.test. TLSA"}, "NOERROR, 3 1 1 00", []string{
			"192.0.2.1 udp _25._tcp.mx.example.test. TLSA", "192.0.2.2 udp _25._tcp.mx.example.test. TLSA", "192.0.2.10 udp _25._tcp.mx.example.test. TLSA",
		}},
		{"the name is in any case", false, []string{"MX.Example.TEST. A"}, "NOERROR, 192.0.2.80", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. A", "192.0.2.10 udp mx.example.test. A",
		}},
		{"a top-level domain that does not exist", false, []string{"nobody. A"}, "NXDOMAIN, a. b. 1 2 3 4 60", []string{"192.0.2.1 udp nobody. A"}},
		{"a name below one that does not exist", false, []string{"a.b.nobody. A"}, "NXDOMAIN, a. b. 1 2 3 4 60", []string{
			"192.0.2.1 udp nobody. A", "192.0.2.1 udp a.b.nobody. A",
		}},
		{"the root itself", false, []string{". SOA"}, "NOERROR, a. b. 1 2 3 4 60", []string{"192.0.2.1 udp . SOA"}},
		{"DS at the parent", false, []string{"example.test. DS"}, "NOERROR, 1 13 2 00, DS 13 2 60 20300101000000 20200101000000 1 test. c2ln", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. DS",
		}},
		{"DS that came with the referral", false, []string{"example.test. MX", "example.test. DS"}, "NOERROR, 1 13 2 00, DS 13 2 60 20300101000000 20200101000000 1 test. c2ln", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. MX", "192.0.2.10 udp example.test. MX",
		}},
		{"DS of a name that is no cut", false, []string{"mx.example.test. DS"}, "NOERROR, a. b. 1 2 3 4 60", []string{
			"192.0.2.1 udp test. A", "192.0.2.2 udp example.test. A", "192.0.2.10 udp mx.example.test. DS",
		}},
		{"unsigned referrals prove nothing: DS is asked for", false, []string{"test. SOA", "test. DS"}, "NOERROR, a. b. 1 2 3 4 60", []string{
			"192.0.2.1 udp test. SOA", "192.0.2.2 udp test. SOA", "192.0.2.1 udp test. DS",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := internet(nil)
				// One server, for one order of queries.
				servers["192.0.2.2"] = authority(strings.ReplaceAll(testZone, "192.0.2.11", "192.0.2.10"))
				net := newNet(t, servers)
				recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial, FullNames: tt.fullNames}
				var got string
				for _, q := range tt.questions {
					_, got = askRecursor(t, recursor, q)
				}
				if got != tt.answer {
					t.Errorf("got %s\nwant %s", got, tt.answer)
				}
				if diff := cmp.Diff(tt.queries, net.queriesBut(" . NS")); diff != "" {
					t.Errorf("queries (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// unreachable makes one line for each of a dozen servers.
func unreachable(line func(int) string) (lines []string) {
	for i := range 12 {
		lines = append(lines, line(i))
	}
	return lines
}

func TestRecursorAgainstFaults(t *testing.T) {
	t.Parallel()
	refusal := func(rcode int) behaviour {
		return func(network string, query *dns.Msg) [][]byte {
			reply := new(dns.Msg)
			reply.SetRcode(query, rcode)
			return [][]byte{pack(network, query, reply)}
		}
	}
	// replies has records in its sections: answer, authority, additional.
	replies := func(authoritative bool, answer, authority, additional string) behaviour {
		read := func(text string) (records []dns.RR) {
			for line := range strings.Lines(text) {
				records = append(records, rr(strings.TrimSpace(line)))
			}
			return records
		}
		return func(network string, query *dns.Msg) [][]byte {
			reply := new(dns.Msg)
			reply.SetReply(query)
			reply.Authoritative = authoritative
			reply.Answer, reply.Ns, reply.Extra = read(answer), read(authority), read(additional)
			return [][]byte{pack(network, query, reply)}
		}
	}
	const question = "mx.example.test. A"
	const good = "NOERROR, 192.0.2.80"
	both := func(b behaviour) map[string]behaviour {
		return map[string]behaviour{"192.0.2.10": b, "192.0.2.11": b}
	}
	for _, tt := range []struct {
		name    string
		changes map[string]behaviour
		ask     string // default: question
		want    string // a part of the answer or the error
		within  time.Duration
		most    int // queries
		never   string
	}{
		{name: "all is well", want: good, most: 4},
		{name: "one server is dead", changes: map[string]behaviour{"192.0.2.10": nil}, want: good, most: 4},
		{name: "one server is silent", changes: map[string]behaviour{"192.0.2.10": silent}, want: good, within: serverTimeout},
		{name: "all servers are dead", changes: both(nil), want: "no server of zone example.test. gave an answer: 192.0.2.1", most: 4},
		{name: "most addresses cannot be reached, as those of IPv6 where there is none", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", strings.Join(unreachable(func(i int) string { return fmt.Sprintf("example.test. 60 NS ns%d.test.", i) }), "\n"),
				strings.Join(unreachable(func(i int) string {
					if i == 0 {
						return "ns0.test. 60 A 192.0.2.10"
					}
					return fmt.Sprintf("ns%d.test. 60 AAAA 2001:db8::%d", i, i)
				}), "\n"))}, want: good},
		{name: "all servers are silent", changes: both(silent), want: "no reply in time", within: 10 * time.Second},
		{name: "one server fails", changes: map[string]behaviour{"192.0.2.10": refusal(dns.RcodeServerFailure)}, want: good, most: 5},
		{name: "one server refuses", changes: map[string]behaviour{"192.0.2.10": refusal(dns.RcodeRefused)}, want: good, most: 5},
		{name: "one refuses and one fails: the failure is told", changes: map[string]behaviour{
			"192.0.2.10": refusal(dns.RcodeRefused), "192.0.2.11": refusal(dns.RcodeServerFailure)}, want: "SERVFAIL", most: 5},
		{name: "one server refers upwards", changes: map[string]behaviour{"192.0.2.10": replies(false, "", ". 60 NS a.root.", "a.root. 60 A 192.0.2.1")}, want: good, most: 5},
		{name: "one server refers to the zone itself", changes: map[string]behaviour{"192.0.2.10": replies(false, "", "example.test. 60 NS ns1.example.test.", "")}, want: good, most: 5},
		{name: "one server refers to another zone", changes: map[string]behaviour{"192.0.2.10": replies(false, "", "org. 60 NS ns.org.", "")}, want: good, most: 5},
		{name: "one server has an empty reply", changes: map[string]behaviour{"192.0.2.10": replies(false, "", "", "")}, want: good, most: 5},
		{name: "an empty reply with authority is a denial", changes: both(replies(true, "", "", "")), want: "NOERROR", most: 4},
		{name: "the SOA record of another zone denies nothing", changes: map[string]behaviour{"192.0.2.10": replies(false, "", "org. 60 SOA a. b. 1 2 3 4 60", "")}, want: good, most: 5},
		{name: "data without the AA bit is data", changes: both(replies(false, question[:17]+" 60 A 192.0.2.80", "", "")), want: good, most: 4},
		{name: "records out of the zone are dropped",
			changes: both(replies(true, question[:17]+" 60 A 192.0.2.80\nexample.org. 60 A 192.0.2.66", "org. 60 NS evil.test.", "")), want: good, most: 4},
		{name: "a server without EDNS is asked without", changes: both(func(network string, query *dns.Msg) [][]byte {
			if query.IsEdns0() != nil {
				return refusal(dns.RcodeFormatError)(network, query)
			}
			return authority(exampleZone)(network, query)
		}), want: good, most: 5},
		{name: "glue for another zone is not taken", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", "example.test. 60 NS ns.example.org.", "ns.example.org. 60 A 192.0.2.66"),
			"192.0.2.20": authority(`example.org.
				ns A 192.0.2.10`)}, want: good, never: "192.0.2.66"},
		{name: "loopback addresses in data are not asked", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", "example.test. 60 NS ns.example.test.", "ns.example.test. 60 A 127.0.0.1\nns.example.test. 60 AAAA ::ffff:127.0.0.1\nns.example.test. 60 A 224.0.0.1\nns.example.test. 60 AAAA fe80::1")},
			want: "has no name server with an address that may be asked", never: "127.0.0.1"},
		{name: "glue that did not fit is asked for", changes: map[string]behaviour{
			"192.0.2.2": func(network string, query *dns.Msg) [][]byte {
				if strings.HasPrefix(strings.ToLower(query.Question[0].Name), "ns1.") {
					return authority(testZone)(network, query)
				}
				return replies(false, "", "example.test. 60 NS ns1.example.test.", "")(network, query)
			}}, want: good, most: 6},
		{name: "a referral in answer to DS, with the records", ask: "example.test. DS", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", "example.test. 60 NS ns1.example.test.\nexample.test. 60 DS 1 13 2 00\nexample.test. 60 RRSIG DS 13 2 60 20300101000000 20200101000000 1 test. c2ln", "")},
			want: "NOERROR, 1 13 2 00, DS 13", most: 2},
		{name: "a referral in answer to DS, with no word of them", ask: "example.test. DS", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", "example.test. 60 NS ns1.example.test.", "")}, want: "referral, not an answer", most: 2},
		{name: "a name server that is an alias", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", "example.test. 60 NS alias.example.org.", ""),
			"192.0.2.20": authority(`example.org.
				alias CNAME ns
				ns A 192.0.2.10`)}, want: "has no name server with an address"},
		{name: "zones that serve each other", changes: map[string]behaviour{
			"192.0.2.2": replies(false, "", "example.test. 60 NS ns.example.org.", ""),
			"192.0.2.3": replies(false, "", "example.org. 60 NS ns.example.test.", "")}, want: "has no name server with an address", most: 12},
		{name: "a zone whose servers are named after ever other zones (TsuNAME)", changes: map[string]behaviour{
			"192.0.2.2": func(network string, query *dns.Msg) [][]byte {
				labels := dns.SplitDomainName(query.Question[0].Name)
				cut := strings.ToLower(labels[max(0, len(labels)-2)])
				return replies(false, "", fmt.Sprintf("%s.test. 60 NS ns.x%s.test.", cut, cut), "")(network, query)
			}}, want: "has no name server with an address", most: maxResolutionQueries},
		{name: "a delegation to very many names (NXNSAttack)", changes: map[string]behaviour{
			"192.0.2.2": func(network string, query *dns.Msg) [][]byte {
				var names strings.Builder
				for i := range 500 {
					fmt.Fprintf(&names, "example.test. 60 NS ns%d.victim.org.\n", i)
				}
				return replies(false, "", names.String(), "")("tcp", query)
			},
			"192.0.2.3": func(network string, query *dns.Msg) [][]byte { return authority("org.\na NS b")(network, query) }},
			want: "has no name server with an address", most: maxResolutionQueries},
		{name: "delegations without end", ask: strings.Repeat("a.", 60) + "test. A", changes: map[string]behaviour{
			"192.0.2.2": func(network string, query *dns.Msg) [][]byte {
				name := strings.ToLower(query.Question[0].Name)
				return replies(false, "", name+" 60 NS ns."+name, "ns."+name+" 60 A 192.0.2.2")(network, query)
			}}, want: "more than 32 delegations", most: 34},
		{name: "an empty non-terminal that is called nonexistent", ask: "deep.er.name.example.test. A", changes: both(func(network string, query *dns.Msg) [][]byte {
			if len(dns.SplitDomainName(query.Question[0].Name)) < 5 {
				return refusal(dns.RcodeNameError)(network, query)
			}
			return authority(exampleZone)(network, query)
		}), want: "NOERROR, 192.0.2.81", most: 5},
		{name: "a delegation that the servers of the zone know nothing of", changes: both(authority("other.test.")), want: "REFUSED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, internet(tt.changes))
				recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
				start := time.Now()
				if tt.ask == "" {
					tt.ask = question
				}
				_, got := askRecursor(t, recursor, tt.ask)
				if !strings.Contains(got, tt.want) {
					t.Errorf("got %s\nwant %s", got, tt.want)
				}
				if strings.Contains(got, "192.0.2.66") {
					t.Errorf("forged data came through: %s", got)
				}
				if elapsed := time.Since(start); elapsed > tt.within {
					t.Errorf("took %s, want %s at most", elapsed, tt.within)
				}
				if n := len(net.queriesBut(" . NS")); tt.most > 0 && n > tt.most {
					t.Errorf("%d queries, want %d at most: %q", n, tt.most, net.log)
				}
				if tt.never != "" && net.queries(tt.never) > 0 {
					t.Errorf("asked %s", tt.never)
				}
			})
		})
	}
}

func TestRecursorAvoidsServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(nil))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		first, _ := askRecursor(t, recursor, "example.test. MX")
		second, _ := askRecursor(t, recursor, "example.test. MX", first.Server)
		if second == nil || second.Server == first.Server {
			t.Errorf("asked %v after %v", second, first)
		}
		if n := net.queries("192.0.2.2 udp example.test."); n != 2 {
			t.Errorf("the delegation was asked for %d times, want again", n)
		}
		if _, got := askRecursor(t, recursor, "example.test. MX", first.Server, second.Server); got != ErrExhausted.Error() {
			t.Errorf("got %s, want ErrExhausted", got)
		}
		// The DS records of the referral came from the server of test.
		ds, _ := askRecursor(t, recursor, "example.test. DS")
		if ds.Server != "192.0.2.2:53 by referral" || ds.Elapsed != 0 {
			t.Errorf("DS from %s in %s", ds.Server, ds.Elapsed)
		}
		again, _ := askRecursor(t, recursor, "example.test. DS", ds.Server)
		if again == nil || again.Server != "192.0.2.2:53" {
			t.Errorf("DS from %v after %s", again, ds.Server)
		}
		if _, got := askRecursor(t, recursor, "example.test. DS", ds.Server, again.Server); got != ErrExhausted.Error() {
			t.Errorf("DS: got %s, want ErrExhausted", got)
		}
	})
}

// What may be wrong is the server; another one may be known by name alone.
func TestRecursorLooksForOtherServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{
			"192.0.2.2":  authority("test.\nexample NS ns1.example\nexample NS ns.example.org.\nns1.example A 192.0.2.10"),
			"192.0.2.20": authority("example.org.\nns A 192.0.2.11"),
		}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		first, _ := askRecursor(t, recursor, "example.test. MX")
		second, got := askRecursor(t, recursor, "example.test. MX", first.Server)
		if second == nil || second.Server != "192.0.2.11:53" {
			t.Errorf("got %s", got)
		}
	})
}

func TestRecursorForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(nil))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, recursor, "example.test. DS")
		askRecursor(t, recursor, "example.test. MX")
		time.Sleep(50 * time.Second)
		if reply, _ := askRecursor(t, recursor, "example.test. DS"); reply.Msg.Answer[1].Header().Ttl != 3550 {
			t.Errorf("TTL after 50 s: %v", reply.Msg.Answer[1])
		}
		if n := net.queries("192.0.2.2 "); n != 2 {
			t.Errorf("%d queries to test, want 2", n)
		}
		time.Sleep(time.Hour)
		askRecursor(t, recursor, "example.test. MX")
		if n := net.queries("192.0.2.2 "); n != 3 {
			t.Errorf("after the delegation's TTL: %d queries to test, want 3", n)
		}
	})
}

func TestRecursorChoosesServers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		other  behaviour // at 192.0.2.11
		prefer string
	}{
		{"the faster one", slow(300*time.Millisecond, authority(exampleZone)), "192.0.2.10"},
		{"the one that answers", silent, "192.0.2.10"},
		{"the one that is not lame", authority("other.test."), "192.0.2.10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, internet(map[string]behaviour{
					"192.0.2.10": slow(10*time.Millisecond, authority(exampleZone)), "192.0.2.11": tt.other}))
				recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
				for range 20 {
					if _, got := askRecursor(t, recursor, "example.test. MX"); got != "NOERROR, 10 mx.example.test." {
						t.Fatal(got)
					}
				}
				if n := net.queries("192.0.2.11"); n > 5 { // as many packets as one query sends
					t.Errorf("%d of 20 queries went to the other", n)
				}
			})
		})
	}
}

// Each query to a server is admitted, and over before the next one to it is. A server that is not
// admitted now is asked the next time: nothing was learned of it.
func TestRecursorAdmits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": authority(exampleZone), "192.0.2.11": silent}))
		var mu sync.Mutex // guards these, as servers are asked concurrently
		var admitted []string
		asked, refuse := 0, errors.New("not now")
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		recursor.Admit = func(_ context.Context, server netip.Addr) (func(*Reply, error), error) {
			mu.Lock()
			defer mu.Unlock()
			if refuse != nil && server != netip.MustParseAddr("192.0.2.1") && server != netip.MustParseAddr("192.0.2.2") {
				return nil, refuse
			}
			admitted, asked = append(admitted, server.String()), asked+1
			return func(reply *Reply, err error) {
				mu.Lock()
				defer mu.Unlock()
				asked--
				if silence := server == netip.MustParseAddr("192.0.2.11"); silence != (err != nil) || !silence && (reply == nil || reply.Network != "udp") {
					t.Errorf("%s: the query is over with %+v, %v", server, reply, err)
				}
			}, nil
		}
		if _, err := recursor.Exchange(t.Context(), &Query{Msg: question("example.test.", dns.TypeMX)}); !errors.Is(err, refuse) {
			t.Errorf("servers that are not admitted: error %v", err)
		}
		if n := net.queries("192.0.2.10") + net.queries("192.0.2.11"); n != 0 {
			t.Errorf("they got %d queries", n)
		}
		mu.Lock()
		refuse, admitted = nil, nil
		mu.Unlock()
		if _, got := askRecursor(t, recursor, "example.test. MX"); got != "NOERROR, 10 mx.example.test." {
			t.Fatal(got)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if n := net.queries("192.0.2.10"); n == 0 || asked != 0 || !slices.Contains(admitted, "192.0.2.10") {
			t.Errorf("%d packets to a server, admitted %v, %d queries are not over", n, admitted, asked)
		}
	})
}

// Reply.PassedOver names the server that was not admitted, as it does others. An Admit that does
// not want to know what comes of a query returns no function.
func TestServersThatAreNotAdmittedArePassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(nil))
		refuse := errors.New("not now")
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		var once sync.Once
		var refused netip.Addr
		recursor.Admit = func(_ context.Context, server netip.Addr) (func(*Reply, error), error) {
			var err error
			if slices.Contains([]string{"192.0.2.10", "192.0.2.11"}, server.String()) {
				once.Do(func() { refused, err = server, refuse })
			}
			return nil, err
		}
		reply, err := recursor.Exchange(t.Context(), &Query{Msg: question("example.test.", dns.TypeMX)})
		if err != nil || len(reply.PassedOver) != 1 {
			t.Fatalf("%+v, %v", reply, err)
		}
		e, ok := errors.AsType[*Error](reply.PassedOver[0])
		if !ok || e.Server != netip.AddrPortFrom(refused, port).String() || e.Name != "example.test." || e.Type != dns.TypeMX || !errors.Is(e, refuse) {
			t.Errorf("passed over: %#v", reply.PassedOver[0])
		}
	})
}

// A zone whose servers are all dead costs less the second time.
func TestRecursorRemembersSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": silent, "192.0.2.11": silent}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		for _, most := range []time.Duration{10 * time.Second, 3 * time.Second} {
			start := time.Now()
			askRecursor(t, recursor, "example.test. MX")
			if elapsed := time.Since(start); elapsed > most {
				t.Errorf("took %s, want %s at most", elapsed, most)
			}
		}
	})
}

func TestRecursorEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{"192.0.2.1": silent}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := recursor.Exchange(ctx, &Query{Msg: question("example.test.", dns.TypeMX)})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Name != "example.test." || e.Type != dns.TypeMX {
			t.Errorf("%v does not name the question", err)
		}
	})
}

// Who admits queries is told what came of them.
func TestRecursorAdmitsAndTells(t *testing.T) {
	t.Parallel()
	truncated := func(network string, query *dns.Msg) [][]byte {
		if network == "tcp" {
			return authority(exampleZone)(network, query)
		}
		return serveReply(func(r *dns.Msg) { r.Truncated = true })(network, query)
	}
	for _, tt := range []struct {
		name   string
		server behaviour
		want   string
	}{
		{"a reply", authority(exampleZone), "udp NOERROR"},
		{"over TCP after UDP", truncated, "tcp NOERROR"},
		{"a refusal", serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeRefused }), "udp REFUSED"},
		{"silence", silent, "no reply in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, internet(map[string]behaviour{"192.0.2.10": tt.server, "192.0.2.11": tt.server}))
				var mu sync.Mutex
				var got []string
				recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
				recursor.Admit = func(_ context.Context, server netip.Addr) (func(*Reply, error), error) {
					return func(reply *Reply, err error) {
						mu.Lock()
						defer mu.Unlock()
						switch {
						case server.String() != "192.0.2.10" && server.String() != "192.0.2.11":
						case err != nil:
							got = append(got, err.Error())
						default:
							got = append(got, reply.Network+" "+dns.RcodeToString[reply.Msg.Rcode])
						}
					}, nil
				}
				recursor.Exchange(t.Context(), &Query{Msg: question("example.test.", dns.TypeMX)})
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, tt.want) }) {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}
