// Package wireform reads DNS messages record by record, so that one odd record, which may
// have nothing to do with the question, does not cost the message, and so that no octet
// of what a signature covers is lost: a record whose RDATA the form of its type cannot hold
// is one of unknown form, with the octets as they came (RFC 3597 §5). Its functions are
// pure.
package wireform

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/miekg/dns"
)

// ErrMessage says that a message ends too early or too late, or has an invalid name. Then it
// is not known what its records are.
var ErrMessage = errors.New("malformed message")

// UDPSize is the largest reply over UDP that queries ask for, in octets. It goes through
// every network in one piece (dnsflagday.net/2020).
const UDPSize = 1232

// Sizes in octets (RFC 1035 §4.1.1, §4.1.2, §4.1.3).
const (
	headerSize       = 12
	questionSize     = 4  // of type and class
	recordHeaderSize = 10 // of type, class, TTL and length
	minRecordSize    = 1 + recordHeaderSize
)

// maxPointed is the last octet that a pointer can lead to (RFC 1035 §4.1.4).
const maxPointed = 1<<14 - 1

// Bits of the header (RFC 1035 §4.1.1, RFC 4035 §3.1.6).
const (
	bitQR = 1 << (15 - iota)
	_     // the opcode has four
	_
	_
	_
	bitAA
	bitTC
	bitRD
	bitRA
	bitZ
	bitAD
	bitCD
)

// Unpack reads a whole message. A record is of the Go type that miekg/dns has for its type
// if that holds all octets of the RDATA, so that it is written as it came but for the
// compression of names; otherwise it is of unknown form. OPT records are always of their
// type: an option that cannot be read is a *dns.EDNS0_LOCAL. A TSIG
// record that cannot be read is left out.
func Unpack(packet []byte) (*dns.Msg, error) {
	if len(packet) < headerSize {
		return nil, ErrMessage
	}
	m := &message{Msg: dns.Msg{MsgHdr: header(packet)}}
	msg := &m.Msg
	count := func(at int) int { return int(binary.BigEndian.Uint16(packet[at:])) }
	r := readers.Get().(*reader)
	defer r.release()
	r.packet, r.off = packet, headerSize
	if count(4) == 1 { // as most have (RFC 9619)
		msg.Question = m.question[:0]
	}
	for range count(4) {
		question, err := r.question()
		if err != nil {
			return nil, err
		}
		msg.Question = append(msg.Question, question)
	}
	all := make([]dns.RR, 0, min(count(6)+count(8)+count(10), (len(packet)-r.off)/minRecordSize))
	for i, section := range [...]*[]dns.RR{&msg.Answer, &msg.Ns, &msg.Extra} {
		start := len(all)
		var err error
		if all, err = r.section(all, count(6+2*i)); err != nil {
			return nil, err
		}
		if len(all) > start {
			*section = all[start:len(all):len(all)]
		}
	}
	if r.off != len(packet) {
		return nil, ErrMessage
	}
	if opt := msg.IsEdns0(); opt != nil {
		msg.Rcode |= opt.ExtendedRcode() // RFC 6891 §6.1.3
	}
	return msg, nil
}

// A message has its question in the same allocation.
type message struct {
	dns.Msg
	question [1]dns.Question
}

func header(packet []byte) dns.MsgHdr {
	bits := binary.BigEndian.Uint16(packet[2:])
	return dns.MsgHdr{
		Id:                 binary.BigEndian.Uint16(packet),
		Response:           bits&bitQR != 0,
		Opcode:             int(bits >> 11 & 0xf),
		Authoritative:      bits&bitAA != 0,
		Truncated:          bits&bitTC != 0,
		RecursionDesired:   bits&bitRD != 0,
		RecursionAvailable: bits&bitRA != 0,
		Zero:               bits&bitZ != 0,
		AuthenticatedData:  bits&bitAD != 0,
		CheckingDisabled:   bits&bitCD != 0,
		Rcode:              int(bits & 0xf),
	}
}

// A reader goes through a message.
type reader struct {
	packet []byte
	off    int

	pointer uint16 // of the last owner that was one, and what it points to
	owner   string
	names
}

// readers are used again: what they hold is too much for a small stack.
var readers = sync.Pool{New: func() any { return new(reader) }}

// release gives a reader back. Nothing of the message stays in it but octets.
func (r *reader) release() {
	r.packet, r.owner, r.pointer, r.known = nil, "", 0, [knownNames]string{}
	readers.Put(r)
}

func (r *reader) question() (dns.Question, error) {
	name, off, ok := r.read(r.packet, r.off)
	if !ok || off+questionSize > len(r.packet) {
		return dns.Question{}, ErrMessage
	}
	if r.off <= maxPointed {
		r.pointer, r.owner = minPointer<<8|uint16(r.off), name // most owners are it
	}
	r.off = off + questionSize
	return dns.Question{
		Name: name, Qtype: binary.BigEndian.Uint16(r.packet[off:]), Qclass: binary.BigEndian.Uint16(r.packet[off+2:]),
	}, nil
}

// section appends the records of one section.
func (r *reader) section(records []dns.RR, count int) ([]dns.RR, error) {
	for range count {
		rr, err := r.record()
		if err != nil {
			return nil, err
		}
		if rr != nil {
			records = append(records, rr)
		}
	}
	return records, nil
}

// record reads one record; nil for one that is left out.
func (r *reader) record() (dns.RR, error) {
	name, off, ok := r.ownerName()
	if !ok || off+recordHeaderSize > len(r.packet) {
		return nil, ErrMessage
	}
	h := dns.RR_Header{
		Name:   name,
		Rrtype: binary.BigEndian.Uint16(r.packet[off:]), Class: binary.BigEndian.Uint16(r.packet[off+2:]),
		Ttl: binary.BigEndian.Uint32(r.packet[off+4:]), Rdlength: binary.BigEndian.Uint16(r.packet[off+8:]),
	}
	start := off + recordHeaderSize
	end := start + int(h.Rdlength)
	if end > len(r.packet) {
		return nil, ErrMessage
	}
	r.off = end
	return r.unpackRecord(h, r.packet[:end], start), nil
}

// ownerName reads the owner of a record. Most are the pointer of the record before, or one
// to the question's name (RFC 1035 §4.1.4).
func (r *reader) ownerName() (name string, end int, ok bool) {
	if r.off+2 > len(r.packet) || r.packet[r.off] < minPointer {
		return r.read(r.packet, r.off)
	}
	pointer := binary.BigEndian.Uint16(r.packet[r.off:])
	if pointer == r.pointer {
		return r.owner, r.off + 2, true
	}
	name, end, ok = r.read(r.packet, r.off)
	if ok {
		r.pointer, r.owner = pointer, name
	}
	return name, end, ok
}
