package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// exists finds out whether there is a mail server to ask about: a name without an address has no
// use for TLSA records, and was most likely mistyped, or is a mail domain and not a host. What the
// DNS does not say for sure is left to the survey.
func (c *dnsCommand) exists(ctx context.Context) error {
	host := dns.Fqdn(c.service.host)
	missing := true
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := c.zones.resolver.Lookup(ctx, host, qtype)
		if err != nil || len(answer.Records) > 0 {
			return nil
		}
		missing = missing && answer.RCode == dns.RcodeNameError
	}
	if missing {
		return fmt.Errorf("%s does not exist: is the name spelt right?", c.service.host)
	}
	servers := c.exchangers(ctx, host)
	if len(servers) == 0 {
		return fmt.Errorf("%s has no address, so that no server presents a certificate there: give the host name of the mail server", c.service.host)
	}
	return fmt.Errorf("%s has no address; it is a mail domain, and TLSA records are for its hosts: did you mean %s?", c.service.host, strings.Join(servers, " or "))
}

// exchangers are the hosts of a mail domain.
func (c *dnsCommand) exchangers(ctx context.Context, domain string) (hosts []string) {
	answer, err := c.zones.resolver.Lookup(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil
	}
	for _, rr := range answer.Records {
		if mx, ok := rr.(*dns.MX); ok {
			hosts = append(hosts, mx.Mx)
		}
	}
	return hostNames(hosts)
}

// hostNames returns names as people write them, once each, and of many only some.
func hostNames(names []string) (hosts []string) {
	const most = 4 // more would not be read
	for _, name := range names {
		if host := strings.TrimSuffix(dns.CanonicalName(name), "."); host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts[:min(len(hosts), most)]
}

// isFor warns of a certificate that is for other names: senders need not mind, but then it may be
// the wrong file.
func (c *dnsCommand) isFor(chain []*x509.Certificate, file string) {
	if len(chain) == 0 {
		return
	}
	if names := namesOf(chain[0].DNSNames, chain[0].Subject); !names.include(c.service.host) {
		c.tell("warning: the certificate in %s is for %s, not for %s: usage 3 does not mind (RFC 7671 §5.1), but is it the right file?", file, names, c.service.host)
	}
}
