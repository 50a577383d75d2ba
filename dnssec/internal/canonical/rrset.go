package canonical

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// ErrRRset says that records do not form an RRset that a signature can cover.
var ErrRRset = errors.New("records form no RRset")

// rdataOffset is where the RDATA starts in a record in wire form whose owner
// takes n octets: type, class, TTL and length come first (RFC 1035 §3.2.1).
const rdataOffset = 2 + 2 + 4 + 2

// SignedData returns the octets that the signature covers: the RRSIG's RDATA
// without the signature, then the RRset in canonical form, its TTLs and owner
// those at the time of signing (RFC 4034 §3.1.8.1). The set must not be empty;
// all its records must have one owner, class and type.
func SignedData(set []dns.RR, sig *dns.RRSIG) ([]byte, error) {
	if len(set) == 0 {
		return nil, ErrRRset
	}
	owner, err := ParseName(set[0].Header().Name)
	if err != nil {
		return nil, err
	}
	signer, err := ParseName(sig.SignerName)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, 512)
	data = binary.BigEndian.AppendUint16(data, sig.TypeCovered)
	data = append(data, sig.Algorithm, sig.Labels)
	data = binary.BigEndian.AppendUint32(data, sig.OrigTtl)
	data = binary.BigEndian.AppendUint32(data, sig.Expiration)
	data = binary.BigEndian.AppendUint32(data, sig.Inception)
	data = binary.BigEndian.AppendUint16(data, sig.KeyTag)
	data = append(data, signer...)

	signedOwner := owner
	if labels := int(sig.Labels); labels < ownerLabels(owner) {
		// RFC 4035 §5.3.2: expanded from the wildcard that many labels up.
		wildcard, ok := owner.Ancestor(labels).Wildcard()
		if !ok {
			return nil, ErrName
		}
		signedOwner = wildcard
	}
	rdatas := make([][]byte, 0, len(set))
	for _, rr := range set {
		h := rr.Header()
		if name, err := ParseName(h.Name); err != nil || name != owner ||
			h.Class != set[0].Header().Class || h.Rrtype != set[0].Header().Rrtype {
			return nil, ErrRRset
		}
		rdata, err := RData(rr)
		if err != nil {
			return nil, err
		}
		rdatas = append(rdatas, rdata)
	}
	slices.SortFunc(rdatas, bytes.Compare)           // RFC 4034 §6.3
	rdatas = slices.CompactFunc(rdatas, bytes.Equal) // RFC 4034 §6.3: duplicates are one
	for _, rdata := range rdatas {
		data = append(data, signedOwner...)
		data = binary.BigEndian.AppendUint16(data, set[0].Header().Rrtype)
		data = binary.BigEndian.AppendUint16(data, set[0].Header().Class)
		data = binary.BigEndian.AppendUint32(data, sig.OrigTtl)
		data = binary.BigEndian.AppendUint16(data, uint16(len(rdata)))
		data = append(data, rdata...)
	}
	return data, nil
}

// ownerLabels counts labels as the RRSIG's Labels field does: neither the root
// nor a leftmost "*" (RFC 4034 §3.1.3).
func ownerLabels(owner Name) int {
	if owner.IsWildcard() {
		return owner.Labels() - 1
	}
	return owner.Labels()
}

// RData returns the RDATA of a record in canonical form.
func RData(rr dns.RR) ([]byte, error) {
	rr = lowerNames(rr)
	wire := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRRset, err)
	}
	_, owner, err := dns.UnpackDomainName(wire, 0)
	if err != nil || owner+rdataOffset > end {
		return nil, ErrRRset
	}
	return wire[owner+rdataOffset : end], nil
}

// lowerNames returns the record with the names in its RDATA in lower case, for
// the types of RFC 4034 §6.2 as corrected by RFC 6840 §5.1: all that RFC 3597
// §7 lists, without NSEC. The record given is not changed.
func lowerNames(rr dns.RR) dns.RR {
	switch rr.(type) {
	case *dns.NS, *dns.MD, *dns.MF, *dns.CNAME, *dns.SOA, *dns.MB, *dns.MG, *dns.MR, *dns.PTR, *dns.MINFO,
		*dns.MX, *dns.RP, *dns.AFSDB, *dns.RT, *dns.SIG, *dns.PX, *dns.NXT, *dns.NAPTR, *dns.KX, *dns.SRV,
		*dns.DNAME, *dns.RRSIG:
	default:
		return rr
	}
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
