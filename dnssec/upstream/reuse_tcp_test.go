package upstream

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// A query may go over TCP at the very moment when it is asked again over UDP, since the first reply
// was suspect. The first packet of that brings the reply, but the query over TCP is still there.
func TestQueryOverTCPOutlivesItsNeed(t *testing.T) {
	t.Parallel()
	const address = "192.0.2.1"
	synctest.Test(t, func(t *testing.T) {
		fake := newNet(t, map[string]behaviour{address: func(network string, query *dns.Msg) [][]byte {
			reply := new(dns.Msg)
			reply.SetReply(query)
			reply.Answer = append(reply.Answer, rr("name.test. 60 TXT x"))
			if network == "tcp" {
				time.Sleep(time.Second)
				return nil
			}
			return [][]byte{pack(network, query, reply)}
		}})
		for range 1000 {
			c := &Client{Address: address, Dial: lowering(fake.dial), Timeout: 8 * fallbackDelay}
			if _, err := c.Exchange(t.Context(), &Query{Msg: question("name.test.", dns.TypeTXT)}); err != nil {
				t.Error(err)
			}
		}
	})
}

// lowering makes letters of what comes over UDP lower case.
func lowering(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if network == "udp" {
			conn = loweringConn{conn}
		}
		return conn, err
	}
}

type loweringConn struct{ net.Conn }

func (c loweringConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for i := headerSize; i < n && b[i] != 0; i++ {
		b[i] = lower(b[i])
	}
	return n, err
}

// A query that goes over TCP as well may outlive the Exchange that it belongs to. The caller may
// then change the message, or use it for something else.
func TestMessagesShareNothingWithTheQuery(t *testing.T) {
	t.Parallel()
	query := question("name.test.", dns.TypeTXT)
	query.Ns = []dns.RR{rr("name.test. 60 SOA a. b. 1 2 3 4 60")}
	m := new(plainMessage)
	if err := m.set(query); err != nil {
		t.Fatal(err)
	}
	query.Question[0] = dns.Question{Name: "other.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET}
	query.Ns[0].(*dns.SOA).Hdr.Name = "other.test."
	query.IsEdns0().SetUDPSize(4000)
	later, err := m.withCookie("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.wire[2:], later.wire[2:]); diff != "" { // behind the ID
		t.Errorf("the message as it is later (-first +later):\n%s", diff)
	}
}
