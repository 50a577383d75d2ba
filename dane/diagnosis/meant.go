package diagnosis

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// meantHost is what an MX record was to name, if the name that it has is of the kind that a zone
// file gives where the final dot is missing: the zone's name is behind it (RFC 1035 §5.1). It is
// empty where nothing but one label stands before that, as in most MX records.
func (d *diagnosis) meantHost(host string) string {
	labels := dns.SplitDomainName(dns.Fqdn(host))
	for _, origin := range []string{d.result.Domain.Name, d.provenZone(dns.Fqdn(host))} {
		own := len(labels) - dns.CountLabel(dns.Fqdn(origin))
		if origin != "" && own >= 2 && dns.IsSubDomain(dns.Fqdn(origin), dns.Fqdn(host)) {
			return strings.Join(labels[:own], ".")
		}
	}
	return ""
}

// withDot says how an MX record is written whose final dot was left out.
func (d *diagnosis) withDot(meant string) string {
	if _, err := netip.ParseAddr(meant); err == nil {
		return "An MX record names a host, and no address: publish " + meant + " as an A record of a name, and the MX record with that name."
	}
	return "If " + meant + " was meant, the final dot is missing in the zone file, which puts the zone's own name behind: write " + meant + ". there. Otherwise publish its addresses, or remove the MX record."
}
