package replay

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A script has what one program asks for in one order. Others ask for the records of a
// reply by themselves: for those behind an alias, for the address of a name server, or
// for DS records that came with a referral. They are here.

// borrow makes a reply of what other entries of a step have for the question. It returns nil
// if they have nothing.
func (n *Network) borrow(step int, q dns.Question) *Entry {
	for _, from := range []func(*dns.Msg, dns.Question) *dns.Msg{records, glue, referral, denial} {
		for _, r := range n.script.Ranges {
			if step < r.First || step > r.Last {
				continue
			}
			for _, e := range r.Entries {
				if e := borrowed(e, from, q); e != nil {
					return e
				}
			}
		}
	}
	return nil
}

// behindAlias takes the denial from the reply that had the alias to its name, and said
// that it does not exist (RFC 2308 §2.1): some scripts have it right nowhere else.
func (n *Network) behindAlias(q dns.Question) *Entry {
	if n.alias == nil || n.alias.Msg.Rcode != dns.RcodeNameError || len(n.alias.Msg.Question) == 1 && sameText(n.alias.Msg.Question[0].Name, q.Name) {
		return nil
	}
	return borrowed(n.alias, denial, q)
}

// borrowed makes an entry of what another one has for the question, nil if it has nothing.
func borrowed(e *Entry, from func(*dns.Msg, dns.Question) *dns.Msg, q dns.Question) *Entry {
	msg := from(e.Msg, q)
	if msg == nil {
		return nil
	}
	msg.Response, msg.Authoritative = true, true
	return &Entry{Line: e.Line, Msg: msg}
}

// records takes the RRset, or an alias at or above the name, with what proves it.
func records(msg *dns.Msg, q dns.Question) *dns.Msg {
	var own []dns.RR
	for _, rr := range slices.Concat(msg.Answer, onlyDS(msg.Ns)) {
		owner := rr.Header().Name
		if sameText(owner, q.Name) && (covers(rr, q.Qtype) || covers(rr, dns.TypeCNAME)) ||
			covers(rr, dns.TypeDNAME) && dns.IsSubDomain(owner, q.Name) && !sameText(owner, q.Name) {
			own = append(own, rr)
		}
	}
	if !slices.ContainsFunc(own, isData) {
		return nil
	}
	proof := slices.DeleteFunc(slices.Clone(msg.Ns), func(rr dns.RR) bool { return isNS(rr) || covers(rr, dns.TypeDS) })
	return &dns.Msg{Answer: own, Ns: proof}
}

// glue takes an address from the additional section.
func glue(msg *dns.Msg, q dns.Question) *dns.Msg {
	var own []dns.RR
	for _, rr := range msg.Extra {
		if sameText(rr.Header().Name, q.Name) && covers(rr, q.Qtype) && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeAAAA) {
			own = append(own, rr)
		}
	}
	if !slices.ContainsFunc(own, isData) {
		return nil
	}
	return &dns.Msg{Answer: own}
}

// referral takes the proof that a delegation has no DS records.
func referral(msg *dns.Msg, q dns.Question) *dns.Msg {
	cut := slices.ContainsFunc(msg.Ns, func(rr dns.RR) bool { return isNS(rr) && sameText(rr.Header().Name, q.Name) })
	proves := func(rr dns.RR) bool {
		return cut && isDenial(rr) || covers(rr, dns.TypeNSEC) && sameText(rr.Header().Name, q.Name)
	}
	if q.Qtype != dns.TypeDS || !slices.ContainsFunc(msg.Ns, proves) {
		return nil
	}
	return &dns.Msg{Ns: slices.DeleteFunc(slices.Clone(msg.Ns), func(rr dns.RR) bool { return !proves(rr) })}
}

// denial takes the proofs in a reply to a name below, or to an alias of the name.
func denial(msg *dns.Msg, q dns.Question) *dns.Msg {
	if !slices.ContainsFunc(msg.Ns, isDenial) || len(msg.Question) != 1 {
		return nil
	}
	asked, rcode := msg.Question[0], dns.RcodeSuccess
	names := []string{asked.Name}
	for _, rr := range msg.Answer {
		if alias, ok := rr.(*dns.CNAME); ok {
			names = append(names, alias.Target)
		}
	}
	for _, name := range names {
		switch {
		case sameText(name, q.Name) && (asked.Qtype == q.Qtype || q.Qtype == dns.TypeDS):
			rcode = msg.Rcode
		case q.Qtype == dns.TypeDS && dns.IsSubDomain(q.Name, name):
		default:
			continue
		}
		return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode}, Ns: slices.DeleteFunc(slices.Clone(msg.Ns), isNS)}
	}
	return nil
}

func asANY(query *dns.Msg) *dns.Msg {
	query = query.Copy()
	if query.Question[0].Qtype != dns.TypeDS {
		query.Question[0].Qtype = dns.TypeANY
	}
	return query
}

func onlyDS(section []dns.RR) []dns.RR {
	return slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool { return !covers(rr, dns.TypeDS) })
}

func isNS(rr dns.RR) bool     { return rr.Header().Rrtype == dns.TypeNS }
func isData(rr dns.RR) bool   { return rr.Header().Rrtype != dns.TypeRRSIG }
func isDenial(rr dns.RR) bool { return covers(rr, dns.TypeNSEC) || covers(rr, dns.TypeNSEC3) }

// covers reports whether the record is of the type, or a signature of one.
func covers(rr dns.RR, rrtype uint16) bool {
	sig, ok := rr.(*dns.RRSIG)
	return rr.Header().Rrtype == rrtype || ok && sig.TypeCovered == rrtype
}

func sameText(a, b string) bool { return strings.EqualFold(a, b) }
