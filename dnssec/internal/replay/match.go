package replay

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// entry returns the reply to a query, nil if there is none, after waiting for the step
// that has one.
func (n *Network) entry(server netip.Addr, network string, query *dns.Msg) *Entry {
	for {
		if e := n.entryAt(n.step, server, network, query); e != nil {
			return e
		}
		later := slices.ContainsFunc(n.script.Ranges, func(r Range) bool {
			return r.First > n.step && n.entryAt(r.First, server, network, query) != nil
		})
		if !later || n.script.Config.Dialect != Unbound || n.closed {
			return nil
		}
		n.stepped.Wait()
	}
}

// entryAt returns the reply that a step has. Where the script asks for ANY, queries are
// for one of the types, but the reply is that.
func (n *Network) entryAt(step int, server netip.Addr, network string, query *dns.Msg) *Entry {
	if e := n.behindAlias(query.Question[0]); e != nil {
		return e
	}
	e := n.find(step, server, network, query)
	if len(n.script.TypesAt(query.Question[0].Name)) > 0 {
		e = cmp.Or(n.find(step, server, network, asANY(query)), e)
	}
	return cmp.Or(e, n.borrow(step, query.Question[0]))
}

// find looks for the reply to a query in the ranges of a step.
func (n *Network) find(step int, server netip.Addr, network string, query *dns.Msg) *Entry {
	deckard := n.script.Config.Dialect == Deckard
	ranges := slices.Clone(n.script.Ranges)
	anywhere := deckard // where no range has the server
	for _, r := range ranges {
		anywhere = anywhere && !slices.Contains(r.Servers, server)
	}
	if !deckard {
		slices.Reverse(ranges)
	}
	for _, r := range ranges {
		if step < r.First || step > r.Last || len(r.Servers) > 0 && !anywhere && !slices.Contains(r.Servers, server) {
			continue
		}
		for _, e := range r.Entries {
			if e.isFor(network, query) {
				return e
			}
		}
		if deckard && !anywhere {
			return nil
		}
	}
	return nil
}

// isFor compares a query with the entry.
func (e *Entry) isFor(network string, query *dns.Msg) bool {
	for _, token := range e.Match {
		if !comparisons[token](e.Msg, network, query) {
			return false
		}
	}
	return true
}

// comparisons are those that can be made with a query.
var comparisons = map[string]func(e *dns.Msg, network string, query *dns.Msg) bool{
	"opcode": func(e *dns.Msg, _ string, query *dns.Msg) bool { return e.Opcode == query.Opcode },
	"qname":  sameName,
	"qtype":  sameType,
	"question": func(e *dns.Msg, network string, query *dns.Msg) bool {
		return sameName(e, network, query) && sameType(e, network, query)
	},
	"qcase": func(e *dns.Msg, _ string, query *dns.Msg) bool {
		return len(e.Question) == 1 && e.Question[0].Name == query.Question[0].Name
	},
	"subdomain": func(e *dns.Msg, _ string, query *dns.Msg) bool {
		return len(e.Question) == 1 && dns.IsSubDomain(e.Question[0].Name, query.Question[0].Name)
	},
	"UDP":    func(_ *dns.Msg, network string, _ *dns.Msg) bool { return network == "udp" },
	"TCP":    func(_ *dns.Msg, network string, _ *dns.Msg) bool { return network == "tcp" },
	"DO":     func(_ *dns.Msg, _ string, query *dns.Msg) bool { opt := query.IsEdns0(); return opt != nil && opt.Do() },
	"noedns": func(_ *dns.Msg, _ string, query *dns.Msg) bool { return query.IsEdns0() == nil },
}

func sameName(e *dns.Msg, _ string, query *dns.Msg) bool {
	return len(e.Question) == 1 && sameText(e.Question[0].Name, query.Question[0].Name)
}

func sameType(e *dns.Msg, _ string, query *dns.Msg) bool {
	return len(e.Question) == 1 && e.Question[0].Qtype == query.Question[0].Qtype
}
