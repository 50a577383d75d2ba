package explanation

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A lookup is a question, and what is known of the answer.
type lookup struct {
	name   string
	qtype  uint16
	status dnssec.Status
	reason dnssec.Reason
	err    error
	chain  []dnssec.Link
	sent   []dnssec.Exchange
}

// A tree is made of the chains of several questions.
type tree struct {
	zones    map[string]*Zone // by name
	anchored []*Zone
	unproven []End
	now      time.Time
}

// add hangs the chain of a question into the tree.
func (t *tree) add(l lookup) {
	question := dns.Fqdn(l.name)
	if len(l.chain) == 0 {
		// Another resolver than ours, or none that has answered.
		reason := reasonOf(l.reason, l.err)
		if l.status == dnssec.Secure {
			reason.Text = "the resolver says so, and shows no chain of trust"
		}
		t.unproven = append(t.unproven, End{Name: printable.Line(question), Type: dns.Type(l.qtype).String(), Status: l.status, Reason: reason, Asked: l.asked()})
		return
	}
	var last *Zone // whose keys were proven last
	for i := range l.chain {
		link := &l.chain[i]
		switch {
		case link.Status != dnssec.Secure:
			t.end(last, link, &l)
		case link.Type == dns.TypeDNSKEY:
			last = t.keys(link)
		default:
			last = t.signed(link)
		}
	}
}

// maxAsked bounds the servers that are named where nobody has answered.
const maxAsked = 8

// asked returns who was asked in vain, where it is for that.
func (l *lookup) asked() (all []string) {
	if l.status != dnssec.Indeterminate {
		return nil
	}
	add := func(text string) {
		if text = printable.Line(strings.TrimPrefix(text, "upstream: ")); len(all) < maxAsked && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, x := range l.sent {
		for _, err := range x.PassedOver {
			add(err.Error())
		}
		if x.Err != nil {
			add(x.Err.Error())
		}
	}
	return all
}

// finish says of each key whether it has signed something else than the keys.
func (t *tree) finish() {
	for _, z := range t.zones {
		for _, s := range z.Answers {
			for i := range s.Sets {
				z.signer(&s.Sets[i])
			}
		}
		for _, below := range z.Zones {
			z.signer(below.DSSet)
		}
	}
}

// signer marks the key that has signed a set.
func (z *Zone) signer(s *Set) {
	for i := range z.Keys {
		if k := &z.Keys[i]; k.KeyTag == s.Signature.KeyTag && k.Algorithm == s.Signature.Algorithm && s.Type != "DNSKEY" {
			k.SignsData = true
		}
	}
}

// closest returns the lowest zone whose keys are proven that a name lies in, or nil.
func (t *tree) closest(name string) *Zone {
	for at, end := 0, false; !end; at, end = dns.NextLabel(name, at) {
		if z := t.zones[name[at:]]; z != nil && z.KeySet != nil {
			return z
		}
	}
	if z := t.zones["."]; z != nil && z.KeySet != nil {
		return z
	}
	return nil
}

// zone returns the zone of that name, which is made if it is not there yet.
func (t *tree) zone(name string) *Zone {
	z := t.zones[name]
	if z == nil {
		z = &Zone{Name: name}
		t.zones[name] = z
	}
	return z
}

// keys adds the keys of a zone.
func (t *tree) keys(link *dnssec.Link) *Zone {
	z := t.zone(link.Name)
	if z.KeySet != nil {
		return z
	}
	set := setOf(link)
	set.Records = nil // the keys are there in parts
	z.KeySet = &set
	if z.DSSet == nil {
		z.Anchor = link.Anchor
		t.anchored = append(t.anchored, z)
	}
	for _, rr := range link.Records {
		key, ok := rr.(*dns.DNSKEY)
		if !ok {
			continue
		}
		k := Key{
			KeyTag: key.KeyTag(), Algorithm: key.Algorithm, Flags: key.Flags,
			SEP: key.Flags&dns.SEP != 0, Revoked: key.Flags&dns.REVOKE != 0,
		}
		k.Signs = k.KeyTag == link.KeyTag && k.Algorithm == link.Algorithm
		k.Vouched = z.Anchor && k.Signs
		for i := range z.DS {
			if ds := &z.DS[i]; ds.KeyTag == k.KeyTag && ds.Algorithm == k.Algorithm && isDigest(key, ds) {
				ds.Match, k.Vouched = true, true
			}
		}
		z.Keys = append(z.Keys, k)
	}
	return z
}

func isDigest(key *dns.DNSKEY, ds *DS) bool {
	own := key.ToDS(ds.DigestType)
	return own != nil && strings.EqualFold(own.Digest, ds.Digest)
}

// signed adds what a zone has signed: DS records to the zone below, everything else to the zone
// itself.
func (t *tree) signed(link *dnssec.Link) *Zone {
	z := t.zone(link.Zone)
	if link.Type == dns.TypeDS && link.Name != z.Name {
		t.delegation(z, link)
		return z
	}
	question, qtype := link.QName, dns.Type(link.QType).String()
	if question == "" {
		question, qtype = link.Name, dns.Type(link.Type).String() // without the records
	}
	set := setOf(link)
	i := slices.IndexFunc(z.Answers, func(s Signed) bool { return s.Name == question && s.Type == qtype })
	if i < 0 {
		i = len(z.Answers)
		z.Answers = append(z.Answers, Signed{Name: question, Type: qtype, Denied: denies(link)})
	}
	s := &z.Answers[i]
	s.Denied = s.Denied && denies(link)
	for j := range set.Denials {
		if d := &set.Denials[j]; !s.Denied && d.Hash != "" {
			d.RFC = "RFC 5155 §8.8" // beside what a wildcard has given
		}
	}
	if !slices.ContainsFunc(s.Sets, func(other Set) bool { return other.Name == set.Name && other.Type == set.Type }) {
		s.Sets = append(s.Sets, set)
	}
	return z
}

// denies reports whether a link has a denial, other than as an answer.
func denies(link *dnssec.Link) bool {
	return (link.Type == dns.TypeNSEC || link.Type == dns.TypeNSEC3) && link.QType != link.Type
}

// delegation adds the DS records of the zone below.
func (t *tree) delegation(above *Zone, link *dnssec.Link) {
	z := t.zone(link.Name)
	if z.DSSet != nil || z.KeySet != nil {
		return
	}
	set := setOf(link)
	set.Records = nil
	z.DSSet = &set
	above.Zones = append(above.Zones, z)
	for _, rr := range link.Records {
		if ds, ok := rr.(*dns.DS); ok {
			z.DS = append(z.DS, DS{KeyTag: ds.KeyTag, Algorithm: ds.Algorithm, DigestType: ds.DigestType, Digest: strings.ToLower(ds.Digest)})
		}
	}
}

// end adds where a chain has ended: at the zone that the reason is about, if that is known and
// not only hangs in the air, or at the last one that was proven.
func (t *tree) end(last *Zone, link *dnssec.Link, l *lookup) {
	e := End{
		Name: link.Name, Type: dns.Type(link.Type).String(), Status: link.Status, Reason: reasonOf(link.Reason, l.err),
		Server: printable.Line(link.Server), Refused: refusedOf(link.Refused, t.now), Asked: l.asked(),
	}
	if z := t.zones[link.Reason.Zone]; z != nil {
		last = z
	}
	if last == nil {
		last = t.closest(link.Name) // as other questions have shown
	}
	if last == nil {
		t.unproven = append(t.unproven, e)
		return
	}
	same := func(other End) bool { return other.Name == e.Name && other.Type == e.Type }
	if !slices.ContainsFunc(last.Ends, same) {
		last.Ends = append(last.Ends, e)
	}
}

// setOf is the RRset of a link.
func setOf(link *dnssec.Link) Set {
	set := Set{
		Name: link.Name, Type: dns.Type(link.Type).String(), Server: printable.Line(link.Server),
		Signature: Signature{Zone: link.Zone, KeyTag: link.KeyTag, Algorithm: link.Algorithm, Inception: link.Inception.UTC(), Expiration: link.Expiration.UTC()},
	}
	for _, rr := range link.Records {
		if sig, ok := rr.(*dns.RRSIG); ok && link.Type != dns.TypeRRSIG {
			set.Wildcard = wildcardOf(link.Name, sig)
			continue
		}
		set.Records = append(set.Records, rdata(rr))
	}
	for _, d := range link.Denials {
		set.Denials = append(set.Denials, Denial{
			Role: d.Role, Name: d.Name, Hash: d.Hash, Covers: d.Role.Covers(), OptOut: d.OptOut, RFC: denialRFC(d, link.QType),
		})
	}
	return set
}

// wildcardOf returns the wildcard that an RRset is made of (RFC 4035 §5.3.2).
func wildcardOf(owner string, sig *dns.RRSIG) string {
	labels := dns.CountLabel(strings.TrimPrefix(owner, "*."))
	if int(sig.Labels) >= labels {
		return ""
	}
	at := dns.Split(owner)
	if skip := len(at) - int(sig.Labels); skip < len(at) {
		return "*." + owner[at[skip]:]
	}
	return "*."
}

// rdata is a record without owner, TTL, class and type, which tabs separate.
func rdata(rr dns.RR) string {
	text := rr.String()
	for range 4 {
		_, text, _ = strings.Cut(text, "\t")
	}
	return printable.Line(text)
}

// denialRFC is the section by which a denial counts.
func denialRFC(d dnssec.Denial, qtype uint16) string {
	hashed := d.Hash != ""
	switch d.Role {
	case dnssec.DenialNoType:
		if hashed && qtype == dns.TypeDS {
			return "RFC 5155 §8.6"
		}
		if hashed {
			return "RFC 5155 §8.5"
		}
	case dnssec.DenialNoRecords:
		return "RFC 4035 §3.1.3.2"
	case dnssec.DenialClosestEncloser:
		return "RFC 5155 §8.3"
	case dnssec.DenialNextCloser:
		switch {
		case hashed && d.OptOut && qtype == dns.TypeDS:
			return "RFC 5155 §8.6"
		case hashed:
			return "RFC 5155 §8.3"
		}
		return "RFC 4035 §5.3.4"
	case dnssec.DenialWildcardNoType:
		if hashed {
			return "RFC 5155 §8.7"
		}
		return "RFC 4035 §3.1.3.4"
	case dnssec.DenialNoWildcard:
		if hashed {
			return "RFC 5155 §8.4"
		}
		return "RFC 4035 §3.1.3.2"
	}
	return "RFC 4035 §5.4"
}
