package canonical

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/miekg/dns"
)

// ErrRRset says that records do not form an RRset that a signature can cover.
var ErrRRset = errors.New("records form no RRset")

// An RRset is the records of one owner, class and type, each once and in canonical
// order (RFC 4034 §6.3). The zero RRset is empty, and takes its name from the first
// record that is added. It is for one goroutine.
type RRset struct {
	Owner       Name
	Class, Type uint16
	rdatas      [][]byte
	sorted      bool                // the rdatas are in canonical order
	known       map[string]struct{} // the rdatas, where there are many
	buffer      []byte              // where they are
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

// A room is for the records of a common RRset.
type room struct {
	rdatas [2][]byte
	buffer [128]byte // for all of them
}

// fewRecords are compared one by one with what is added. More are looked up, so that the
// thousands that a message can hold take no time that grows with their square.
const fewRecords = 16

// Add adds a record, and reports whether it was new: a repeated one counts once.
// The error says that it does not belong to the set, or cannot be written.
func (s *RRset) Add(rr dns.RR) (bool, error) {
	owner := s.Owner
	if name := rr.Header().Name; len(s.rdatas) == 0 || !owner.Is(name) {
		var err error
		if owner, err = ParseName(name); err != nil {
			return false, err
		}
	}
	return s.AddAt(owner, rr)
}

// AddAt is Add for a record whose owner was parsed before.
func (s *RRset) AddAt(owner Name, rr dns.RR) (bool, error) {
	h := rr.Header()
	if len(s.rdatas) == 0 {
		s.Owner, s.Class, s.Type = owner, h.Class, h.Rrtype
		room := new(room)
		s.rdatas, s.buffer = room.rdatas[:0], room.buffer[:0]
	} else if h.Class != s.Class || h.Rrtype != s.Type || s.Owner != owner {
		return false, ErrRRset
	}
	start := len(s.buffer)
	buffer, err := AppendRData(s.buffer, rr)
	if err != nil {
		return false, err
	}
	rdata := buffer[start:]
	if s.has(rdata) {
		return false, nil
	}
	s.rdatas, s.buffer, s.sorted = append(s.rdatas, rdata), buffer, false
	if s.known != nil {
		s.known[string(rdata)] = struct{}{}
	}
	return true, nil
}

func (s *RRset) has(rdata []byte) bool {
	if len(s.rdatas) < fewRecords {
		return slices.ContainsFunc(s.rdatas, func(other []byte) bool { return bytes.Equal(rdata, other) })
	}
	if s.known == nil {
		s.known = make(map[string]struct{}, 2*fewRecords)
		for _, other := range s.rdatas {
			s.known[string(other)] = struct{}{}
		}
	}
	_, found := s.known[string(rdata)]
	return found
}

// SignedSize is the most octets that a signature over the set covers, without those of the
// signature's own fields.
func (s *RRset) SignedSize() int {
	size := 0
	for _, rdata := range s.rdatas {
		size += len(s.Owner) + 10 + len(rdata) // type, class, TTL and length
	}
	return size
}

// AppendSignedData appends the octets that the signature covers: the RRSIG's RDATA
// without the signature, then the RRset in canonical form, its TTLs and owner
// those at the time of signing (RFC 4034 §3.1.8.1). The set must not be empty.
func (s *RRset) AppendSignedData(data []byte, sig *dns.RRSIG) ([]byte, error) {
	if len(s.rdatas) == 0 {
		return nil, ErrRRset
	}
	data = binary.BigEndian.AppendUint16(data, sig.TypeCovered)
	data = append(data, sig.Algorithm, sig.Labels)
	data = binary.BigEndian.AppendUint32(data, sig.OrigTtl)
	data = binary.BigEndian.AppendUint32(data, sig.Expiration)
	data = binary.BigEndian.AppendUint32(data, sig.Inception)
	data = binary.BigEndian.AppendUint16(data, sig.KeyTag)
	var signer [maxNameLength + 1]byte
	end, ok := pack(sig.SignerName, &signer)
	if !ok {
		return nil, ErrName
	}
	data = append(data, signer[:end]...)
	owner := s.Owner
	if labels := int(sig.Labels); labels < owner.SignedLabels() {
		// RFC 4035 §5.3.2: expanded from the wildcard that many labels up.
		if owner, ok = owner.Ancestor(labels).Wildcard(); !ok {
			return nil, ErrName
		}
	}
	if !s.sorted {
		slices.SortFunc(s.rdatas, bytes.Compare)
		s.sorted = true
	}
	data = slices.Grow(data, s.SignedSize())
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
