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

// rrsigFixedSize is the length of an RRSIG's RDATA before the signer's name (RFC
// 4034 §3.1).
const rrsigFixedSize = 18

// An RRset is the records of one owner, class and type, each once and in canonical
// order (RFC 4034 §6.3). The zero RRset is empty, and takes its name from the first
// record that is added.
type RRset struct {
	Owner       Name
	Class, Type uint16
	rdatas      [][]byte
}

// NewRRset makes an RRset of records. The error is that of Add; records that are
// there twice are taken once.
func NewRRset(records ...dns.RR) (*RRset, error) {
	set := new(RRset)
	for _, rr := range records {
		if _, err := set.Add(rr); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// Len counts the records.
func (s *RRset) Len() int { return len(s.rdatas) }

// Add adds a record, and reports whether it was new: a repeated one counts once.
// The error says that it does not belong to the set, or cannot be written.
func (s *RRset) Add(rr dns.RR) (bool, error) {
	h := rr.Header()
	owner, err := ParseName(h.Name)
	if err != nil {
		return false, err
	}
	if len(s.rdatas) == 0 {
		s.Owner, s.Class, s.Type = owner, h.Class, h.Rrtype
	} else if owner != s.Owner || h.Class != s.Class || h.Rrtype != s.Type {
		return false, ErrRRset
	}
	rdata, err := RData(rr)
	if err != nil {
		return false, err
	}
	at, found := slices.BinarySearchFunc(s.rdatas, rdata, bytes.Compare)
	if !found {
		s.rdatas = slices.Insert(s.rdatas, at, rdata)
	}
	return !found, nil
}

// SignedData returns the octets that the signature covers: the RRSIG's RDATA
// without the signature, then the RRset in canonical form, its TTLs and owner
// those at the time of signing (RFC 4034 §3.1.8.1). The set must not be empty.
func (s *RRset) SignedData(sig *dns.RRSIG) ([]byte, error) {
	if len(s.rdatas) == 0 {
		return nil, ErrRRset
	}
	signer, err := ParseName(sig.SignerName)
	if err != nil {
		return nil, err
	}
	owner := s.Owner
	if labels := int(sig.Labels); labels < owner.SignedLabels() {
		// RFC 4035 §5.3.2: expanded from the wildcard that many labels up.
		wildcard, ok := owner.Ancestor(labels).Wildcard()
		if !ok {
			return nil, ErrName
		}
		owner = wildcard
	}
	size := rrsigFixedSize + len(signer)
	for _, rdata := range s.rdatas {
		size += len(owner) + rdataOffset + len(rdata)
	}
	data := make([]byte, 0, size)
	data = binary.BigEndian.AppendUint16(data, sig.TypeCovered)
	data = append(data, sig.Algorithm, sig.Labels)
	data = binary.BigEndian.AppendUint32(data, sig.OrigTtl)
	data = binary.BigEndian.AppendUint32(data, sig.Expiration)
	data = binary.BigEndian.AppendUint32(data, sig.Inception)
	data = binary.BigEndian.AppendUint16(data, sig.KeyTag)
	data = append(data, signer...)
	for _, rdata := range s.rdatas {
		data = append(data, owner...)
		data = binary.BigEndian.AppendUint16(data, s.Type)
		data = binary.BigEndian.AppendUint16(data, s.Class)
		data = binary.BigEndian.AppendUint32(data, sig.OrigTtl)
		data = binary.BigEndian.AppendUint16(data, uint16(len(rdata)))
		data = append(data, rdata...)
	}
	return data, nil
}

// RData returns the RDATA of a record in canonical form. The record is not changed.
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
