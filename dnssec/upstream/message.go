package upstream

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// A message is a query in wire form, and the measure of what is a reply to it.
type message struct {
	wire     []byte
	question []byte // the part of wire
	size     int    // the largest UDP reply that it asks for
}

// newMessage gives a copy of the query a random ID. Packing writes into the OPT
// record, so even that is done with a copy.
func newMessage(query *dns.Msg) (*message, error) {
	if query == nil || len(query.Question) != 1 {
		return nil, errNoQuestion
	}
	msg := query.Copy()
	var id [2]byte
	rand.Read(id[:]) // never fails
	msg.Id = binary.BigEndian.Uint16(id[:])
	wire, err := msg.Pack()
	if err != nil {
		return nil, err
	}
	if len(wire) > maxMessage {
		return nil, fmt.Errorf("query of %d octets", len(wire))
	}
	end, ok := skipName(wire, headerSize)
	if !ok || end+4 > len(wire) {
		return nil, errMalformed
	}
	m := &message{wire: wire, question: wire[headerSize : end+4], size: minUDPSize}
	if opt := msg.IsEdns0(); opt != nil {
		m.size = max(m.size, int(opt.UDPSize()))
	}
	return m, nil
}

// accept returns the message in a packet if that is a whole reply to the query.
// Otherwise the error is errTruncated, or says why the packet is to be ignored:
// anybody can send those, so they must not end a query (golang.org/issue/13281).
func (m *message) accept(packet []byte, maxSize int) (*dns.Msg, error) {
	if !m.isReply(packet) {
		return nil, errNotReply
	}
	// A reply that is larger than it may be came in fragments, if at all, and
	// those are easier to forge. It gets the treatment of a truncated one.
	if packet[2]&flagTC != 0 || len(packet) > maxSize {
		return nil, errTruncated
	}
	if !wellFormed(packet) {
		return nil, errMalformed
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(packet); err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	return reply, nil
}

// Bits in the third octet of the header (RFC 1035 §4.1.1).
const (
	flagQR     = 0x80
	maskOpcode = 0x78
	flagTC     = 0x02
)

// isReply compares ID, QR, opcode and question (RFC 5452 §9.1). The question is
// compared in wire form, since a name has many text forms.
func (m *message) isReply(packet []byte) bool {
	end := headerSize + len(m.question)
	if len(packet) < end {
		return false
	}
	questions := binary.BigEndian.Uint16(packet[4:])
	name := len(m.question) - 4
	return packet[0] == m.wire[0] && packet[1] == m.wire[1] &&
		packet[2]&flagQR != 0 && packet[2]&maskOpcode == m.wire[2]&maskOpcode &&
		questions == 1 &&
		// Type and class have letters in them, too, so case is for the name alone.
		slices.EqualFunc(packet[headerSize:headerSize+name], m.question[:name], sameLetter) &&
		slices.Equal(packet[headerSize+name:end], m.question[name:])
}

// sameLetter compares octets of a name in wire form without regard to case (RFC
// 4343 §3). The lengths of labels are below the letters, and stay what they are.
func sameLetter(a, b byte) bool { return lower(a) == lower(b) }

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}

// wellFormed walks through a message and reports whether the counts in its header
// are true and nothing follows. dns.Msg.Unpack takes a message that ends early
// between two records for a shorter one, and does not look at what follows.
func wellFormed(packet []byte) bool {
	off, ok := headerSize, true
	for range binary.BigEndian.Uint16(packet[4:]) {
		if off, ok = skipName(packet, off); !ok {
			return false
		}
		off += 4
	}
	records := 0
	for at := 6; at < headerSize; at += 2 {
		records += int(binary.BigEndian.Uint16(packet[at:]))
	}
	for range records {
		if off, ok = skipName(packet, off); !ok || off+10 > len(packet) {
			return false
		}
		off += 10 + int(binary.BigEndian.Uint16(packet[off+8:])) // RDLENGTH
	}
	return off == len(packet)
}

// skipName returns the offset behind a name in wire form, compressed or not.
func skipName(packet []byte, off int) (int, bool) {
	for off < len(packet) {
		switch length := packet[off]; {
		case length == 0:
			return off + 1, true
		case length >= 0xC0: // a pointer (RFC 1035 §4.1.4)
			return off + 2, true
		case length >= 0x40: // no longer a type of label (RFC 6891 §5)
			return 0, false
		default:
			off += 1 + int(length)
		}
	}
	return 0, false
}
