package nsupdate

import (
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// A Refusal is a reply of a server that has not done what it was asked for. Unless Signed is
// set, anybody on the path may have written it.
type Refusal struct {
	RCode  int
	TSIG   int           // the error of RFC 8945 §3, or 0
	Skew   time.Duration // by which the server's clock is ahead, with BADTIME
	Signed bool
}

// Error says what to do.
func (r *Refusal) Error() string {
	text := r.text()
	if !r.Signed {
		text += " (the reply is not signed)"
	}
	return text
}

func (r *Refusal) text() string {
	switch r.TSIG {
	case dns.RcodeBadKey:
		return "BADKEY: the server does not know a key of this name with this algorithm, or (Knot) has no acl that allows it: add it to its configuration, and look for a slip in the name"
	case dns.RcodeBadSig:
		return "BADSIG: the server has another secret for the key of this name: copy its file again"
	case dns.RcodeBadTime:
		return fmt.Sprintf("BADTIME: the clock of the server is %s that of this machine, and %d seconds are allowed: set both by NTP", r.ahead(), fudge)
	case dns.RcodeBadTrunc:
		return "BADTRUNC: the server wants a longer signature than it got"
	}
	switch r.RCode {
	case dns.RcodeNotAuth:
		if !r.Signed {
			return "NOTAUTH: the server does not accept the key, and does not say whether it is the name, the secret, the algorithm or the clock (PowerDNS), or it is not the primary of the zone: look into its log"
		}
		return "NOTAUTH: the server does not serve the zone as its primary, or does not accept the key: ask the primary, and allow it the key"
	case dns.RcodeNotZone:
		return "NOTZONE: the name is not in the zone by the server: the zones have changed, it seems; try again"
	case dns.RcodeRefused:
		return "REFUSED: the key is not allowed to do this to the zone: named wants allow-update or update-policy, Knot an acl with action: update, PowerDNS dnsupdate=yes and the metadata TSIG-ALLOW-DNSUPDATE and ALLOW-DNSUPDATE-FROM"
	case dns.RcodeServerFailure:
		return "SERVFAIL: the server cannot do it, and its log says why: often a journal or a database that it must not write"
	case dns.RcodeNotImplemented:
		return "NOTIMP: the server does not know dynamic updates (RFC 2136)"
	case dns.RcodeFormatError:
		return "FORMERR: the server does not understand dynamic updates with TSIG"
	case dns.RcodeNXRrset, dns.RcodeYXRrset, dns.RcodeNameError, dns.RcodeYXDomain:
		return fmt.Sprintf("%s: the records are not what they were: somebody else has changed them. Nothing was changed; look at them, and plan again", dns.RcodeToString[r.RCode])
	}
	if name := dns.RcodeToString[r.RCode]; name != "" {
		return name + ": the server does not say more"
	}
	return fmt.Sprintf("RCODE %d: the server does not say more", r.RCode)
}

// ahead compares the clocks.
func (r *Refusal) ahead() string {
	switch skew := r.Skew.Round(time.Second); {
	case skew > 0:
		return fmt.Sprintf("%s ahead of", skew)
	case skew < 0:
		return fmt.Sprintf("%s behind", -skew)
	}
	return "far from"
}

// Changed reports whether the condition of an update was not met: somebody else has changed
// the records, and the server has done nothing.
func (r *Refusal) Changed() bool {
	switch r.RCode {
	case dns.RcodeNXRrset, dns.RcodeYXRrset, dns.RcodeNameError, dns.RcodeYXDomain:
		return r.TSIG == 0
	}
	return false
}
