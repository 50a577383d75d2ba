package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/frame"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// A behaviour is how a server reacts to a query: the packets it sends back, if any.
type behaviour func(network string, query *dns.Msg) [][]byte

// A fakeNet has servers at addresses, with connections made of net.Pipe, so that
// time in it is that of a synctest bubble. Where there is no server, connections
// are refused.
type fakeNet struct {
	servers map[string]behaviour // by IP address
	running sync.WaitGroup
	mu      sync.Mutex
	log     []string // "address network name type" of each query that came in
}

// newNet returns a fakeNet. The test, and its bubble, lasts until its servers have
// sent what they meant to.
func newNet(t *testing.T, servers map[string]behaviour) *fakeNet {
	f := &fakeNet{servers: servers}
	t.Cleanup(f.running.Wait)
	return f
}

func (f *fakeNet) dial(_ context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	serve := f.servers[host]
	if serve == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	f.running.Go(func() { // ends when the client closes
		defer server.Close()
		for {
			query, err := read(network, server)
			if err != nil {
				return
			}
			asked := query.Question[0].Name
			query.Question[0].Name = strings.ToLower(asked) // behaviours need not know of 0x20
			f.mu.Lock()
			f.log = append(f.log, fmt.Sprintf("%s %s %s %s", host, network, query.Question[0].Name, dns.Type(query.Question[0].Qtype)))
			f.mu.Unlock()
			f.running.Go(func() { // beside the next query: a Write to a pipe waits for the reader
				for _, packet := range serve(network, query) {
					if packet == nil {
						server.Close()
					}
					if frame.Write(network, server, recase(packet, asked)) != nil {
						return
					}
				}
			})
		}
	})
	return client, nil
}

// recase returns a packet with the name in the case in which it was asked for, as
// servers give it back. Letters in which it differs from that go on to differ.
func recase(packet []byte, asked string) []byte {
	name := make([]byte, maxMessage)
	end, err := dns.PackDomainName(asked, name, 0, nil, false)
	if err != nil || len(packet) < headerSize+end {
		return packet
	}
	packet = bytes.Clone(packet)
	for i, b := range name[:end] {
		packet[headerSize+i] ^= b ^ lower(b)
	}
	return packet
}

func read(network string, conn net.Conn) (*dns.Msg, error) {
	packet, err := frame.Read(network, conn)
	if err != nil {
		return nil, err
	}
	query := new(dns.Msg)
	return query, query.Unpack(packet)
}

// queries returns how many that contain the words have come in.
func (f *fakeNet) queries(words string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, line := range f.log {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// pool returns a Pool of Clients in the fakeNet.
func (f *fakeNet) pool(addresses ...string) *Pool {
	p := new(Pool)
	for _, address := range addresses {
		p.Exchangers = append(p.Exchangers, &Client{Address: address, Dial: f.dial})
	}
	return p
}

func rr(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// sig is a signature in form: nobody here verifies it.
func sig(owner, covered string) dns.RR {
	return rr(owner + " 60 RRSIG " + covered + " 13 1 60 20300101000000 20200101000000 1 . c2lnbmF0dXJl")
}

// resolve is what a good forwarder says, in a DNS with the signed root, the signed
// zone signed.test, the unsigned zone unsigned.test and the broken zone
// broken.test, whose servers fail. large.test has an answer of 2000 octets.
func resolve(query *dns.Msg) *dns.Msg {
	reply := new(dns.Msg)
	reply.SetReply(query)
	reply.RecursionAvailable = true
	opt := query.IsEdns0()
	do := opt != nil && opt.Do()
	if opt != nil {
		reply.SetEdns0(wireform.UDPSize, do)
	}
	q := query.Question[0]
	name := strings.ToLower(q.Name)
	soa := rr(". 60 SOA a. b. 1 2 3 4 60")
	switch {
	case strings.HasSuffix(name, "broken.test."):
		reply.Rcode = dns.RcodeServerFailure
	case strings.HasSuffix(name, "unsigned.test."):
		reply.Answer = append(reply.Answer, rr(q.Name+" 60 A 192.0.2.80"))
	case strings.HasSuffix(name, "large.test."):
		for i := range 10 {
			reply.Answer = append(reply.Answer, rr(fmt.Sprintf("%s 60 TXT %q", q.Name, strings.Repeat(string(rune('a'+i)), 200))))
		}
		reply.Answer = append(reply.Answer, sig(q.Name, "TXT"))
	case strings.HasSuffix(name, "signed.test."):
		record := q.Name + " 60 A 192.0.2.81"
		if q.Qtype == dns.TypeTLSA {
			record = q.Name + " 60 TLSA 3 1 1 00"
		}
		reply.Answer = append(reply.Answer, rr(record), sig(q.Name, dns.TypeToString[q.Qtype]))
	case name == "." && q.Qtype == dns.TypeDNSKEY:
		reply.Answer = append(reply.Answer, rr(". 60 DNSKEY 257 3 13 a2V5"), sig(".", "DNSKEY"))
	case name == "." && q.Qtype == dns.TypeSOA:
		reply.Answer = append(reply.Answer, soa, sig(".", "SOA"))
	default:
		reply.Rcode = dns.RcodeNameError
		reply.Ns = append(reply.Ns, soa, sig(".", "SOA"), rr(". 60 NSEC test. NS SOA"), sig(".", "NSEC"))
	}
	if !do {
		strip(reply)
	}
	return reply
}

// strip removes the records of DNSSEC but DNSKEY, as stubs do.
func strip(reply *dns.Msg) {
	for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
		var kept []dns.RR
		for _, rr := range *section {
			switch rr.Header().Rrtype {
			case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
			default:
				kept = append(kept, rr)
			}
		}
		*section = kept
	}
}

// pack gives the reply in wire form, truncated if the network is UDP and the query
// asks for less.
func pack(network string, query, reply *dns.Msg) []byte {
	if network == "udp" {
		size := minUDPSize
		if opt := query.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		reply.Truncate(size)
	}
	wire, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	return wire
}

func good(network string, query *dns.Msg) [][]byte {
	return [][]byte{pack(network, query, resolve(query))}
}

func silent(string, *dns.Msg) [][]byte { return nil }

// but is a good server whose replies are changed.
func but(change func(query, reply *dns.Msg)) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		reply := resolve(query)
		change(query, reply)
		return [][]byte{pack(network, query, reply)}
	}
}

func stripping(_, reply *dns.Msg) { strip(reply) }

func refusing(rcode int) func(_, reply *dns.Msg) {
	return func(_, reply *dns.Msg) { reply.Answer, reply.Ns, reply.Rcode = nil, nil, rcode }
}

// cut is a server whose messages end within a record, which is what nobody can read. A record
// that is wrong in itself is no reason: see package wireform.
func cut(serve behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		packets := serve(network, query)
		for i, packet := range packets {
			packets[i] = packet[:len(packet)-3]
		}
		return packets
	}
}

func isDNSSEC(query *dns.Msg) bool {
	opt := query.IsEdns0()
	return opt != nil && opt.Do()
}

// ifDNSSEC changes replies to queries with the DO bit only.
func ifDNSSEC(change func(query, reply *dns.Msg)) func(query, reply *dns.Msg) {
	return func(query, reply *dns.Msg) {
		if isDNSSEC(query) {
			change(query, reply)
		}
	}
}

// wire changes the packets of a good server over UDP; over TCP it stays good.
func wire(change func(packet []byte) [][]byte) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		packets := good(network, query)
		if network == "tcp" {
			return packets
		}
		return change(packets[0])
	}
}

// slow waits before it answers.
func slow(wait time.Duration, serve behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		time.Sleep(wait)
		return serve(network, query)
	}
}

// first serves one query in one way, and those after it in another.
func first(once, then behaviour) behaviour {
	var served atomic.Bool
	return func(network string, query *dns.Msg) [][]byte {
		if served.CompareAndSwap(false, true) {
			return once(network, query)
		}
		return then(network, query)
	}
}

// firstPackets serves the five packets of a Client's query over UDP for signed.test in
// one way, and whatever else comes in another.
func firstPackets(once, then behaviour) behaviour {
	query := then
	for range 5 {
		query = first(once, query)
	}
	return func(network string, msg *dns.Msg) [][]byte {
		if msg.Question[0].Name == "signed.test." {
			return query(network, msg)
		}
		return then(network, msg)
	}
}

// question is a query as a validator sends it.
func question(name string, qtype uint16) *dns.Msg {
	msg := new(dns.Msg)
	msg.SetQuestion(name, qtype)
	msg.CheckingDisabled = true
	msg.SetEdns0(wireform.UDPSize, true)
	return msg
}

// plain is a query as others send it.
func plain(name string, qtype uint16) *dns.Msg {
	msg := new(dns.Msg)
	msg.SetQuestion(name, qtype)
	return msg
}

func wantAnswer(t *testing.T, reply *Reply, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.Server + " " + reply.Network; got != want {
		t.Errorf("reply from %s, want %s", got, want)
	}
	if len(reply.Msg.Answer) == 0 {
		t.Errorf("no answer in %v", reply.Msg)
	}
}

// byNetwork is a server that behaves in another way over TCP than over UDP.
func byNetwork(udp, tcp behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		if network == "tcp" {
			return tcp(network, query)
		}
		return udp(network, query)
	}
}

func failsDenials(query, reply *dns.Msg) {
	if isDNSSEC(query) && reply.Rcode == dns.RcodeNameError {
		refusing(dns.RcodeServerFailure)(query, reply)
	}
}

// outcome is what a caller sees: server and network of an answer, with the rcode of
// a refusal, or the error.
func outcome(reply *Reply, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case isRefusal(reply.Msg):
		return reply.Server + " " + rcodeText(reply.Msg.Rcode)
	}
	return reply.Server + " " + reply.Network
}

func closeAll(pool *Pool) {
	for _, e := range pool.Exchangers {
		e.(*Client).CloseIdleConnections()
	}
}

func closing(string, *dns.Msg) [][]byte { return [][]byte{nil} }

// named serves each name in its own way, and others well.
func named(servers map[string]behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		label, _, _ := strings.Cut(query.Question[0].Name, ".")
		if serve := servers[label]; serve != nil {
			return serve(network, query)
		}
		return good(network, query)
	}
}

// withoutTCP is a server that is there for UDP only.
func withoutTCP(serve behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		if network == "tcp" {
			return closing(network, query)
		}
		return serve(network, query)
	}
}

// headerAlone is a refusal without the question.
func headerAlone(query *dns.Msg, rcode int) []byte {
	reply := &dns.Msg{MsgHdr: dns.MsgHdr{Id: query.Id, Response: true, Opcode: query.Opcode, Rcode: rcode}}
	wire, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	return wire
}

// newMessage returns the message of a query.
func newMessage(query *dns.Msg) (*message, error) {
	m := new(plainMessage)
	err := m.set(query)
	return &m.message, err
}
