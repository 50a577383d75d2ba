package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// A message is a query in wire form. It decides what counts as a reply to it; see accept.
type message struct {
	msg      *dns.Msg // without cookies and padding
	wire     []byte
	question []byte // the part of wire
	name     []byte // of the question, as the caller has it
	size     int    // the largest UDP reply that it asks for

	keepCase   bool   // the name is to go out as the caller has it
	cookie     string // in the query; empty if it has no cookie
	randomCase bool   // the case of the name is random, and has to come back

	space [96]byte // for wire, if that is enough
}

// A plainMessage is a message in one piece with what it is made of: a copy of the caller's query
// without cookies and padding. It shares nothing with that query, which the caller may use for
// something else while the copy is still being sent over TCP.
type plainMessage struct {
	message
	copied dns.Msg
	asked  [1]dns.Question // for copied.Question
	extra  [1]dns.RR       // for copied.Extra, if there is no more than an OPT record
	opt    dns.OPT
}

// set makes m the message of a query, with a random ID. Packing writes into the OPT record, so
// that is a copy, too.
func (m *plainMessage) set(query *dns.Msg) error {
	if query == nil || len(query.Question) != 1 {
		return errNoQuestion
	}
	if len(query.Answer)+len(query.Ns) > 0 { // as no common query has
		query = query.Copy()
	}
	m.copied = *query
	m.copied.Question = append(m.asked[:0], query.Question...)
	m.copied.Extra = append(m.extra[:0], query.Extra...)
	for i, rr := range m.copied.Extra {
		if opt, ok := rr.(*dns.OPT); ok && len(opt.Option) == 0 && len(query.Extra) == 1 {
			m.opt = *opt
			m.extra[0] = &m.opt
			continue
		}
		m.copied.Extra[i] = dns.Copy(rr)
	}
	takeOptions(&m.copied)
	return m.pack(&m.copied)
}

// assemble packs a query. If it has an OPT record, the options are added to it.
func assemble(msg *dns.Msg, options ...dns.EDNS0) (*message, error) {
	m := new(message)
	if err := m.pack(msg, options...); err != nil {
		return nil, err
	}
	return m, nil
}

// pack makes m the message of a query, with a random ID.
func (m *message) pack(msg *dns.Msg, options ...dns.EDNS0) error {
	m.msg, m.size = msg, minUDPSize
	if opt := msg.IsEdns0(); opt != nil {
		m.size = max(m.size, int(opt.UDPSize()))
		if len(options) > 0 {
			msg = msg.Copy()
			opt = msg.IsEdns0()
			opt.Option = append(opt.Option, options...)
		}
	}
	wire, err := msg.PackBuffer(m.space[:])
	if err != nil {
		return err
	}
	if len(wire) > maxMessage {
		return fmt.Errorf("query of %d octets", len(wire))
	}
	end, ok := skipName(wire, headerSize)
	if !ok || end-headerSize > maxName || end+4 > len(wire) {
		return errMalformed
	}
	m.wire, m.question, m.name = wire, wire[headerSize:end+4], wire[headerSize:end]
	m.renew()
	return nil
}

// renew gives the message another ID.
func (m *message) renew() { rand.Read(m.wire[:2]) } // never fails

// withCookie returns the query with another ID and a cookie, if it has an OPT record.
func (m *message) withCookie(cookie string) (*message, error) {
	query := new(message)
	if err := query.setCookie(m, cookie); err != nil {
		return nil, err
	}
	return query, nil
}

// setCookie makes m the query of another message, with another ID and a cookie, if it has an OPT
// record. It writes nothing into the other one, nor into its msg, as packing that would: another
// query may be made of it at the same time.
func (m *message) setCookie(plain *message, cookie string) error {
	*m = message{}
	if cookie == "" || plain.msg.IsEdns0() == nil {
		m.take(plain, append(m.space[:0], plain.wire...))
		return nil
	}
	if m.appendCookie(plain, cookie) {
		return nil
	}
	m.cookie = cookie
	return m.pack(plain.msg, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
}

// appendCookie is setCookie for queries that end with an OPT record without options, as most
// do. For others it returns false, and m is as it was.
func (m *message) appendCookie(plain *message, cookie string) bool {
	if len(plain.msg.Extra) != 1 || len(plain.msg.IsEdns0().Option) > 0 || len(plain.wire) > minUDPSize {
		return false
	}
	end := len(plain.wire)
	wire := append(m.space[:0], plain.wire...)
	wire = binary.BigEndian.AppendUint16(wire, dns.EDNS0COOKIE)
	wire = binary.BigEndian.AppendUint16(wire, uint16(len(cookie)/2))
	wire, err := hex.AppendDecode(wire, []byte(cookie))
	if err != nil {
		return false
	}
	binary.BigEndian.PutUint16(wire[end-2:], uint16(len(wire)-end)) // RDLENGTH
	m.cookie = cookie
	m.take(plain, wire)
	return true
}

// take makes m the query of another message in this wire form, with an ID of its own.
func (m *message) take(plain *message, wire []byte) {
	m.msg, m.size = plain.msg, plain.size
	m.wire, m.question, m.name = wire, wire[headerSize:][:len(plain.question)], wire[headerSize:][:len(plain.name)]
	m.renew()
}

// withoutCookie returns the query of a message with the ID and the name of m, which has a cookie,
// in wire form.
func (m *message) withoutCookie(plain *message) []byte {
	bare := bytes.Clone(plain.wire)
	copy(bare, m.wire[:headerSize+len(m.question)])
	return bare
}

// paddingBlock divides the length of queries over TLS and HTTPS, so that it says little about
// the name (RFC 8467 §4.1).
const paddingBlock = 128

// padded returns the query with padding (RFC 7830), if it has an OPT record.
func (m *message) padded() (*message, error) {
	padding := new(dns.EDNS0_PADDING)
	query, err := assemble(m.msg, padding)
	if err != nil {
		return nil, err
	}
	padding.Padding = make([]byte, -len(query.wire)&(paddingBlock-1))
	return assemble(m.msg, padding)
}

// randomizeCase makes each letter of the name upper or lower case at random, which a forger
// would have to guess (draft-vixie-dnsext-dns0x20). The lengths of labels are below the
// letters. The name as the caller has it is given apart, since that in the message changes.
func (m *message) randomizeCase(name []byte) {
	var random [maxName]byte
	rand.Read(random[:len(name)]) // never fails
	m.name = name
	for i, b := range name {
		if 'a' <= lower(b) && lower(b) <= 'z' {
			m.question[i] = b ^ random[i]&0x20
			m.randomCase = true
		}
	}
}

// accept returns the message in a packet if it is a whole reply to the query. Otherwise the
// error is errTruncated, or says why the packet is to be ignored: anybody can send one, so it
// must not end the query (golang.org/issue/13281). accept puts the name as the caller has it
// into the packet, so that compressed names that point there have the same case.
func (m *message) accept(packet []byte, maxSize int) (*dns.Msg, error) {
	if !m.isReply(packet) {
		if rcode := m.headerAlone(packet); rcode != dns.RcodeSuccess {
			return nil, &headerError{rcode}
		}
		return nil, errNotReply
	}
	if m.randomCase && !bytes.Equal(packet[headerSize:headerSize+len(m.name)], m.question[:len(m.name)]) {
		return nil, errCase
	}
	// A reply that is larger than was asked for came in fragments, which are easier to
	// forge. It counts as truncated.
	if packet[2]&flagTC != 0 || len(packet) > maxSize {
		return nil, errTruncated
	}
	if !wellFormed(packet) {
		return nil, errMalformed
	}
	copy(packet[headerSize:], m.name)
	reply, err := wireform.Unpack(packet)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	if m.randomCase {
		restoreCase(reply, reply.Question[0].Name)
	}
	return reply, nil
}

// restoreCase is for owners that are the name asked for and were not compressed: it gives them
// the case that the caller has.
func restoreCase(reply *dns.Msg, name string) {
	for _, section := range [][]dns.RR{reply.Answer, reply.Ns, reply.Extra} {
		for _, rr := range section {
			if h := rr.Header(); strings.EqualFold(h.Name, name) {
				h.Name = name
			}
		}
	}
}

// Bits in the third octet of the header, and the rcode in the fourth (RFC 1035 §4.1.1).
const (
	flagQR     = 0x80
	maskOpcode = 0x78
	flagTC     = 0x02
	maskRcode  = 0x0f
)

// describe returns errNotReply with what came instead, which helps to find out what is at an
// address. Anybody may have written that, so it is quoted, and short.
func (m *message) describe(packet []byte) error {
	const most = 40
	what := ""
	reply := new(dns.Msg)
	switch {
	case len(packet) == 0:
		what = "an empty message came"
	case isText(packet):
		what = fmt.Sprintf("text came, which begins with %q", packet[:min(len(packet), most)])
	case len(packet) < headerSize:
		what = fmt.Sprintf("%d octets came, less than a header", len(packet))
	case packet[2]&flagQR == 0:
		what = "a query came"
	case packet[0] != m.wire[0] || packet[1] != m.wire[1]:
		what = "its ID is another one"
	case reply.Unpack(packet) == nil && len(reply.Question) == 1:
		q := reply.Question[0]
		what = fmt.Sprintf("it is about %q %s", q.Name[:min(len(q.Name), most)], dns.Type(q.Qtype))
	default:
		what = "it has not the question of the query"
	}
	return fmt.Errorf("%w: %s", errNotReply, what)
}

// isText reports whether a packet begins like text, HTML for instance.
func isText(packet []byte) bool {
	begin := packet[:min(len(packet), headerSize)]
	return !bytes.ContainsFunc(begin, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) })
}

// headerAlone returns the rcode of a refusal of the query without its question, and
// NOERROR for anything else.
func (m *message) headerAlone(packet []byte) int {
	if len(packet) != headerSize || !m.answersHeader(packet) || !bytes.Equal(packet[4:], make([]byte, headerSize-4)) {
		return dns.RcodeSuccess
	}
	return int(packet[3] & maskRcode)
}

// answersHeader compares ID, QR and opcode.
func (m *message) answersHeader(packet []byte) bool {
	return packet[0] == m.wire[0] && packet[1] == m.wire[1] &&
		packet[2]&flagQR != 0 && packet[2]&maskOpcode == m.wire[2]&maskOpcode
}

// isReply compares ID, QR, opcode and question (RFC 5452 §9.1). The question is
// compared in wire form, since a name has many text forms.
func (m *message) isReply(packet []byte) bool {
	end := headerSize + len(m.question)
	if len(packet) < end {
		return false
	}
	questions := binary.BigEndian.Uint16(packet[4:])
	name := len(m.question) - 4
	return m.answersHeader(packet) && questions == 1 &&
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

// takeOptions takes the options out of a message that are between client and server only:
// cookies and padding (RFC 7830 §3). It returns the first cookie, or "".
func takeOptions(msg *dns.Msg) (cookie string) {
	opt := msg.IsEdns0()
	if opt == nil {
		return ""
	}
	opt.Option = slices.DeleteFunc(opt.Option, func(option dns.EDNS0) bool {
		switch o := option.(type) {
		case *dns.EDNS0_COOKIE:
			if cookie == "" {
				cookie = o.Cookie
			}
			return true
		case *dns.EDNS0_PADDING:
			return true
		}
		return false
	})
	return cookie
}
