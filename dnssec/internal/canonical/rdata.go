package canonical

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// AppendRData appends the RDATA of a record in canonical form (RFC 4034 §6.2). The
// record is not changed.
func AppendRData(wire []byte, rr dns.RR) ([]byte, error) {
	if written, ok := appendUsual(wire, rr); ok && len(written)-len(wire) <= math.MaxUint16 {
		return written, nil
	}
	return appendAny(wire, rr)
}

// appendUsual writes the types that a lookup meets most, without a copy of the record.
// It reports false for others, and for what only miekg/dns may know how to write.
func appendUsual(wire []byte, rr dns.RR) ([]byte, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		ip := rr.A.To4()
		return append(wire, ip...), ip != nil
	case *dns.AAAA:
		return append(wire, rr.AAAA...), len(rr.AAAA) == net.IPv6len
	case *dns.NS:
		return appendLower(wire, rr.Ns)
	case *dns.CNAME:
		return appendLower(wire, rr.Target)
	case *dns.MX:
		return appendLower(binary.BigEndian.AppendUint16(wire, rr.Preference), rr.Mx)
	case *dns.SOA:
		wire, okNs := appendLower(wire, rr.Ns)
		wire, okMbox := appendLower(wire, rr.Mbox)
		for _, n := range [...]uint32{rr.Serial, rr.Refresh, rr.Retry, rr.Expire, rr.Minttl} {
			wire = binary.BigEndian.AppendUint32(wire, n)
		}
		return wire, okNs && okMbox
	case *dns.TLSA:
		wire, err := hex.AppendDecode(append(wire, rr.Usage, rr.Selector, rr.MatchingType), []byte(rr.Certificate))
		return wire, err == nil
	case *dns.DS:
		wire = append(binary.BigEndian.AppendUint16(wire, rr.KeyTag), rr.Algorithm, rr.DigestType)
		wire, err := hex.AppendDecode(wire, []byte(rr.Digest))
		return wire, err == nil
	case *dns.DNSKEY:
		wire = append(binary.BigEndian.AppendUint16(wire, rr.Flags), rr.Protocol, rr.Algorithm)
		wire, err := base64.StdEncoding.AppendDecode(wire, []byte(rr.PublicKey))
		return wire, err == nil
	case *dns.NSEC:
		wire, okNext := appendName(wire, rr.NextDomain)
		wire, okTypes := appendTypes(wire, rr.TypeBitMap)
		return wire, okNext && okTypes
	case *dns.NSEC3:
		wire = append(binary.BigEndian.AppendUint16(append(wire, rr.Hash, rr.Flags), rr.Iterations), rr.SaltLength)
		wire, errSalt := hex.AppendDecode(wire, []byte(rr.Salt))
		wire, errNext := base32NoPad.AppendDecode(append(wire, rr.HashLength), []byte(rr.NextDomain))
		wire, okTypes := appendTypes(wire, rr.TypeBitMap)
		return wire, errSalt == nil && errNext == nil && okTypes
	case *dns.RFC3597:
		return appendUnknown(wire, rr)
	}
	return wire, false
}

// appendUnknown writes a record of unknown form: as it came, since the form of its type
// may not hold it.
func appendUnknown(octets []byte, rr *dns.RFC3597) ([]byte, bool) {
	start := len(octets)
	octets, err := hex.AppendDecode(octets, []byte(rr.Rdata))
	wireform.ToLower(rr.Hdr.Rrtype, octets[start:])
	return octets, err == nil
}

// base32NoPad is how the next hash of an NSEC3 record is written (RFC 5155 §3.3).
var base32NoPad = base32.HexEncoding.WithPadding(base32.NoPadding)

// appendName writes a name as it is.
func appendName(wire []byte, name string) ([]byte, bool) {
	var packed [maxNameLength + 1]byte
	end, err := dns.PackDomainName(name, packed[:], 0, nil, false)
	if err != nil {
		return wire, false
	}
	return append(wire, packed[:end]...), true
}

// appendLower writes a name in lower case.
func appendLower(wire []byte, name string) ([]byte, bool) {
	start := len(wire)
	wire, ok := appendName(wire, name)
	toLower(wire[start:])
	return wire, ok
}

// appendTypes writes a type bitmap (RFC 4034 §4.1.2). The types must ascend.
func appendTypes(wire []byte, types []uint16) ([]byte, bool) {
	window := len(wire) // where the present one starts
	for i, t := range types {
		switch {
		case i > 0 && t <= types[i-1]:
			return wire, false
		case i == 0 || t>>8 != types[i-1]>>8:
			window = len(wire)
			wire = append(wire, byte(t>>8), 0)
		}
		octets := byte(t)/8 + 1
		for ; wire[window+1] < octets; wire[window+1]++ {
			wire = append(wire, 0)
		}
		wire[len(wire)-1] |= 0x80 >> (t % 8)
	}
	return wire, true
}

// appendAny writes any type.
func appendAny(wire []byte, rr dns.RR) ([]byte, error) {
	rr = lowerNames(rr)
	rr.Header().Name = "."
	packed := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, packed, 0, nil, false)
	if err != nil {
		return wire, fmt.Errorf("%w: %w", ErrRRset, err)
	}
	return append(wire, packed[rdataOffset:end]...), nil
}

// rdataOffset is where the RDATA starts in a record in wire form whose owner is the
// root: type, class, TTL and length come first (RFC 1035 §3.2.1).
const rdataOffset = len(Root) + 2 + 2 + 4 + 2

// lowerNames returns the record with the names in its RDATA in lower case, for
// the types of RFC 4034 §6.2 as corrected by RFC 6840 §5.1: all that RFC 3597
// §7 lists, without NSEC. It is a copy, since packing writes into the header.
func lowerNames(rr dns.RR) dns.RR {
	rr = dns.Copy(rr)
	switch rr := rr.(type) {
	case *dns.NS:
		rr.Ns = lower(rr.Ns)
	case *dns.MD:
		rr.Md = lower(rr.Md)
	case *dns.MF:
		rr.Mf = lower(rr.Mf)
	case *dns.CNAME:
		rr.Target = lower(rr.Target)
	case *dns.SOA:
		rr.Ns, rr.Mbox = lower(rr.Ns), lower(rr.Mbox)
	case *dns.MB:
		rr.Mb = lower(rr.Mb)
	case *dns.MG:
		rr.Mg = lower(rr.Mg)
	case *dns.MR:
		rr.Mr = lower(rr.Mr)
	case *dns.PTR:
		rr.Ptr = lower(rr.Ptr)
	case *dns.MINFO:
		rr.Rmail, rr.Email = lower(rr.Rmail), lower(rr.Email)
	case *dns.MX:
		rr.Mx = lower(rr.Mx)
	case *dns.RP:
		rr.Mbox, rr.Txt = lower(rr.Mbox), lower(rr.Txt)
	case *dns.AFSDB:
		rr.Hostname = lower(rr.Hostname)
	case *dns.RT:
		rr.Host = lower(rr.Host)
	case *dns.SIG:
		rr.SignerName = lower(rr.SignerName)
	case *dns.PX:
		rr.Map822, rr.Mapx400 = lower(rr.Map822), lower(rr.Mapx400)
	case *dns.NXT:
		rr.NextDomain = lower(rr.NextDomain)
	case *dns.NAPTR:
		rr.Replacement = lower(rr.Replacement)
	case *dns.KX:
		rr.Exchanger = lower(rr.Exchanger)
	case *dns.SRV:
		rr.Target = lower(rr.Target)
	case *dns.DNAME:
		rr.Target = lower(rr.Target)
	case *dns.RRSIG:
		rr.SignerName = lower(rr.SignerName)
	}
	return rr
}

// lower folds a name in presentation form. Escapes are of digits and of
// octets outside the letters, so folding the text folds the octets.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}
