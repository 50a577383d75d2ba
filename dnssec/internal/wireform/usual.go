package wireform

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net"

	"github.com/miekg/dns"
)

// usual reads the types that a lookup meets most, as miekg/dns does, but with fewer allocations
// and little stack: it is called deep in a goroutine that has just begun. It reports false for
// other types, and for what has not the form of its type.
func (n *names) usual(h dns.RR_Header, packet []byte, off int) (dns.RR, bool) {
	switch rdata := packet[off:]; h.Rrtype {
	case dns.TypeA:
		if len(rdata) != net.IPv4len {
			return nil, false
		}
		rr := &address[[net.IPv4len]byte, dns.A]{octets: [net.IPv4len]byte(rdata)}
		rr.record = dns.A{Hdr: h, A: rr.octets[:]}
		return &rr.record, true
	case dns.TypeAAAA:
		if len(rdata) != net.IPv6len {
			return nil, false
		}
		rr := &address[[net.IPv6len]byte, dns.AAAA]{octets: [net.IPv6len]byte(rdata)}
		rr.record = dns.AAAA{Hdr: h, AAAA: rr.octets[:]}
		return &rr.record, true
	case dns.TypeNS, dns.TypeCNAME, dns.TypeMX, dns.TypeSOA:
		return n.usualName(h, packet, off)
	case dns.TypeRRSIG:
		return n.signature(h, packet, off)
	case dns.TypeNSEC:
		next, end, ok := n.read(packet, off)
		if !ok {
			return nil, false
		}
		types, ok := listTypes(packet[end:])
		return &dns.NSEC{Hdr: h, NextDomain: next, TypeBitMap: types}, ok
	case dns.TypeNSEC3:
		return n.nsec3(h, rdata)
	case dns.TypeTLSA:
		if len(rdata) < 3 {
			return nil, false
		}
		return &dns.TLSA{Hdr: h, Usage: rdata[0], Selector: rdata[1], MatchingType: rdata[2], Certificate: n.hex(rdata[3:])}, true
	case dns.TypeDS:
		if len(rdata) < 4 {
			return nil, false
		}
		return &dns.DS{Hdr: h, KeyTag: binary.BigEndian.Uint16(rdata), Algorithm: rdata[2], DigestType: rdata[3], Digest: n.hex(rdata[4:])}, true
	case dns.TypeDNSKEY:
		if len(rdata) < 4 {
			return nil, false
		}
		return &dns.DNSKEY{Hdr: h, Flags: binary.BigEndian.Uint16(rdata), Protocol: rdata[2], Algorithm: rdata[3], PublicKey: n.base64(rdata[4:])}, true
	case dns.TypeOPT:
		return &dns.OPT{Hdr: h}, len(rdata) == 0 // most have no options
	}
	return nil, false
}

// An address is a record with the octets that it has, in one allocation.
type address[Octets, Record any] struct {
	record Record
	octets Octets
}

// usualName reads the usual types of RFC 1035 that have names.
func (n *names) usualName(h dns.RR_Header, packet []byte, off int) (dns.RR, bool) {
	preference := off // of MX
	if h.Rrtype == dns.TypeMX {
		off += 2
	}
	name, end, ok := n.read(packet, off)
	if !ok {
		return nil, false
	}
	whole := end == len(packet)
	switch h.Rrtype {
	case dns.TypeNS:
		return &dns.NS{Hdr: h, Ns: name}, whole
	case dns.TypeCNAME:
		return &dns.CNAME{Hdr: h, Target: name}, whole
	case dns.TypeMX:
		return &dns.MX{Hdr: h, Preference: binary.BigEndian.Uint16(packet[preference:]), Mx: name}, whole
	case dns.TypeSOA:
		mbox, end, ok := n.read(packet, end)
		if !ok || len(packet)-end != 20 {
			return nil, false
		}
		number := func(i int) uint32 { return binary.BigEndian.Uint32(packet[end+4*i:]) }
		return &dns.SOA{Hdr: h, Ns: name, Mbox: mbox, Serial: number(0), Refresh: number(1), Retry: number(2), Expire: number(3), Minttl: number(4)}, true
	}
	return nil, false
}

// signature reads an RRSIG record (RFC 4034 §3.1).
func (n *names) signature(h dns.RR_Header, packet []byte, off int) (dns.RR, bool) {
	const fixed = 18
	signer, end, ok := n.read(packet, off+fixed)
	if !ok {
		return nil, false
	}
	rdata := packet[off:]
	return &dns.RRSIG{
		Hdr: h, TypeCovered: binary.BigEndian.Uint16(rdata), Algorithm: rdata[2], Labels: rdata[3],
		OrigTtl: binary.BigEndian.Uint32(rdata[4:]), Expiration: binary.BigEndian.Uint32(rdata[8:]), Inception: binary.BigEndian.Uint32(rdata[12:]),
		KeyTag: binary.BigEndian.Uint16(rdata[16:]), SignerName: signer, Signature: n.base64(packet[end:]),
	}, true
}

// nsec3 reads an NSEC3 record (RFC 5155 §3.2).
func (n *names) nsec3(h dns.RR_Header, rdata []byte) (dns.RR, bool) {
	const fixed = 4
	bitmap, ok := nsec3Types(rdata)
	if !ok {
		return nil, false
	}
	types, ok := listTypes(bitmap)
	saltEnd := fixed + 1 + int(rdata[fixed])
	salt, next := rdata[fixed+1:saltEnd], rdata[saltEnd+1:len(rdata)-len(bitmap)]
	return &dns.NSEC3{
		Hdr: h, Hash: rdata[0], Flags: rdata[1], Iterations: binary.BigEndian.Uint16(rdata[2:]), SaltLength: uint8(len(salt)), Salt: n.hex(salt),
		HashLength: uint8(len(next)), NextDomain: string(base32NoPad.AppendEncode(n.buffer[:0], next)), TypeBitMap: types,
	}, ok
}

// base32NoPad is how the next hash of an NSEC3 record is written (RFC 5155 §3.3).
var base32NoPad = base32.HexEncoding.WithPadding(base32.NoPadding)

func (n *names) hex(octets []byte) string { return string(hex.AppendEncode(n.buffer[:0], octets)) }

func (n *names) base64(octets []byte) string {
	return string(base64.StdEncoding.AppendEncode(n.buffer[:0], octets))
}

// maxWindow is how many octets a block of a type bitmap has at most (RFC 4034 §4.1.2).
const maxWindow = 32

// listTypes reads a type bitmap that is as RFC 4034 §4.1.2 wants it.
func listTypes(bitmap []byte) (types []uint16, ok bool) {
	if !holdsTypes(bitmap) {
		return nil, false
	}
	count, before := 0, -1
	for rest := bitmap; len(rest) > 0; rest = rest[2+rest[1]:] {
		if int(rest[0]) <= before || rest[1] > maxWindow {
			return nil, false
		}
		before = int(rest[0])
		for _, octet := range rest[2 : 2+rest[1]] {
			count += bits.OnesCount8(octet)
		}
	}
	if count == 0 {
		return nil, true
	}
	types = make([]uint16, 0, count)
	for rest := bitmap; len(rest) > 0; rest = rest[2+rest[1]:] {
		for i, octet := range rest[2 : 2+rest[1]] {
			for ; octet != 0; octet &^= 0x80 >> bits.LeadingZeros8(octet) {
				types = append(types, uint16(rest[0])<<8|uint16(8*i+bits.LeadingZeros8(octet)))
			}
		}
	}
	return types, true
}
