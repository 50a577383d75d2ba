package wireform

import (
	"encoding/hex"

	"github.com/miekg/dns"
)

// Denials returns NSEC and NSEC3 records to be read. Where one is of unknown form because
// its type bitmap has empty blocks or zero octets at the end of one, which RFC 4034 §4.1.2
// forbids the signer, its place is taken by one without, which says the same. Only
// signatures are to be checked over the record itself.
func Denials(records []dns.RR) []dns.RR {
	readable := records
	for i, rr := range records {
		unknown, ok := rr.(*dns.RFC3597)
		if !ok {
			continue
		}
		if read := readDenial(unknown); read != nil {
			if &readable[0] == &records[0] {
				readable = append([]dns.RR(nil), records...)
			}
			readable[i] = read
		}
	}
	return readable
}

// readDenial returns the record in the form of its type; nil if it has it not.
func readDenial(unknown *dns.RFC3597) dns.RR {
	h := unknown.Hdr
	rdata, err := hex.DecodeString(unknown.Rdata)
	if err != nil {
		return nil
	}
	var bitmap []byte
	ok := false
	switch h.Rrtype {
	case dns.TypeNSEC:
		var end int
		if end, ok = skipName(rdata, 0); ok && end <= len(rdata) {
			bitmap = rdata[end:]
		}
	case dns.TypeNSEC3:
		bitmap, ok = nsec3Types(rdata)
	}
	if !ok {
		return nil
	}
	rdata = appendTypes(rdata[:len(rdata)-len(bitmap):len(rdata)-len(bitmap)], bitmap)
	h.Rdlength = uint16(len(rdata))
	if rr, ok := new(names).usual(h, rdata, 0); ok {
		return rr
	}
	return nil
}

// appendTypes appends a type bitmap without empty blocks and zero octets at the end of
// one. What is not a bitmap is appended as it is.
func appendTypes(rdata, bitmap []byte) []byte {
	for len(bitmap) >= 2 {
		length := int(bitmap[1])
		if len(bitmap) < 2+length {
			break
		}
		block := bitmap[2 : 2+length]
		for len(block) > 0 && block[len(block)-1] == 0 {
			block = block[:len(block)-1]
		}
		if len(block) > 0 {
			rdata = append(append(rdata, bitmap[0], byte(len(block))), block...)
		}
		bitmap = bitmap[2+length:]
	}
	return append(rdata, bitmap...)
}
