package validate

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// maxRecords bounds the records of a section that are looked at: as many as a message over
// TCP can hold, 65535 octets of eleven each at least, with the root's name and without data
// (RFC 1035 §3.2.1, §4.2.2). So no RRset that can be sent is cut, and an Exchanger that has
// more cannot make work by it. Each takes little; a signature over many is paid by its octets.
const maxRecords = 65535 / 11

// An RRset is the records of one owner and type in a section of a reply, with
// the signatures that claim to cover them.
type RRset struct {
	Question
	Records []dns.RR // each once: a signature does not cover their number (RFC 4034 §6.3)
	Sigs    []*dns.RRSIG

	first     int   // the index of the first record in its section
	own       bool  // the slice is not part of the section
	apex      bool  // as atApex says of the records
	malformed error // as Malformed returns it, of the records that are in canonical
	canonical canonical.RRset
	denials   []dns.RR // as toRead returns them
}

// add adds a record of a section. The first one is put into canonical form when that is needed, which
// for much of a reply it never is. Records that follow each other stay where they are.
func (s *RRset) add(section []dns.RR, i int) {
	if len(s.Records) == 0 {
		s.Records, s.first = section[i:i+1:i+1], i
		return
	}
	rr := section[i]
	s.canonicalize()
	added, err := s.canonical.AddAt(s.Name, rr)
	if err != nil {
		s.malformed = err // kept, so that it is not taken for absent
	}
	switch {
	case !added && err == nil:
	case !s.own && i == s.first+len(s.Records):
		s.Records = section[s.first : i+1 : i+1]
	default:
		s.Records, s.own = append(s.Records, rr), true
	}
}

// keep returns the records, in a slice that keeps no others in memory.
func (s *RRset) keep() []dns.RR {
	if !s.own {
		s.Records, s.own = slices.Clone(s.Records), true
	}
	return s.Records
}

// canonicalize makes sure that all records are in canonical form, as far as they have one.
func (s *RRset) canonicalize() {
	if len(s.Records) == 1 && s.canonical.Len() == 0 && s.malformed == nil {
		_, s.malformed = s.canonical.AddAt(s.Name, s.Records[0])
	}
}

// Malformed returns an error if a record has no wire form.
func (s *RRset) Malformed() error {
	s.canonicalize()
	return s.malformed
}

// toRead returns NSEC or NSEC3 records in a form in which a proof can read them, the same
// ones each time: odd ones are not those in records, which are what the signature covers.
func (s *RRset) toRead() []dns.RR {
	if s.denials == nil {
		s.denials = wireform.Denials(s.Records)
	}
	return s.denials
}

// A place is where a record belongs.
type place struct {
	Question
	apex bool
}

func (s *RRset) key() place { return place{s.Question, s.apex} }

// signatures are those that claim to cover an RRset.
type signatures struct {
	Question
	all   []*dns.RRSIG
	first [1]*dns.RRSIG // room for all, of which there is mostly one
}

func (s signatures) key() Question { return s.Question }

// Collect sorts the records of a reply to a question for a name into the RRsets of its answer and
// authority sections, in order of appearance. Signatures count wherever they are: some servers
// have them elsewhere than the RRset, and they prove no less there.
func Collect(name canonical.Name, msg *dns.Msg) (answers, authority []*RRset) {
	s := &sorter{asked: name}
	s.sigs.values = s.roomSigs[:0]
	answers = s.rrsets(s.roomSets[:0], msg.Answer)
	authority = s.rrsets(nil, msg.Ns)
	if hasSignature(msg.Extra) {
		s.rrsets(nil, msg.Extra)
	}
	for _, sets := range [...][]*RRset{answers, authority} {
		for _, set := range sets {
			if of := s.sigs.find(set.Question); of != nil {
				set.Sigs = of.all
			}
		}
	}
	return answers, authority
}

func hasSignature(section []dns.RR) bool {
	return slices.ContainsFunc(section, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
}

// A sorter sorts the records of one reply. It has room for what most replies have: one RRset and
// its signature.
type sorter struct {
	asked canonical.Name
	sigs  index[Question, signatures]

	roomSigs [2]signatures
	roomSets [1]*RRset
	roomSet  RRset
	taken    bool // roomSet
}

// rrset returns a new RRset.
func (s *sorter) rrset(at place) *RRset {
	if s.taken {
		return &RRset{Question: at.Question, apex: at.apex}
	}
	s.taken = true
	s.roomSet.Question, s.roomSet.apex = at.Question, at.apex
	return &s.roomSet
}

// rrsets sorts the records of a section, in room if there is enough, and adds the signatures in it
// to the others. Records of another class and names that cannot be parsed are left out.
func (s *sorter) rrsets(room []*RRset, section []dns.RR) []*RRset {
	sets := index[place, *RRset]{values: room}
	var text string // of the owner, which most often is that of the record before
	var owner canonical.Name
	section = section[:min(len(section), maxRecords)]
	for i, rr := range section {
		h := rr.Header()
		if owner == "" || h.Name != text {
			var err error
			if owner, err = canonical.ParseNear(s.asked, h.Name); err != nil {
				continue
			}
			text = h.Name
		}
		if h.Class != dns.ClassINET {
			continue
		}
		key := Question{owner, h.Rrtype}
		if sig, ok := rr.(*dns.RRSIG); ok {
			key.Type = sig.TypeCovered
			of := s.sigs.find(key)
			if of == nil {
				of = s.sigs.add(signatures{Question: key})
				of.all = of.first[:0]
			}
			if len(of.all) < maxRRsetSignatures {
				of.all = append(of.all, sig)
			}
			continue
		}
		at := place{key, atApex(rr)}
		set := sets.find(at)
		if set == nil {
			set = sets.add(s.rrset(at))
		}
		(*set).add(section, i)
	}
	return sets.values
}

// atApex reports whether an NSEC record is that of a zone's apex. At a zone cut there is
// one of the zone above as well (RFC 4035 §2.3), which belongs to another RRset: a reply has
// both where an alias led from the one zone to the other.
func atApex(rr dns.RR) bool {
	if rr.Header().Rrtype != dns.TypeNSEC {
		return false
	}
	record, ok := wireform.Denials([]dns.RR{rr})[0].(*dns.NSEC)
	return ok && slices.Contains(record.TypeBitMap, dns.TypeSOA)
}

// Find returns the RRset with records of that owner and type, or nil.
func Find(sets []*RRset, q Question) *RRset {
	for _, set := range sets {
		if set.Question == q && len(set.Records) > 0 {
			return set
		}
	}
	return nil
}

// SameRecords reports whether two replies have the same to say, but for TTLs. One whose
// records are in another order counts as another one, which costs no more than to judge it.
func SameRecords(a, b *dns.Msg) bool {
	return a.Rcode == b.Rcode && slices.EqualFunc(a.Answer, b.Answer, dns.IsDuplicate) && slices.EqualFunc(a.Ns, b.Ns, dns.IsDuplicate) &&
		!hasSignature(a.Extra) && !hasSignature(b.Extra)
}
