package explanation

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// WriteText writes the explanation as an indented tree of lines of at most that many columns: a
// terminal's width, or 0 for lines that are not broken. What stands in it from names, records
// and servers is printable ASCII.
func (e *Explanation) WriteText(w io.Writer, width int) error {
	p := &page{width: width, now: e.At}
	p.head(e)
	if len(e.Zones)+len(e.Unproven) > 0 {
		p.line(0, "")
		p.line(0, "Chain of trust (RFC 4035 §5), as of "+shownTime(e.At)+" UTC, as are all times")
	}
	for _, z := range e.Zones {
		p.zone(1, z, "")
	}
	p.ends(1, e.Unproven)
	p.rules(e.Rules)
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (p *page) head(e *Explanation) {
	switch {
	case e.Status != nil:
		p.line(0, short(e.Name)+" "+e.Type+": "+e.Status.String())
	case e.Outcome != nil:
		p.line(0, e.Name+": "+outcomes[*e.Outcome])
	}
}

// outcomes says in words what a sender does.
var outcomes = map[dane.Outcome]string{
	dane.OutcomeSuccess: "mail is delivered to a host that DANE authenticates",
	dane.OutcomeNone:    "mail is delivered without authentication by DANE",
	dane.OutcomeFailure: "mail is not delivered",
}

// zone writes a zone, what it has signed, and the zones below.
func (p *page) zone(indent int, z *Zone, above string) {
	name := "zone " + short(z.Name)
	if z.Name == "." {
		name = "the root zone"
	}
	does := " vouches for its keys"
	if z.KeySet == nil { // it was not proven that there are any that it vouches for
		does = " has DS records for it"
	}
	switch {
	case z.Anchor:
		name += ": a trust anchor vouches for its keys"
	case above == ".":
		name += ": the root zone" + does
	case above != "":
		name += ": the zone " + short(above) + does
	}
	p.line(indent, name)
	indent++
	for _, ds := range z.DS {
		text := fmt.Sprintf("DS %d %s, %s %s", ds.KeyTag, algorithm(ds.Algorithm), digestType(ds.DigestType), ds.Digest)
		if !ds.Match && z.Keys != nil {
			text += ": of no key that the zone has"
		}
		p.line(indent, text)
	}
	if z.DSSet != nil {
		p.signature(indent+1, z.DSSet)
	}
	for _, k := range z.Keys {
		p.key(indent, z, k)
	}
	if z.KeySet != nil {
		if len(z.Keys) == 0 {
			p.line(indent, "keys")
		}
		p.signature(indent+1, z.KeySet)
	}
	for i := range z.Answers {
		p.signed(indent, &z.Answers[i])
	}
	p.ends(indent, z.Ends)
	for _, below := range z.Zones {
		p.zone(indent, below, z.Name)
	}
}

func (p *page) key(indent int, z *Zone, k Key) {
	text := fmt.Sprintf("key %d %s, flags %d", k.KeyTag, algorithm(k.Algorithm), k.Flags)
	var notes []string
	if k.SEP {
		notes = append(notes, "a secure entry point")
	}
	if k.Revoked {
		notes = append(notes, "revoked (RFC 5011 §2.1)")
	}
	if k.Vouched && !z.Anchor {
		notes = append(notes, "the DS record's")
	}
	if k.Signs {
		notes = append(notes, "signs the keys")
	}
	if k.SignsData {
		notes = append(notes, "signs records")
	}
	if len(notes) > 0 {
		text += ": " + strings.Join(notes, ", ")
	}
	p.line(indent, text)
}

// signature writes who signed a set, until when, and who gave it.
func (p *page) signature(indent int, s *Set) {
	text := "signed by " + by(&s.Signature) + ", " + p.validity(&s.Signature)
	if s.Server != "" {
		text += ", from " + s.Server
	}
	if text == p.signedBy {
		p.line(indent, "signed likewise")
		return
	}
	p.signedBy = text
	p.line(indent, text)
}

func by(s *Signature) string {
	return fmt.Sprintf("key %d of %s", s.KeyTag, short(s.Zone))
}

// validity says from when to when a signature is valid, and how much is left.
func (p *page) validity(s *Signature) string {
	text := shownTime(s.Inception) + " to " + shownTime(s.Expiration)
	switch {
	case p.now.Before(s.Inception):
		return text + ", not before " + shownSpan(s.Inception.Sub(p.now)) + " from now"
	case p.now.After(s.Expiration):
		return text + ", ended " + shownSpan(p.now.Sub(s.Expiration)) + " ago"
	}
	return text + ", " + shownSpan(s.Expiration.Sub(p.now)) + " left"
}

// signed writes what a zone has signed for a question.
func (p *page) signed(indent int, s *Signed) {
	text := short(s.Name) + " " + s.Type
	if s.Denied {
		text += ": does not exist"
	}
	p.line(indent, text)
	for i := range s.Sets {
		set := &s.Sets[i]
		p.set(indent+1, s, set)
	}
}

func (p *page) set(indent int, s *Signed, set *Set) {
	owner := ""
	if set.Type != s.Type || set.Name != s.Name {
		owner = short(set.Name) + " " + set.Type + " "
	}
	if set.Wildcard != "" {
		p.line(indent, "made of the wildcard "+short(set.Wildcard)+" (RFC 4035 §5.3.2)")
	}
	if len(set.Records) == 0 && owner != "" {
		p.line(indent, strings.TrimSpace(owner))
	}
	for _, record := range set.Records {
		p.line(indent, owner+record)
	}
	for _, d := range set.Denials {
		p.line(indent+1, denialText(d, s.Type)+" ("+d.RFC+")")
	}
	p.signature(indent+1, set)
}

// denialText says what a record does in the proof.
func denialText(d Denial, qtype string) string {
	name := short(d.Name)
	if d.Hash != "" {
		name += ", hashed " + d.Hash
	}
	optOut := ""
	if d.OptOut && d.Covers {
		optOut = "; opt-out: unsigned delegations may be there"
	}
	switch d.Role {
	case dnssec.DenialNoType:
		return "is at " + name + ", and does not list " + qtype
	case dnssec.DenialNoRecords:
		return "covers " + name + ", which has names below it, and no records"
	case dnssec.DenialNoName:
		return "covers " + name + ": there is no such name"
	case dnssec.DenialClosestEncloser:
		return "is at the closest encloser, " + name + ", which exists"
	case dnssec.DenialNextCloser:
		return "covers the next closer name, " + name + optOut
	case dnssec.DenialWildcardNoType:
		return "is at the wildcard " + name + ", and does not list " + qtype
	}
	return "covers the wildcard " + name + ": there is none" + optOut
}

// ends writes where chains end, and why. Those that end for the same reason stand together.
func (p *page) ends(indent int, all []End) {
	for i := 0; i < len(all); {
		e := &all[i]
		names := short(e.Name) + " " + e.Type
		for i++; i < len(all) && all[i].Status == e.Status && all[i].Reason == e.Reason && all[i].Server == e.Server; i++ {
			names += ", " + short(all[i].Name) + " " + all[i].Type
		}
		p.line(indent, names+": "+strings.ToUpper(e.Status.String())+", the chain ends here")
		p.line(indent+1, "because "+e.Reason.String())
		if s := e.Refused; s != nil {
			p.line(indent+1, fmt.Sprintf("the signature of %s says: by %s (%s), %s", s.Covers, by(s), algorithm(s.Algorithm), p.validity(s)))
		}
		if e.Server != "" {
			p.line(indent+1, "said by "+e.Server)
		}
		for _, text := range e.Asked {
			p.line(indent+1, "asked: "+text)
		}
	}
}

func algorithm(n uint8) string {
	return cmp.Or(dns.AlgorithmToString[n], fmt.Sprintf("algorithm %d", n))
}

func digestType(n uint8) string {
	return cmp.Or(dns.HashToString[n], fmt.Sprintf("digest %d", n))
}

func shownTime(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }

// shownSpan returns a duration in the units that count.
func shownSpan(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
