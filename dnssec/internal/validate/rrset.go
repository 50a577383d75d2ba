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
	Records   []dns.RR // each once: a signature does not cover their number (RFC 4034 §6.3)
	Sigs      []*dns.RRSIG
	Malformed error // of a record that has no wire form

	canonical canonical.RRset
	denials   []dns.RR // as toRead returns them
}

// toRead returns NSEC or NSEC3 records in a form in which a proof can read them, the same
// ones each time: odd ones are not those in records, which are what the signature covers.
func (s *RRset) toRead() []dns.RR {
	if s.denials == nil {
		s.denials = wireform.Denials(s.Records)
	}
	return s.denials
}

// Collect sorts the records of a reply into the RRsets of its answer and authority
// sections, in order of appearance. Signatures count wherever they are: some servers
// have them elsewhere than the RRset, and they prove no less there.
func Collect(msg *dns.Msg) (answers, authority []*RRset) {
	sigs := make(map[Question][]*dns.RRSIG)
	answers, authority = rrsets(msg.Answer, sigs), rrsets(msg.Ns, sigs)
	if hasSignature(msg.Extra) {
		rrsets(msg.Extra, sigs)
	}
	for _, sets := range [...][]*RRset{answers, authority} {
		for _, set := range sets {
			set.Sigs = sigs[set.Question]
		}
	}
	return answers, authority
}

func hasSignature(section []dns.RR) bool {
	return slices.ContainsFunc(section, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
}

// rrsets sorts the records of a section, and adds the signatures in it to sigs. Records
// of another class and names that cannot be parsed are left out.
func rrsets(section []dns.RR, sigs map[Question][]*dns.RRSIG) []*RRset {
	type place struct {
		Question
		apex bool
	}
	var sets []*RRset
	index := make(map[place]*RRset)
	var text string // of the owner, which most often is that of the record before
	var owner canonical.Name
	for _, rr := range section[:min(len(section), maxRecords)] {
		h := rr.Header()
		if owner == "" || h.Name != text {
			var err error
			if owner, err = canonical.ParseName(h.Name); err != nil {
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
			if len(sigs[key]) < maxRRsetSignatures {
				sigs[key] = append(sigs[key], sig)
			}
			continue
		}
		at := place{key, atApex(rr)}
		set := index[at]
		if set == nil {
			set = &RRset{Question: key}
			index[at] = set
			sets = append(sets, set)
		}
		added, err := set.canonical.Add(rr)
		if err != nil {
			set.Malformed = err // kept, so that it is not taken for absent
		}
		if added || err != nil {
			set.Records = append(set.Records, rr)
		}
	}
	return sets
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
