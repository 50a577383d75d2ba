// Package nsupdatetest has a primary name server in memory that knows TSIG and dynamic
// updates, for tests of what sends them. Its rules are those of RFC 2136 §3.
package nsupdatetest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Primary serves one zone. Change its fields before the first connection.
type Primary struct {
	Zone              string // its SOA is made up
	KeyName, KeyAlgo  string
	Secret            string                                       // base64
	Skew              time.Duration                                // by which its clock is ahead
	NoUpdates         bool                                         // it refuses them
	Before            func(*dns.Msg)                               // sees each request that is signed well, before it is answered
	Reply             func(request, reply *dns.Msg) bool           // changes a reply before it is signed; false drops it
	Packed            func(request *dns.Msg, packed []byte) []byte // changes what is sent
	mu                sync.Mutex
	records           []dns.RR
	updates, requests int
}

// Set replaces the records at a name, by the text of records of the zone.
func (p *Primary) Set(name string, records ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = filter(p.records, func(rr dns.RR) bool { return !strings.EqualFold(rr.Header().Name, name) })
	for _, text := range records {
		rr, err := dns.NewRR(name + " 600 IN " + text)
		if err != nil {
			panic(err)
		}
		p.records = append(p.records, rr)
	}
}

// Get returns the records at a name, without owner and TTL.
func (p *Primary) Get(name string) (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rr := range p.records {
		if strings.EqualFold(rr.Header().Name, name) {
			texts = append(texts, dns.TypeToString[rr.Header().Rrtype]+" "+strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return texts
}

// TTL returns that of the records at a name, and 0 if there are none or they differ.
func (p *Primary) TTL(name string) (ttl uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, rr := range filter(p.records, func(rr dns.RR) bool { return strings.EqualFold(rr.Header().Name, name) }) {
		if i > 0 && rr.Header().Ttl != ttl {
			return 0
		}
		ttl = rr.Header().Ttl
	}
	return ttl
}

// Updates is how many were done.
func (p *Primary) Updates() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.updates
}

// Dial is a connection to the server.
func (p *Primary) Dial(_ context.Context, network, _ string) (net.Conn, error) {
	if network != "tcp" {
		panic("not over TCP: " + network)
	}
	ours, theirs := net.Pipe()
	go p.serve(theirs) // until the other end is closed
	return ours, nil
}

func (p *Primary) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		packed := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, packed); err != nil {
			return
		}
		reply := p.answer(packed)
		if reply == nil {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// answer returns a reply, signed as RFC 8945 §5.3 has it.
func (p *Primary) answer(packed []byte) []byte {
	q := new(dns.Msg)
	if q.Unpack(packed) != nil {
		return nil
	}
	r := new(dns.Msg).SetReply(q)
	request := q.IsTsig()
	if request == nil {
		r.Rcode = dns.RcodeRefused
		out, _ := r.Pack()
		return out
	}
	now := time.Now().Add(p.Skew)
	signature := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: request.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: request.Algorithm, TimeSigned: uint64(now.Unix()), Fudge: 300, OrigId: q.Id,
	}
	verified := dns.TsigVerify(packed, p.Secret, "", false)
	switch {
	case dns.CanonicalName(request.Hdr.Name) != p.KeyName || dns.CanonicalName(request.Algorithm) != p.KeyAlgo:
		signature.Error = dns.RcodeBadKey
	case verified != nil && verified != dns.ErrTime:
		signature.Error = dns.RcodeBadSig
	case now.Sub(time.Unix(int64(request.TimeSigned), 0)).Abs() > 300*time.Second:
		signature.Error, signature.OtherLen = dns.RcodeBadTime, 6
		signature.OtherData = hexTime(now)
		signature.TimeSigned = request.TimeSigned // RFC 8945 §5.2.3
	}
	if signature.Error != 0 {
		r.Rcode = dns.RcodeNotAuth
	} else {
		if p.Before != nil {
			p.Before(q)
		}
		p.handle(q, r)
	}
	if p.Reply != nil && !p.Reply(q, r) {
		return nil
	}
	r.Extra = append(r.Extra, signature)
	out, _, err := dns.TsigGenerate(r, p.Secret, request.MAC, false)
	if err != nil {
		return nil
	}
	if p.Packed != nil {
		out = p.Packed(q, out)
	}
	return out
}

func hexTime(at time.Time) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 12)
	for i, n := len(text)-1, at.Unix(); i >= 0; i, n = i-1, n>>4 {
		text[i] = digits[n&0xF]
	}
	return string(text)
}

func filter(records []dns.RR, keep func(dns.RR) bool) (kept []dns.RR) {
	for _, rr := range records {
		if keep(rr) {
			kept = append(kept, rr)
		}
	}
	return kept
}
