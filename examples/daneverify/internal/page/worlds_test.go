package page_test

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/page"
)

// signed returns the evidence for a record by zones whose keys are signed by keys of their
// own, as most are. The names are those of the zones from the root down.
func signed(rtype uint16, owner string, zones ...string) (chain []dnssec.Link) {
	tag := func(zone string, add uint16) uint16 { return uint16(len(zone))*977 + add }
	link := func(zone, name string, rtype, key uint16, days int) {
		chain = append(chain, dnssec.Link{
			Zone: zone, Name: name, Type: rtype, Status: dnssec.Secure, Anchor: rtype == dns.TypeDNSKEY && zone == ".", KeyTag: key,
			Algorithm: dns.RSASHA256, Inception: now.AddDate(0, 0, -7), Expiration: now.AddDate(0, 0, days), Server: "192.0.2.53:53",
		})
	}
	for i, zone := range zones {
		if i > 0 {
			link(zones[i-1], zone, dns.TypeDS, tag(zones[i-1], 2), 2+i)
		}
		link(zone, zone, dns.TypeDNSKEY, tag(zone, 1), 20-i)
	}
	last := zones[len(zones)-1]
	link(last, owner, rtype, tag(last, 2), 9)
	return chain
}

// spread is a domain whose servers are in other zones, below other top-level domains: one
// signed, one not, and one an alias from the one to the other.
func spread() page.Domain {
	lookup := func(name string, rtype uint16, status dnssec.Status, chain []dnssec.Link, records ...string) dane.Lookup {
		return dane.Lookup{Name: name, Type: rtype, Status: status, Records: records, Chain: chain, Expires: now.Add(time.Hour)}
	}
	unsigned := func(l dane.Lookup, zone string) dane.Lookup {
		l.Reason = dnssec.Reason{Zone: zone, Name: zone, Type: dns.TypeDS, Text: "the zone above proves that the delegation is not signed"}
		l.Chain = append(l.Chain, dnssec.Link{Name: l.Name + ".", Type: l.Type, Status: dnssec.Insecure})
		return l
	}
	net, com := []string{".", "net.", "mail-provider.net."}, []string{".", "com."}
	host := &dane.Host{Domain: "a.example", Name: "mx1.mail-provider.net", Action: dane.MustAuthenticate, Lookups: []dane.Lookup{
		lookup("mx1.mail-provider.net", dns.TypeA, dnssec.Secure, signed(dns.TypeA, "mx1.mail-provider.net.", net...), "192.0.2.1"),
		lookup("mx1.mail-provider.net", dns.TypeAAAA, dnssec.Secure, signed(dns.TypeNSEC3, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.mail-provider.net.", net...)),
		lookup("_25._tcp.mx1.mail-provider.net", dns.TypeTLSA, dnssec.Secure, signed(dns.TypeTLSA, "_25._tcp.mx1.mail-provider.net.", net...), "3 1 1 00"),
	}}
	other := &dane.Host{Domain: "a.example", Name: "backup.other-provider.com", Action: dane.MayEncrypt, Lookups: []dane.Lookup{
		unsigned(lookup("backup.other-provider.com", dns.TypeA, dnssec.Insecure, signed(dns.TypeNSEC3, "ck0pojmg874ljref7efn8430qvit8bsm.com.", com...), "192.0.2.2"), "other-provider.com."),
	}}
	alias := &dane.Host{Domain: "a.example", Name: "alias.mail-provider.net", Action: dane.MayEncrypt, Lookups: []dane.Lookup{
		unsigned(lookup("alias.mail-provider.net", dns.TypeA, dnssec.Insecure, append(
			signed(dns.TypeCNAME, "alias.mail-provider.net.", net...), signed(dns.TypeNSEC3, "ck0pojmg874ljref7efn8430qvit8bsm.com.", com...)...,
		), "192.0.2.3"), "third-provider.com."),
	}}
	bogus := &dane.Host{Domain: "a.example", Name: "mx9.a.example", Action: dane.Skip, Lookups: []dane.Lookup{{
		Name: "mx9.a.example", Type: dns.TypeA, Status: dnssec.Bogus, Chain: append(signed(dns.TypeDS, "a.example.", ".", "example."),
			dnssec.Link{Name: "mx9.a.example.", Type: dns.TypeA, Status: dnssec.Bogus}),
		Reason: dnssec.Reason{Zone: "a.example.", Name: "mx9.a.example.", Type: dns.TypeA, KeyTag: 7, Text: "signature expired"},
	}}}
	r := &dane.Result{
		Name: "a.example", Started: now, Domain: &dane.Domain{Name: "a.example", Status: dnssec.Secure, Lookup: lookup("a.example", dns.TypeMX, dnssec.Secure,
			signed(dns.TypeMX, "a.example.", ".", "example.", "a.example."), "10 mx1.mail-provider.net.", "20 backup.other-provider.com.")},
	}
	for _, h := range []*dane.Host{host, other, alias, bogus} {
		r.Hosts = append(r.Hosts, dane.HostResult{Host: h})
		r.Domain.MX = append(r.Domain.MX, dane.MX{Preference: 10, Host: h.Name})
	}
	return page.Domain{Result: r, Report: diagnosis.Diagnose(r, diagnosis.Options{})}
}
