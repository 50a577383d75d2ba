package main

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// misplaced looks for TLSA records where no sender looks for them: people publish them at the
// domain in place of the mail host, for a port of theirs, or without the port. It asks only
// about hosts that have none where they should be.
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
		for _, name := range []string{"_25._tcp." + r.Domain.Name, "_465._tcp." + h.Name, "_587._tcp." + h.Name, "_tcp." + h.Name, h.Name} {
			if name == right {
				continue
			}
			answer, err := resolver.Lookup(ctx, dns.Fqdn(name), dns.TypeTLSA)
			if err != nil || len(answer.Records) == 0 || !ofTLSA(answer.Records) {
				continue
			}
			f := diagnosis.Finding{Code: diagnosis.CodeTLSAMisplaced, Host: h.Name,
				Text: "There are TLSA records at " + name + ", where no sender of mail to " + h.Name + " looks for them: they look at " + right + ".",
				Fix:  "Publish them at " + right + " as well, if they are of the key that the server has on port 25."}
			for _, rr := range answer.Records {
				f.Evidence = append(f.Evidence, strings.Join(strings.Fields(rr.String()), " "))
			}
			all = append(all, f)
		}
	}
	return all
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
