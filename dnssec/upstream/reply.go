package upstream

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// isRefusal reports whether the rcode of a reply says that the server did not answer. It is
// anything but NOERROR and NXDOMAIN, which alone say something about the name.
func isRefusal(msg *dns.Msg) bool {
	return msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
}

// refusalError is the error for a reply that is a refusal.
func refusalError(msg *dns.Msg) error { return errors.New("server answered " + rcodeText(msg.Rcode)) }

func rcodeText(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return fmt.Sprintf("rcode %d", rcode)
}

// serverFailure is 1 for SERVFAIL and 0 for other rcodes, by which refusals are sorted.
func serverFailure(msg *dns.Msg) int {
	if msg.Rcode == dns.RcodeServerFailure {
		return 1
	}
	return 0
}

// isReferral reports whether a reply only says where to ask: no answer, and name servers
// without an SOA record (RFC 2308 §2.2). Taken for an answer, it would deny the name.
func isReferral(msg *dns.Msg) bool {
	return msg.Rcode == dns.RcodeSuccess && len(msg.Answer) == 0 &&
		has(msg.Ns, dns.TypeNS) && !has(msg.Ns, dns.TypeSOA)
}

// has reports whether a section has records of a type.
func has(section []dns.RR, rrtype uint16) bool {
	for _, rr := range section {
		if rr.Header().Rrtype == rrtype {
			return true
		}
	}
	return false
}

// isSigned reports whether a section has records of a type and a signature that covers the
// type. Nothing here checks the signature.
func isSigned(section []dns.RR, rrtype uint16) bool {
	for _, rr := range section {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
			return has(section, rrtype)
		}
	}
	return false
}
