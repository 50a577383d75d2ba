package replay

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// entryAt returns the reply that a step has. Where the script asks for ANY, queries are
// for one of the types, but the reply is that.
func (n *Network) entryAt(step int, server netip.Addr, network string, query *dns.Msg) *Entry {
	if e := n.behindAlias(query.Question[0]); e != nil {
		return e
	}
	e := n.find(step, server, network, query)
	if _, any := n.script.TypesAt(query.Question[0].Name); any {
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
	return !slices.ContainsFunc(e.Match, func(token string) bool {
		word, value, _ := strings.Cut(token, "=")
		return !comparisons[word](asked{e, query, network, value})
	})
}

// An asked is a query that is compared with an entry, by a word that may have a value.
type asked struct {
	*Entry
	query   *dns.Msg
	network string
	value   string
}

// matches are the words of MATCH. One that ends in = has a value.
var matches = func() []string {
	words := []string{"serial=", "ede="}
	for word := range comparisons {
		if !slices.Contains(words, word+"=") {
			words = append(words, word)
		}
	}
	return words
}()

// comparisons are what MATCH says about a query. An answer is compared by who got it.
var comparisons = map[string]func(asked) bool{
	"opcode":   func(a asked) bool { return a.Msg.Opcode == a.query.Opcode },
	"qname":    asked.sameName,
	"qtype":    asked.sameType,
	"question": asked.sameQuestion,
	"qcase": func(a asked) bool {
		return len(a.Msg.Question) == 1 && a.Msg.Question[0].Name == a.query.Question[0].Name
	},
	"subdomain": func(a asked) bool {
		return len(a.Msg.Question) == 1 && dns.IsSubDomain(a.Msg.Question[0].Name, a.query.Question[0].Name)
	},
	"UDP":    func(a asked) bool { return a.network == "udp" },
	"TCP":    func(a asked) bool { return a.network == "tcp" },
	"DO":     func(a asked) bool { opt := a.query.IsEdns0(); return opt != nil && opt.Do() },
	"CO":     func(a asked) bool { opt := a.query.IsEdns0(); return opt != nil && opt.Co() },
	"noedns": func(a asked) bool { return a.query.IsEdns0() == nil },
	"flags":  asked.sameFlags,
	"rcode":  func(a asked) bool { return a.Msg.Rcode == a.query.Rcode },
	// These are about records. A query has no records but OPT.
	"answer":       func(a asked) bool { return len(a.Msg.Answer) == 0 },
	"answertypes":  func(a asked) bool { return len(a.Msg.Answer) == 0 },
	"answerrrsigs": func(a asked) bool { return len(a.Msg.Answer) == 0 },
	"authority":    func(a asked) bool { return len(a.Msg.Ns) == 0 },
	"additional":   func(a asked) bool { return len(a.Msg.Extra) == 0 },
	"all":          func(a asked) bool { return a.sameButEDNS() && a.sameEDNS() },
	"all_noedns":   asked.sameButEDNS,
	"ttl":          func(asked) bool { return true },
	"serial":       func(asked) bool { return false },
	"ede":          func(asked) bool { return false },
	// EDNS options.
	"edns":          asked.sameEDNS,
	"ednsdata":      asked.sameOptions,
	"nsid":          asked.sameOptions,
	"client_cookie": func(a asked) bool { return a.cookieSize() == 8 },
	"server_cookie": func(a asked) bool { return a.cookieSize() == 24 },
}

func (a asked) sameName() bool {
	return len(a.Msg.Question) == 1 && sameText(a.Msg.Question[0].Name, a.query.Question[0].Name)
}

func (a asked) sameType() bool {
	return len(a.Msg.Question) == 1 && a.Msg.Question[0].Qtype == a.query.Question[0].Qtype
}

func (a asked) sameQuestion() bool { return a.sameName() && a.sameType() }

func (a asked) sameFlags() bool {
	flags := func(h dns.MsgHdr) dns.MsgHdr { h.Id, h.Opcode, h.Rcode = 0, 0, 0; return h }
	return flags(a.Msg.MsgHdr) == flags(a.query.MsgHdr)
}

func (a asked) sameButEDNS() bool {
	return a.Msg.Opcode == a.query.Opcode && a.Msg.Rcode == a.query.Rcode && a.sameFlags() && a.sameQuestion() &&
		len(a.Msg.Answer)+len(a.Msg.Ns)+len(a.Msg.Extra) == 0
}

func (a asked) sameEDNS() bool {
	opt := a.query.IsEdns0()
	if opt == nil {
		return !a.DO && !a.CO && len(a.EDNS) == 0
	}
	return a.DO == opt.Do() && a.CO == opt.Co() && a.sameOptions()
}

func (a asked) sameOptions() bool {
	var options []dns.EDNS0
	if opt := a.query.IsEdns0(); opt != nil {
		options = opt.Option
	}
	return slices.EqualFunc(a.EDNS, options, func(x, y dns.EDNS0) bool {
		return x.Option() == y.Option() && x.String() == y.String()
	})
}

// cookieSize is the length of the cookie in octets (RFC 7873 §4).
func (a asked) cookieSize() int {
	if opt := a.query.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if cookie, ok := option.(*dns.EDNS0_COOKIE); ok {
				return len(cookie.Cookie) / 2
			}
		}
	}
	return 0
}
