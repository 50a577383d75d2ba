package dane

import (
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// lookup writes a lookup, in the form of jsonLookup.
func (t *jsonText) lookup(l *Lookup) {
	t.raw("{")
	t.text("name", l.Name)
	t.text("type", dns.Type(l.Type).String())
	t.text("status", l.Status.String())
	if l.Err == nil {
		t.textIfAny("rcode", dns.RcodeToString[l.RCode])
	}
	t.stringsIfAny("records", l.Records)
	jsonArrayIfAny(t, "aliases", l.Aliases, t.alias)
	if l.Status != dnssec.Secure {
		reason := printable.Line(l.Reason.String())
		if reason == "" {
			reason = "the resolver gave no reason"
		}
		t.text("reason", reason)
		t.number("ede", int(l.Reason.Code))
	}
	t.textIfAny("error", text(l.Err))
	t.instantIfAny("expires", l.Expires)
	t.trueIf("local_lack", l.local())
	t.milliseconds("elapsed_ms", l.Elapsed)
	jsonArrayIfAny(t, "queries", l.Exchanges, t.query)
	t.cause(&l.Reason)
	jsonArrayIfAny(t, "chain", l.Chain[:min(len(l.Chain), maxLinks)], t.link)
	t.raw("}")
}

// query writes an exchange, in the form of jsonQuery.
func (t *jsonText) query(x *dnssec.Exchange) {
	t.raw("{")
	t.text("name", fromDNS(x.Name))
	t.text("type", dns.Type(x.Type).String())
	t.textIfAny("server", x.Server)
	t.textIfAny("network", x.Network)
	t.textIfAny("rcode", dns.RcodeToString[x.RCode])
	t.textIfAny("error", text(x.Err))
	jsonArrayIfAny(t, "passed_over", x.PassedOver, func(err *error) { t.string(text(*err)) })
	t.milliseconds("elapsed_ms", x.Elapsed)
	t.raw("}")
}

// alias writes a step from a name to another, in the form of jsonAlias.
func (t *jsonText) alias(a *dnssec.Alias) {
	t.raw("{")
	t.text("name", fromDNS(a.Name))
	t.text("target", fromDNS(a.Target))
	t.text("type", dns.Type(a.Type).String())
	t.text("status", a.Status.String())
	t.raw("}")
}

// cause writes a reason, in the form of jsonCause. One without a name has no more than its text.
func (t *jsonText) cause(r *dnssec.Reason) {
	if r.Name == "" {
		return
	}
	t.name("cause")
	t.raw("{")
	t.textIfAny("zone", r.Zone)
	t.text("name", r.Name)
	t.text("type", dns.Type(r.Type).String())
	t.numberIfAny("key_tag", int(r.KeyTag))
	t.textIfAny("text", printable.Line(r.Text))
	t.raw("}")
}

// link writes a link of a chain of trust, in the form of jsonLink.
func (t *jsonText) link(l *dnssec.Link) {
	t.raw("{")
	t.textIfAny("zone", l.Zone)
	t.text("name", l.Name)
	t.text("type", dns.Type(l.Type).String())
	t.text("status", l.Status.String())
	t.trueIf("anchor", l.Anchor)
	t.numberIfAny("key_tag", int(l.KeyTag))
	t.numberIfAny("algorithm", int(l.Algorithm))
	t.numberIfAny("original_ttl", int(l.OriginalTTL))
	t.instantIfAny("inception", l.Inception)
	t.instantIfAny("expiration", l.Expiration)
	t.textIfAny("server", printable.Line(l.Server))
	t.raw("}")
}
