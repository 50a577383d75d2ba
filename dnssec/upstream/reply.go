package upstream

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// isRefusal reports whether a reply says anything about the name that was asked
// for. Only two rcodes do.
func isRefusal(msg *dns.Msg) bool {
	return msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
}

func rcode(msg *dns.Msg) string { return rcodeText(msg.Rcode) }

func rcodeText(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return fmt.Sprintf("rcode %d", rcode)
}

func has(section []dns.RR, rrtype uint16) bool {
	for _, rr := range section {
		if rr.Header().Rrtype == rrtype {
			return true
		}
	}
	return false
}

// isSigned reports whether records of a type are there with a signature for them.
// Whether it is a good one is not for us to say.
func isSigned(section []dns.RR, rrtype uint16) bool {
	for _, rr := range section {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
			return has(section, rrtype)
		}
	}
	return false
}

// isReferral reports whether a reply only says where to ask: no answer, and name
// servers without an SOA record (RFC 2308 §2.2). It would look like a denial.
func isReferral(msg *dns.Msg) bool {
	return msg.Rcode == dns.RcodeSuccess && len(msg.Answer) == 0 &&
		has(msg.Ns, dns.TypeNS) && !has(msg.Ns, dns.TypeSOA)
}

func serverFailure(msg *dns.Msg) int {
	if msg.Rcode == dns.RcodeServerFailure {
		return 1
	}
	return 0
}

// refusalError is the error for a reply that is a refusal.
func refusalError(msg *dns.Msg) error { return errors.New("server answered " + rcode(msg)) }
