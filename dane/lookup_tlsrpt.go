package dane

import (
	"context"
	"strings"

	"github.com/miekg/dns"
)

// maxTLSRPT bounds a TLSRPT record. Those that there are have one or two addresses.
const maxTLSRPT = 4096

// LookupTLSRPT returns the TLSRPT record of a domain as it is published, such as
// "v=TLSRPTv1; rua=mailto:reports@example.org". It is empty if the domain wants no reports:
// there is no such record, or more than one, or it cannot be read (RFC 8460 §3). The record
// need not be secure. The error is of type *Error, and tells of a lookup that has failed.
func (v *Verifier) LookupTLSRPT(ctx context.Context, domain string) (string, error) {
	name, err := destinationName(domain)
	if err != nil {
		return "", &Error{Domain: domain, Permanent: impossible(err), Err: err}
	}
	if _, literal := parseLiteral(name); literal || !hasLengths("_smtp._tls."+name) {
		return "", nil
	}
	answer, lookup, err := v.lookup(ctx, "_smtp._tls."+name, dns.TypeTXT)
	contextTrace(ctx).lookups(lookup)
	if err != nil {
		return "", &Error{Domain: name, Err: err}
	}
	found := ""
	for _, rr := range answer.Records {
		txt, ok := rr.(*dns.TXT)
		if !ok || !isTLSRPT(txt.Txt) {
			continue
		}
		if found != "" {
			return "", nil // RFC 8460 §3: not exactly one
		}
		found = strings.Join(txt.Txt, "") // without spaces between them
	}
	if !wantsReports(found) {
		return "", nil
	}
	return found, nil
}

// isTLSRPT reports whether the strings of a TXT record begin as a TLSRPT record does. Others
// at the same name do not count (RFC 8460 §3).
func isTLSRPT(parts []string) bool {
	version, _, ok := strings.Cut(strings.Join(parts, ""), ";")
	return ok && strings.TrimRight(version, " \t") == "v=TLSRPTv1"
}

// wantsReports reports whether a record says where reports go to, in the characters that it
// may have (RFC 8460 §3). A TXT record has others escaped.
func wantsReports(record string) bool {
	if len(record) > maxTLSRPT || strings.ContainsFunc(record, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' || r == '\\' }) {
		return false
	}
	for field := range strings.SplitSeq(record, ";") {
		key, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		if key == "rua" && value != "" {
			return true
		}
	}
	return false
}
