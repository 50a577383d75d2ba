package nsupdate

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A Change turns one set of TLSA records into another.
type Change struct {
	Zone, Owner string
	Before      []*dns.TLSA // the whole set, which must be there as it is; empty if there must be none
	Add, Remove []*dns.TLSA
	TTL         uint32 // of those that are added
}

// Message is the update. Its condition is that the set is what it was (RFC 2136 §2.4.2), or
// that there is none if it was empty (RFC 2136 §2.4.3); and that there is no alias, beside
// which a server would drop the records without a word (RFC 2136 §3.4.2.2).
func (c *Change) Message() *dns.Msg {
	m := new(dns.Msg).SetUpdate(c.Zone)
	m.RRsetNotUsed([]dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: c.Owner, Rrtype: dns.TypeCNAME}}})
	if len(c.Before) > 0 {
		m.Used(c.records(c.Before, 0))
	} else {
		m.RRsetNotUsed(c.records([]*dns.TLSA{{}}, 0))
	}
	if len(c.Remove) > 0 {
		m.RemoveRRset(c.records([]*dns.TLSA{{}}, 0))
	}
	m.Insert(c.records(c.added(), c.TTL))
	return m
}

// added are the records that the update adds. To remove some it removes the set, and adds what
// is to remain, which is one change for every reader. PowerDNS 4.7 forgets the place in the
// NSEC chain of the records that remain when a single one is removed, and its denials are
// bogus from then on.
func (c *Change) added() []*dns.TLSA {
	if len(c.Remove) == 0 {
		return c.Add
	}
	var all []*dns.TLSA
	for _, r := range c.Before {
		if !slices.ContainsFunc(c.Remove, func(other *dns.TLSA) bool { return strings.EqualFold(data(r), data(other)) }) {
			all = append(all, r)
		}
	}
	return append(all, c.Add...)
}

func (c *Change) records(set []*dns.TLSA, ttl uint32) (all []dns.RR) {
	for _, record := range set {
		rr := *record
		rr.Hdr = dns.RR_Header{Name: c.Owner, Rrtype: dns.TypeTLSA, Class: dns.ClassINET, Ttl: ttl}
		all = append(all, &rr)
	}
	return all
}

// Script is the same for nsupdate, which reads the key by itself.
func (c *Change) Script(server string) string {
	var b strings.Builder
	if host, port, err := net.SplitHostPort(server); err == nil {
		fmt.Fprintf(&b, "server %s %s\n", host, port)
	}
	fmt.Fprintf(&b, "zone %s\nprereq nxrrset %s IN CNAME\n", c.Zone, c.Owner)
	for _, r := range c.Before {
		fmt.Fprintf(&b, "prereq yxrrset %s IN TLSA %s\n", c.Owner, data(r))
	}
	if len(c.Before) == 0 {
		fmt.Fprintf(&b, "prereq nxrrset %s IN TLSA\n", c.Owner)
	}
	if len(c.Remove) > 0 {
		fmt.Fprintf(&b, "update delete %s IN TLSA\n", c.Owner)
	}
	for _, r := range c.added() {
		fmt.Fprintf(&b, "update add %s %d IN TLSA %s\n", c.Owner, c.TTL, data(r))
	}
	b.WriteString("send\n")
	return b.String()
}

// data is the record without owner, TTL and class.
func data(r *dns.TLSA) string {
	return fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.MatchingType, r.Certificate)
}

// ServerAddress reads ADDR or HOST, with :PORT behind it or without.
func ServerAddress(text string) (string, error) {
	host, port := text, "53"
	bare := text
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		bare = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return net.JoinHostPort(addr.String(), port), nil
	}
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	}
	var number uint16
	if _, err := fmt.Sscanf(port+"\n", "%d\n", &number); err != nil || number == 0 {
		return "", fmt.Errorf("%q: want an address or a host, and a port from 1 to 65535 if it is not 53", text)
	}
	if _, ok := dns.IsDomainName(host); !ok || host == "" || strings.ContainsAny(host, " \t\r\n\"'#/@[]:") && net.ParseIP(host) == nil {
		return "", fmt.Errorf("%q: want an address or a host, as in 192.0.2.1, [2001:db8::1]:5353 or ns1.example.org", text)
	}
	return net.JoinHostPort(host, fmt.Sprint(number)), nil
}
