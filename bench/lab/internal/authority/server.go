package authority

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/zone"
)

// A Server answers for some zones. It packs each answer once, so that it costs little
// beside the resolver that is measured.
type Server struct {
	zones   map[string]*Zone
	answers sync.Map // wire form of answers, by what they depend on
}

// NewServer returns one.
func NewServer(zones ...*Zone) *Server {
	s := &Server{zones: map[string]*Zone{}}
	for _, z := range zones {
		s.zones[z.apex] = z
	}
	return s
}

const (
	advertised = 1232 // bytes, in the OPT record of a reply
	smallest   = 512  // bytes: what a query without an OPT record takes (RFC 1035 §2.3.4)
)

// Respond replies to a query in wire form, or not at all where it cannot be read.
func (s *Server) Respond(query []byte, network string) []byte {
	key, err := read(query)
	if err != nil {
		return nil
	}
	if network == "tcp" {
		key.size = dns.MaxMsgSize
	}
	packed, found := s.answers.Load(key)
	if !found {
		reply, err := s.pack(query, key)
		if err != nil {
			return nil
		}
		packed, _ = s.answers.LoadOrStore(key, reply)
	}
	reply := append([]byte(nil), packed.([]byte)...)
	copy(reply, query[:2])                    // ID
	reply[2] = reply[2]&^1 | query[2]&1       // RD
	reply[3] = reply[3]&^0x10 | query[3]&0x10 // CD
	return reply
}

// pack makes the reply. One that is too long gets the TC bit, and no records.
func (s *Server) pack(query []byte, key key) ([]byte, error) {
	msg := new(dns.Msg)
	if err := msg.Unpack(query); err != nil {
		return nil, err
	}
	reply := s.answer(msg, key.dnssec)
	for {
		if key.edns {
			reply.SetEdns0(advertised, key.dnssec)
		}
		packed, err := reply.Pack()
		if err != nil || len(packed) <= key.size {
			return packed, err
		}
		reply.Truncated, reply.Answer, reply.Ns, reply.Extra = true, nil, nil, nil
	}
}

// answer finds the lowest zone that has the name.
func (s *Server) answer(query *dns.Msg, dnssec bool) *dns.Msg {
	refused := new(dns.Msg).SetRcode(query, dns.RcodeRefused)
	if query.Opcode != dns.OpcodeQuery || query.Question[0].Qclass != dns.ClassINET {
		return refused
	}
	for name := dns.CanonicalName(query.Question[0].Name); ; name = zone.Parent(name) {
		if z := s.zones[name]; z != nil {
			return z.answer(query, dnssec)
		}
		if name == "." {
			return refused
		}
	}
}

// A key is what an answer depends on.
type key struct {
	question     string // in wire form
	edns, dnssec bool
	size         int
}

var errQuery = errors.New("not a query with one question")

// read finds out what the answer depends on, without unpacking the whole query.
func read(query []byte) (key, error) {
	const header = 12
	if len(query) <= header || query[2]&0x80 != 0 || binary.BigEndian.Uint16(query[4:]) != 1 {
		return key{}, errQuery
	}
	i := header
	for i < len(query) && query[i] != 0 {
		if query[i] > 63 {
			return key{}, errQuery
		}
		i += int(query[i]) + 1
	}
	i += 5 // the root label, type and class
	if i > len(query) {
		return key{}, errQuery
	}
	k := key{question: string(query[header:i]), size: smallest}
	if opt := query[i:]; len(opt) >= 11 && opt[0] == 0 && binary.BigEndian.Uint16(opt[1:]) == dns.TypeOPT {
		k.edns, k.dnssec = true, opt[7]&0x80 != 0
		k.size = max(smallest, min(int(binary.BigEndian.Uint16(opt[3:])), 4096))
	}
	return k, nil
}
