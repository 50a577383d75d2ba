package wireform

import (
	"math"

	"github.com/miekg/dns"
)

// A layout says where the names are in the RDATA of a type.
type layout struct {
	fixed   int // octets first
	strings int // then so many character strings (RFC 1035 §3.3)
	names   int // then so many names
	rest    int // then so many octets
}

// anyRest is the rest of a layout that may have any length.
const anyRest = math.MaxInt

// layouts has the types in whose RDATA names may be compressed: those of RFC 1035, and,
// since others compressed them once, those of RFC 3597 §4.
var layouts = map[uint16]layout{
	dns.TypeNS:    {names: 1},
	dns.TypeMD:    {names: 1},
	dns.TypeMF:    {names: 1},
	dns.TypeCNAME: {names: 1},
	dns.TypeSOA:   {names: 2, rest: 20},
	dns.TypeMB:    {names: 1},
	dns.TypeMG:    {names: 1},
	dns.TypeMR:    {names: 1},
	dns.TypePTR:   {names: 1},
	dns.TypeMINFO: {names: 2},
	dns.TypeMX:    {fixed: 2, names: 1},
	dns.TypeRP:    {names: 2},
	dns.TypeAFSDB: {fixed: 2, names: 1},
	dns.TypeRT:    {fixed: 2, names: 1},
	dns.TypeSIG:   {fixed: 18, names: 1, rest: anyRest},
	dns.TypePX:    {fixed: 2, names: 2},
	dns.TypeNXT:   {names: 1, rest: anyRest},
	dns.TypeSRV:   {fixed: 6, names: 1},
	dns.TypeNAPTR: {fixed: 4, strings: 3, names: 1},
	dns.TypeKX:    {fixed: 2, names: 1},
	dns.TypeDNAME: {names: 1},
	dns.TypeRRSIG: {fixed: 18, names: 1, rest: anyRest},
	dns.TypeNSEC:  {names: 1, rest: anyRest},
}

// expand returns the RDATA at packet[off:] with its names uncompressed, and whether it
// has the layout of its type. It is as it came where it has not, and for types without
// names that may be compressed.
func expand(rrtype uint16, packet []byte, off int) (rdata []byte, ok bool) {
	l, known := layouts[rrtype]
	if !known {
		return packet[off:], true
	}
	names, ok := l.skip(packet, off)
	if !ok {
		return packet[off:], false
	}
	rdata = append(make([]byte, 0, len(packet)-off+maxName), packet[off:names]...)
	end := names
	for range l.names {
		if rdata, end, ok = appendName(rdata, packet, end); !ok {
			return packet[off:], false
		}
	}
	if l.rest != anyRest && len(packet)-end != l.rest {
		return packet[off:], false
	}
	return append(rdata, packet[end:]...), true
}

// skip returns where the names begin.
func (l layout) skip(packet []byte, off int) (names int, ok bool) {
	off += l.fixed
	for range l.strings {
		if off >= len(packet) {
			return 0, false
		}
		off += 1 + int(packet[off])
	}
	return off, off <= len(packet)
}

// ToLower puts the names in RDATA without compression into lower case, in place, for the
// types of RFC 4034 §6.2 as corrected by RFC 6840 §5.1: all that RFC 3597 §7 lists,
// without NSEC. RDATA that has not the layout of its type stays as it is.
func ToLower(rrtype uint16, rdata []byte) {
	l, known := layouts[rrtype]
	if !known || rrtype == dns.TypeNSEC {
		return
	}
	names, ok := l.skip(rdata, 0)
	if !ok {
		return
	}
	end := names
	for range l.names {
		if end, ok = skipName(rdata, end); !ok {
			return
		}
	}
	if l.rest != anyRest && len(rdata)-end != l.rest {
		return
	}
	for i, c := range rdata[names:end] {
		if 'A' <= c && c <= 'Z' { // the lengths of labels are below the letters
			rdata[names+i] = c + 'a' - 'A'
		}
	}
}

const (
	maxName    = 255  // RFC 1035 §3.1
	maxLabel   = 63   // RFC 1035 §3.1
	minPointer = 0xC0 // RFC 1035 §4.1.4
)

// skipName returns where a name ends, which may be compressed.
func skipName(packet []byte, off int) (end int, ok bool) {
	for off < len(packet) {
		switch length := int(packet[off]); {
		case length == 0:
			return off + 1, true
		case length >= minPointer:
			return off + 2, off+2 <= len(packet)
		case length > maxLabel:
			return 0, false
		default:
			off += 1 + length
		}
	}
	return 0, false
}

// appendName appends a name without compression, and returns where it ends. Pointers must
// lead backwards, to a prior occurrence of the name (RFC 1035 §4.1.4).
func appendName(name, packet []byte, off int) (longer []byte, end int, ok bool) {
	end, ok = skipName(packet, off)
	if !ok {
		return name, 0, false
	}
	start, lowest := len(name), off
	for off < len(packet) {
		length := int(packet[off])
		switch {
		case length == 0:
			name = append(name, 0)
			return name, end, len(name)-start <= maxName
		case length >= minPointer:
			if off+2 > len(packet) {
				return name, 0, false
			}
			if off = length&^minPointer<<8 | int(packet[off+1]); off >= lowest {
				return name, 0, false
			}
			lowest = off
		case length > maxLabel || off+1+length > len(packet) || len(name)-start > maxName:
			return name, 0, false
		default:
			name = append(name, packet[off:off+1+length]...)
			off += 1 + length
		}
	}
	return name, 0, false
}
