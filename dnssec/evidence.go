package dnssec

import (
	"errors"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// A Link is one piece of the evidence for an answer: an RRset that a zone signed, or,
// at the end of an answer that is not Secure, what is not proven.
type Link struct {
	Zone   string // whose key made the signature
	Name   string // owner of the RRset
	Type   uint16 // its type: DNSKEY, DS, NSEC, NSEC3, or that of the answer
	Status Status // Secure for what is signed
	Anchor bool   // a trust anchor vouches for these keys; otherwise the link before does

	// Of the signature that was verified; zero where the Status is not Secure.
	KeyTag                uint16
	Algorithm             uint8
	OriginalTTL           uint32 // how long a cache may keep the RRset, in seconds (RFC 4034 §3.1.4)
	Inception, Expiration time.Time

	Server  string   // who gave it, as in upstream.Reply
	Records []dns.RR // the RRset and the signature, as received; nil where nothing is proven
	Reason  Reason   // why it is not Secure

	// QName and QType are the question that it answers, or helps to answer: those of NSEC and
	// NSEC3 records are others than Name and Type, and those of an alias.
	QName string
	QType uint16
	// Denials are what an NSEC or NSEC3 record says to that.
	Denials []Denial
	// Refused is the signature that the Reason is about, which does not hold; nil if it is
	// about something else.
	Refused *dns.RRSIG
}

// Chain returns the evidence for the answer, from the trust anchor down, for each
// alias and then for the records or their absence; what was shown before is not
// repeated. For an answer that is not Secure it goes as far as there is proof, and
// ends with what is not proven. An Answer that is not of a [Resolver] has no chain.
func (a *Answer) Chain() []Link { return a.links(true) }

// Outline returns the links of [Answer.Chain] without their records and what is said of them:
// without Records, QName, QType, Denials and Refused. It takes much less.
func (a *Answer) Outline() []Link { return a.links(false) }

// links returns those of the chain, whole or in outline.
func (a *Answer) links(whole bool) []Link {
	if a == nil {
		return nil
	}
	var chain []Link
	seen := make(map[*validate.Verdict]bool)
	var room [8]*validate.Verdict // keys and DS records of four zones
	for _, f := range a.findings {
		path := path(room[:0], f.verdict, seen)
		length := len(chain)
		for _, v := range path {
			length += len(v.Proof)
		}
		if f.verdict.Status != validate.Secure {
			length++ // the end
		}
		chain = slices.Grow(chain, length-len(chain))
		for _, v := range path {
			first := len(chain)
			for _, set := range v.Proof {
				chain = append(chain, outline(v, set))
			}
			if whole {
				complete(chain[first:], v, questionOf(v, f))
			}
		}
		if f.verdict.Status != validate.Secure {
			chain = append(chain, end(f, whole))
		}
	}
	return chain
}

// path returns what the verdict rests on that was not seen before, anchor first, and
// the verdict itself. It is in room, if there is enough.
func path(room []*validate.Verdict, v *validate.Verdict, seen map[*validate.Verdict]bool) []*validate.Verdict {
	path := room
	for ; v != nil && !seen[v]; v = v.RestsOn {
		seen[v] = true
		path = append(path, v)
	}
	slices.Reverse(path)
	return path
}

// questionOf returns the question that a verdict on the path to a finding answers. Proofs of
// denial on the way are of DS records, and end it; the reason says of which.
func questionOf(v *validate.Verdict, f finding) validate.Question {
	if v == f.verdict || len(v.Proof) == 0 {
		return f.question
	}
	first := v.Proof[0].Records[0].Header()
	q := validate.Question{Type: first.Rrtype}
	name := first.Name
	if first.Rrtype == dns.TypeNSEC || first.Rrtype == dns.TypeNSEC3 {
		q.Type, name = dns.TypeDS, f.verdict.Why().Name
	}
	q.Name, _ = canonical.ParseName(name) // of a record that was verified
	return q
}

// end is the last link of a chain that does not lead to the answer.
func end(f finding, whole bool) Link {
	v, name := f.verdict, f.question.Name.String()
	link := Link{Name: name, Type: f.question.Type, Status: statusOf(v.Status), Server: v.Server, Reason: reasonOf(v.Reason)}
	if !whole {
		return link
	}
	link.QName, link.QType = name, f.question.Type
	if sig := v.Why().Sig; sig != nil {
		link.Refused = dns.Copy(sig).(*dns.RRSIG)
	}
	return link
}

// outline is the link for an RRset that was verified for a verdict, without what complete adds.
func outline(v *validate.Verdict, set validate.SignedSet) Link {
	first := set.Records[0].Header()
	return Link{
		Zone: dns.CanonicalName(set.Sig.SignerName), Name: dns.CanonicalName(first.Name), Type: first.Rrtype,
		Status: Secure, Anchor: first.Rrtype == dns.TypeDNSKEY && v.RestsOn == nil,
		KeyTag: set.Sig.KeyTag, Algorithm: set.Sig.Algorithm, OriginalTTL: set.Sig.OrigTTL,
		Inception: validate.SignatureTime(set.Sig.Inception, v.Made), Expiration: validate.SignatureTime(set.Sig.Expiration, v.Made),
		Server: v.Server,
	}
}

// complete adds the records to the links of a verdict, and what they say to the question.
func complete(links []Link, v *validate.Verdict, q validate.Question) {
	name, denials := q.Name.String(), denialsOf(v, q)
	for i, set := range v.Proof {
		links[i].Records = append(deepCopies(set.Records), set.RRSIG())
		links[i].QName, links[i].QType, links[i].Denials = name, q.Type, denials[i]
	}
}

var errNotSecure = errors.New("dnssec: there is no chain for an answer that is not secure")

// AuthenticationChain returns the evidence for a Secure answer in the form of RFC
// 9102 §3.4: all its RRsets with their signatures in wire form, without compression,
// the answer first and the keys of the trust anchor last. Whoever knows that anchor can
// validate the answer without the DNS.
func (a *Answer) AuthenticationChain() ([]byte, error) {
	if a == nil || a.Status != Secure || len(a.findings) == 0 {
		return nil, errNotSecure
	}
	var wire []byte
	seen := make(map[*validate.Verdict]bool)
	var room [8]*validate.Verdict // keys and DS records of four zones
	for _, f := range a.findings {
		path := path(room[:0], f.verdict, seen)
		slices.Reverse(path)
		for _, v := range path {
			for _, set := range v.Proof {
				for _, rr := range append(slices.Clone(set.Records), set.RRSIG()) {
					var err error
					if wire, err = appendRecord(wire, rr); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return wire, nil
}

func appendRecord(wire []byte, rr dns.RR) ([]byte, error) {
	buffer := make([]byte, dns.Len(rr))
	end, err := dns.PackRR(dns.Copy(rr), buffer, 0, nil, false) // writes into the record, which others share
	if err != nil {
		return nil, err
	}
	return append(wire, buffer[:end]...), nil
}
