package upstream

import (
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// comparingCase is a server that looks names up as they are written, as mock resolvers do
// that have a map of names: what is written otherwise does not exist, for certain.
func comparingCase(name string) func(net.Addr, *dns.Msg) [][]byte {
	return func(_ net.Addr, query *dns.Msg) [][]byte {
		reply := new(dns.Msg)
		reply.SetReply(query)
		reply.AuthenticatedData = true
		if query.Question[0].Name == name {
			reply.Answer = []dns.RR{rr(name + " 60 A 192.0.2.1")}
		} else {
			reply.Rcode = dns.RcodeNameError
		}
		return [][]byte{pack("udp", query, reply)}
	}
}

func TestNamesKeepTheirCase(t *testing.T) {
	t.Parallel()
	const name = "a-Name-with-so-many-letters-that-chance-does-not-write-it-so.signed.test."
	for _, tt := range []struct {
		name          string
		client, query bool
		want          int
	}{
		{"by default the case is random", false, false, dns.RcodeNameError},
		{"a Client keeps it for all queries", true, false, dns.RcodeSuccess},
		{"a query keeps it for itself", false, true, dns.RcodeSuccess},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := &Client{Address: serveUDP(t, comparingCase(name)), KeepCase: tt.client}
			for _, through := range []Exchanger{client, &Pool{Exchangers: []Exchanger{client}}, &Recorder{Exchanger: client}} {
				reply, err := through.Exchange(t.Context(), &Query{Msg: plain(name, dns.TypeA), KeepCase: tt.query})
				if err != nil {
					t.Fatal(err)
				}
				if reply.Msg.Rcode != tt.want || reply.Msg.Question[0].Name != name {
					t.Errorf("%T: %v, want %s", through, reply.Msg, rcodeText(tt.want))
				}
			}
		})
	}
}

func TestNamesInRandomCase(t *testing.T) {
	t.Parallel()
	const name = "a-name-with-many-letters.Signed.TEST."
	var mu sync.Mutex
	seen := map[string]bool{}
	address := serveUDP(t, func(_ net.Addr, query *dns.Msg) [][]byte {
		mu.Lock()
		seen[query.Question[0].Name] = true
		reply := resolve(query)
		reply.Compress = len(seen)%2 == 0
		mu.Unlock()
		wire, err := reply.Pack()
		if err != nil {
			t.Error(err)
		}
		return [][]byte{wire}
	})
	asker := &Client{Address: address}
	for range 10 {
		reply, err := asker.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
		wantAnswer(t, reply, err, address+" udp")
		if q, owner := reply.Msg.Question[0].Name, reply.Msg.Answer[0].Header().Name; q != name || owner != name {
			t.Errorf("got %s and %s", q, owner)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) < 9 {
		t.Errorf("asked as %v", seen)
	}
	for asked := range seen {
		if !strings.EqualFold(asked, name) {
			t.Errorf("asked for %s", asked)
		}
	}
}

func TestServersThatChangeTheCase(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	address := serveUDP(t, func(_ net.Addr, query *dns.Msg) [][]byte {
		asked.Add(1)
		query.Question[0].Name = strings.ToLower(query.Question[0].Name)
		return good("udp", query)
	})
	asker := &Client{Address: address}
	const name = "A-Name-With-Many-Letters.signed.test."
	for _, want := range []int32{2, 3} {
		reply, err := asker.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
		wantAnswer(t, reply, err, address+" udp")
		if got := asked.Load(); got != want || reply.Msg.Question[0].Name != name {
			t.Errorf("%d queries, want %d; got %v", got, want, reply.Msg)
		}
	}
}

func TestNamesWithoutLetters(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{".": false, "1.2.3.": false, `\200@[{.`: false, "1.x.": true, "Z.": true} {
		m, err := newMessage(question(name, dns.TypeA))
		if err != nil {
			t.Fatal(err)
		}
		before := string(m.question)
		if m.randomizeCase(slices.Clone(m.name)); m.randomCase != want || !strings.EqualFold(before, string(m.question)) {
			t.Errorf("%s: mixed %t, %q from %q", name, m.randomCase, m.question, before)
		}
	}
}
