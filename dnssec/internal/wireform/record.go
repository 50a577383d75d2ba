package wireform

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"github.com/miekg/dns"
)

// unpackRecord reads the record whose RDATA is packet[off:]. It is nil for a record that
// is not of its type, but must be.
func (n *names) unpackRecord(h dns.RR_Header, packet []byte, off int) dns.RR {
	if rr, ok := n.usual(h, packet, off); ok {
		return rr
	}
	rr, _, err := dns.UnpackRRWithHeader(h, packet, off)
	if err == nil && holds(rr, packet, off) {
		return rr
	}
	switch h.Rrtype {
	case dns.TypeOPT:
		return options(h, packet[off:])
	case dns.TypeTSIG:
		return nil // dns.Msg.IsTsig takes the type for granted
	}
	rdata, _ := expand(h.Rrtype, packet, off)
	h.Rdlength = uint16(len(rdata))
	return &dns.RFC3597{Hdr: h, Rdata: hex.EncodeToString(rdata)}
}

// holds reports whether a record, as it was read, has all octets of its RDATA, so that
// it is written as it came, but for the compression of names.
func holds(rr dns.RR, packet []byte, off int) bool {
	switch rr := rr.(type) {
	case *dns.RFC3597, *dns.OPT, *dns.TSIG:
		return true
	case *dns.A, *dns.AAAA, *dns.NS, *dns.CNAME, *dns.MX, *dns.SOA, *dns.RRSIG, *dns.NSEC, *dns.NSEC3, *dns.TLSA, *dns.DS, *dns.DNSKEY:
		return false // usual has read those that are as they must be
	// A field that is not there is empty, and no name that is there is. The names of
	// these end the RDATA.
	case *dns.DNAME:
		return rr.Target != ""
	case *dns.PTR:
		return rr.Ptr != ""
	}
	want, ok := expand(rr.Header().Rrtype, packet, off)
	got, err := pack(rr)
	return ok && err == nil && bytes.Equal(got, want)
}

// nsec3Types returns the type bitmap of an NSEC3 record (RFC 5155 §3.2).
func nsec3Types(rdata []byte) (bitmap []byte, ok bool) {
	const fixed = 4
	rest := rdata[min(fixed, len(rdata)):]
	for range 2 { // the salt and the next hash
		if len(rest) == 0 || int(rest[0]) >= len(rest) {
			return nil, false
		}
		rest = rest[1+int(rest[0]):]
	}
	return rest, true
}

// holdsTypes reports whether a type bitmap is as RFC 4034 §4.1.2 wants it: without empty
// blocks and without zero octets at the end of one, which a list of types does not hold.
func holdsTypes(bitmap []byte) bool {
	for len(bitmap) > 0 {
		if len(bitmap) < 2 {
			return false
		}
		length := int(bitmap[1])
		if length == 0 || len(bitmap) < 2+length || bitmap[1+length] == 0 {
			return false
		}
		bitmap = bitmap[2+length:]
	}
	return true
}

// rdataOffset is where the RDATA starts in a record whose owner is the root.
const rdataOffset = 1 + recordHeaderSize

// pack writes the RDATA of a record without compression. Packing writes into the header
// only.
func pack(rr dns.RR) ([]byte, error) {
	h := rr.Header()
	saved := *h
	defer func() { *h = saved }()
	h.Name = "."
	wire := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, err
	}
	return wire[rdataOffset:end], nil
}

// options reads the options of an OPT record one by one (RFC 6891 §6.1.2), as far as
// their lengths are true.
func options(h dns.RR_Header, rdata []byte) dns.RR {
	const optionHeaderSize = 4
	opt := &dns.OPT{Hdr: h}
	for len(rdata) >= optionHeaderSize {
		code, length := binary.BigEndian.Uint16(rdata), int(binary.BigEndian.Uint16(rdata[2:]))
		end := optionHeaderSize + length
		if end > len(rdata) {
			break
		}
		one := h
		one.Rdlength = uint16(end)
		if rr, _, err := dns.UnpackRRWithHeader(one, rdata[:end], 0); err == nil {
			opt.Option = append(opt.Option, rr.(*dns.OPT).Option...)
		} else {
			opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: code, Data: bytes.Clone(rdata[optionHeaderSize:end])})
		}
		rdata = rdata[end:]
	}
	return opt
}
