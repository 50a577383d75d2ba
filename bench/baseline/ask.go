//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ask reads domains and asks the server about each.
func ask(server string, concurrency int, domains io.Reader, stdout io.Writer) error {
	names := make(chan string)
	var clients sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range concurrency {
		clients.Go(func() {
			conn, err := net.Dial("udp", server)
			if err == nil {
				defer conn.Close()
			}
			for name := range names {
				if err != nil {
					continue
				}
				start := time.Now()
				plan := (&client{conn: conn}).plan(dns.Fqdn(name))
				elapsed := time.Since(start)
				mu.Lock()
				fmt.Fprintf(stdout, "{\"domain\":%q,\"plan\":%q,\"dns_ms\":%.3f}\n", strings.TrimSuffix(name, "."), plan, float64(elapsed.Microseconds())/1000)
				mu.Unlock()
			}
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	lines := bufio.NewScanner(domains)
	for lines.Scan() {
		names <- strings.TrimSpace(lines.Text())
	}
	close(names)
	clients.Wait()
	if err := lines.Err(); err != nil {
		return err
	}
	return failed
}

// A client asks one domain's questions.
type client struct{ conn net.Conn }

// plan is what a sender that believes the AD bit would do.
func (c *client) plan(name string) string {
	mx, ok := c.round(dns.Question{Name: name, Qtype: dns.TypeMX})
	if !ok {
		return "skip"
	}
	host, preference := name, 1<<16
	for _, rr := range mx[0].Answer {
		if rr, ok := rr.(*dns.MX); ok && int(rr.Preference) < preference {
			host, preference = rr.Mx, int(rr.Preference)
		}
	}
	replies, ok := c.round(
		dns.Question{Name: host, Qtype: dns.TypeA}, dns.Question{Name: host, Qtype: dns.TypeAAAA},
		dns.Question{Name: "_25._tcp." + host, Qtype: dns.TypeTLSA},
	)
	switch tlsa := 2; {
	case !ok:
		return "skip"
	case mx[0].AuthenticatedData && replies[0].AuthenticatedData && replies[tlsa].AuthenticatedData && len(replies[tlsa].Answer) > 0:
		return "must-authenticate"
	}
	return "may-encrypt"
}

// round sends questions at once, and waits for all replies. It is not ok if one of
// them says that the resolver failed, or does not come after three attempts.
func (c *client) round(questions ...dns.Question) (replies []*dns.Msg, ok bool) {
	replies = make([]*dns.Msg, len(questions))
	id := uint16(rand.Uint32())
	missing := len(questions)
	buffer := make([]byte, dns.MaxMsgSize)
	for range 3 {
		for i, q := range questions {
			if replies[i] != nil {
				continue
			}
			msg := &dns.Msg{MsgHdr: dns.MsgHdr{Id: id + uint16(i), RecursionDesired: true, AuthenticatedData: true}}
			msg.Question = []dns.Question{{Name: q.Name, Qtype: q.Qtype, Qclass: dns.ClassINET}}
			msg.SetEdns0(1232, false)
			wire, err := msg.Pack()
			if err != nil {
				return nil, false
			}
			c.conn.Write(wire) // a lost query is sent again
		}
		c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		for missing > 0 {
			n, err := c.conn.Read(buffer)
			if err != nil {
				break
			}
			msg := new(dns.Msg)
			if msg.Unpack(buffer[:n]) != nil {
				continue
			}
			if i := int(msg.Id - id); i < len(replies) && replies[i] == nil {
				replies[i] = msg
				missing--
			}
		}
		if missing == 0 {
			break
		}
	}
	for _, reply := range replies {
		if reply == nil || reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError {
			return nil, false
		}
	}
	return replies, true
}
