package explanation

import (
	"fmt"
	"net/netip"
	"strings"
)

// rules writes the rules, with a heading for each host and address.
func (p *page) rules(all []Rule) {
	if len(all) == 0 {
		return
	}
	p.line(0, "")
	p.line(0, "Rules, in the order in which a sender applies them")
	host := ""
	var address netip.AddrPort
	for i := range all {
		r := &all[i]
		indent := 1
		if r.Host != host {
			host, address = r.Host, netip.AddrPort{}
			if host != "" {
				p.line(1, "host "+host)
			}
		}
		if host != "" {
			indent = 2
		}
		if r.Address != nil {
			if *r.Address != address {
				address = *r.Address
				p.line(2, "address "+address.String())
			}
			indent = 3
		}
		text := r.Text
		if len(r.RFC) > 0 {
			text += " (" + strings.Join(r.RFC, ", ") + ")"
		}
		p.line(indent, text)
		for _, record := range r.Records {
			p.record(indent+1, &record)
		}
	}
}

// record writes a TLSA record, and beside it what the certificates have.
func (p *page) record(indent int, r *Record) {
	sign := "no: "
	if r.OK {
		sign = "yes: "
	}
	if r.Published == "" {
		text := sign + r.Record
		if !r.OK {
			text += ": " + r.Reason + rfc(r.RFC)
		}
		p.line(indent, text)
		return
	}
	p.line(indent, sign+cut(r.Record)+": "+r.Reason+rfc(r.RFC))
	if len(r.Presented) == 0 {
		return
	}
	what := r.Selector + " " + r.Matching
	p.line(indent+1, "published, "+what+":")
	p.line(indent+2, r.Published)
	for _, c := range r.Presented {
		equal := "different"
		if c.Equal {
			equal = "the same"
		}
		kind := ""
		if c.Other {
			kind = " for another kind of key"
		}
		p.line(indent+1, fmt.Sprintf("certificate %d%s, %s, %s:", c.Place, kind, c.Subject, equal))
		p.line(indent+2, c.Data)
	}
}

func rfc(section string) string {
	if section == "" {
		return ""
	}
	return " (" + section + ")"
}
