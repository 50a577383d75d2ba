package main

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// misplaced looks for TLSA records where no sender looks for them: people publish them at the
// domain in place of the mail host, for a port of theirs, without the port, without underscores,
// or with a name to which the zone file adds the zone's, since the final dot is missing. It asks
// only about hosts that have none where they should be.
func misplaced(ctx context.Context, resolver dane.Resolver, r *dane.Result) (all []diagnosis.Finding) {
	if r.Domain == nil || resolver == nil {
		return nil
	}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if h.TLSA == nil || h.TLSA.Err != nil || len(h.Records) > 0 || len(h.Addresses) == 0 {
			continue
		}
		right := strings.TrimSuffix(h.TLSA.Name, ".")
		var wildcard string
		for _, name := range places(h, r.Domain.Name) {
			if _, ok := dns.IsDomainName(name); name == right || !ok {
				continue
			}
			answer, err := resolver.Lookup(ctx, dns.Fqdn(name), dns.TypeTLSA)
			if err != nil || len(answer.Records) == 0 || !ofTLSA(answer.Records) {
				continue
			}
			f := diagnosis.Finding{Code: diagnosis.CodeTLSAMisplaced, Host: h.Name,
				Text: "There are TLSA records at " + name + ", where no sender of mail to " + h.Name + " looks for them: they look at " + right + ".",
				Fix:  "Publish them at " + right + " as well, if they are of the key that the server has on port 25."}
			if data := dataOf(answer.Records); strings.HasPrefix(name, "*.") {
				wildcard = data
				f.Text = "There are TLSA records at " + name + ", a wildcard, which does not reach " + right + ": it stands for no name below one that exists, as " + h.Name + " does (RFC 4592)."
			} else if data == wildcard {
				continue // it is the wildcard's
			}
			for _, rr := range answer.Records {
				f.Evidence = append(f.Evidence, strings.Join(strings.Fields(rr.String()), " "))
			}
			all = append(all, f)
		}
	}
	return all
}

// dataOf is what records say, without whose they are.
func dataOf(records []dns.RR) string {
	var all []string
	for _, rr := range records {
		_, data, _ := strings.Cut(rr.String(), "\tTLSA\t")
		all = append(all, data)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// places are those where TLSA records of a host are found by mistake.
func places(h *dane.HostResult, domain string) []string {
	all := []string{"*." + domain, "_25._tcp." + domain}
	for _, labels := range []string{"_465._tcp.", "_587._tcp.", "_tcp.", "", "25._tcp.", "_25.tcp.", "25.tcp.", "_tcp._25.", "_smtp._tcp."} {
		all = append(all, labels+h.Name)
	}
	zone := domain
	if n := len(h.TLSA.Chain); n > 0 && h.TLSA.Chain[n-1].Zone != "" {
		zone = strings.TrimSuffix(h.TLSA.Chain[n-1].Zone, ".")
	}
	return append(all, "_25._tcp."+h.Name+"."+zone)
}

// ofTLSA reports whether all records are TLSA records: a wildcard may have others.
func ofTLSA(records []dns.RR) bool {
	for _, rr := range records {
		if rr.Header().Rrtype != dns.TypeTLSA {
			return false
		}
	}
	return true
}
