package dane

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A search is what came of the search for a host's TLSA records.
type search struct {
	lookups []Lookup // CNAME and TLSA, in order
	base    string   // the TLSA base domain, where there are records
	records []dns.RR // of a secure answer
	err     error    // a lookup failed
}

// searchTLSA looks for the TLSA records of a host where its addresses allow that. Its lookups are kept behind
// those of the addresses, as far as there is room, for takeSearch to take.
func (v *Verifier) searchTLSA(ctx context.Context, h *Host, addresses *dnssec.Answer) *search {
	found := &search{lookups: h.Lookups[len(h.Lookups):]}
	for _, base := range v.baseDomains(ctx, found, h.Name, addresses) {
		owner := tlsaOwner(h.Port, base)
		if !canExist(owner) {
			continue // nobody can have published anything there
		}
		answer, lookup, err := v.lookup(ctx, owner, dns.TypeTLSA)
		found.lookups = append(found.lookups, lookup)
		if err != nil {
			// RFC 7672 §2.1.2: the host is as good as unreachable. An attacker who
			// suppresses the records must not get an unprotected delivery, nor one by
			// the records of another name.
			found.err = err
			break
		}
		if found.records = answer.Authenticated(); len(found.records) > 0 {
			found.base = base
			break
		}
		// RFC 7672 §2.2.3: absent or insecure, so the next candidate
	}
	return found
}

// tlsaOwner returns the name that the TLSA records of a host are at (RFC 6698 §3).
func tlsaOwner(port uint16, base string) string {
	return "_" + strconv.Itoa(int(port)) + "._tcp." + base
}

// canExist reports whether a name is no longer than one can be (RFC 1035 §3.1).
func canExist(name string) bool {
	if !strings.Contains(name, `\`) {
		return hasLengths(fromDNS(name))
	}
	_, err := dns.PackDomainName(dns.Fqdn(name), make([]byte, maxNameOctets), 0, nil, false)
	return err == nil
}

// maxNameOctets is the length of the longest name in wire form (RFC 1035 §3.1).
const maxNameOctets = 255

// takeSearch sets the action, the TLSA base domain and the records.
func (h *Host) takeSearch(found *search) error {
	before := len(h.Lookups)
	h.Lookups = append(h.Lookups, found.lookups...)
	for i := before; i < len(h.Lookups); i++ {
		if h.Lookups[i].Type == dns.TypeTLSA {
			h.TLSA = &h.Lookups[i]
		}
	}
	if found.err != nil || len(found.records) == 0 {
		return found.err
	}
	return h.take(found)
}

// baseDomains returns the candidates for the TLSA base domain, best first (RFC
// 7672 §2.2.2). None means that DANE does not apply.
func (v *Verifier) baseDomains(ctx context.Context, found *search, host string, addresses *dnssec.Answer) []string {
	switch {
	case addresses.Status == dnssec.Secure && len(addresses.Aliases) == 0:
		return []string{host}
	case addresses.Status == dnssec.Secure:
		// Never those in between (RFC 7672 §2.2.3).
		return []string{fromDNS(addresses.Name), host}
	case len(addresses.Aliases) == 0:
		return nil
	}
	// RFC 7672 §2.1.3: with insecure addresses behind an alias the status of the
	// first alias decides about the original name.
	status := addresses.Aliases[0].Status
	if status == dnssec.Indeterminate {
		// The resolver cannot tell.
		answer, lookup, err := v.lookup(ctx, host, dns.TypeCNAME)
		found.lookups = append(found.lookups, lookup)
		if found.err = err; err != nil {
			return nil
		}
		status = answer.Status
	}
	if status == dnssec.Secure {
		return []string{host}
	}
	return nil
}

// take keeps the records, and decides by them (RFC 7672 §2.2). There may be as many as fit
// into a message: to match them takes a comparison each, and tlsa bounds what takes more.
func (h *Host) take(found *search) error {
	for _, rr := range found.records {
		record, ok, err := tlsaRecord(rr)
		if err != nil {
			return fmt.Errorf("TLSA record of %s: %w", found.base, err)
		}
		if ok {
			h.Records = append(h.Records, record)
		}
	}
	if len(h.Records) == 0 {
		// A resolver that returns others alone leaves open whether there are any of TLSA.
		return fmt.Errorf("%w: no TLSA record among those of %s", ErrLookup, found.base)
	}
	slices.SortFunc(h.Records, byRData)
	switch authenticates := slices.ContainsFunc(h.Records, usable); {
	case authenticates && (h.MXSecure || h.Action != MustAuthenticate):
		h.Base, h.Action, h.PKIX = found.base, MustAuthenticate, ""
	case authenticates:
		// RFC 7672 §2.2.1: behind an insecure MX lookup DANE authenticates the host, and not
		// that it is the domain's. What the policy demands for that stays.
		h.Base = found.base
	case h.Action == MayEncrypt:
		h.Action = MustEncrypt // RFC 7672 §2.2: at least one secure record
	}
	if h.PKIX == "" {
		h.Base = found.base
	}
	return nil
}

// byRData is the canonical order of records.
func byRData(a, b tlsa.Record) int {
	return cmp.Or(cmp.Compare(a.Usage, b.Usage), cmp.Compare(a.Selector, b.Selector), cmp.Compare(a.Matching, b.Matching),
		bytes.Compare(a.Data, b.Data))
}

// tlsaRecord returns the TLSA record that an RR is; false for RRs of other types. A record that
// is too short is not usable, but it is there, so that TLS is required (RFC 7672 §2.2). The
// fields that it lacks are set to 255, which has no meaning (RFC 7218 §2).
func tlsaRecord(rr dns.RR) (record tlsa.Record, ok bool, err error) {
	switch rr := rr.(type) {
	case *dns.TLSA:
		data, err := hex.DecodeString(rr.Certificate)
		return tlsa.Record{
			Usage: tlsa.Usage(rr.Usage), Selector: tlsa.Selector(rr.Selector), Matching: tlsa.Matching(rr.MatchingType), Data: data,
		}, true, err
	case *dns.RFC3597: // how dnssec gives a record that is malformed
		if rr.Hdr.Rrtype != dns.TypeTLSA {
			return tlsa.Record{}, false, nil
		}
		data, err := hex.DecodeString(rr.Rdata)
		if err != nil {
			return tlsa.Record{}, true, err
		}
		for len(data) < 3 {
			data = append(data, 255)
		}
		record, err := tlsa.ParseRData(data)
		return record, true, err
	}
	return tlsa.Record{}, false, nil
}
