package dane

import (
	"slices"
	"strings"
)

// RequirePKIX raises a host to what an MTA-STS policy of its domain demands in the mode
// "enforce" (RFC 8461 §5): TLS, and a certificate of a public authority for the name of the
// host (RFC 8461 §4.2). The policy's lines "mx" are given; a host that none of them names is
// skipped (RFC 8461 §4.1), with ErrNotListed, and so is every host if there are none.
//
// The host is not changed: what is returned has no clear text, and no Fallback. Nothing is
// ever weakened: what the Policy demands is demanded as well. Where MTASTS is false the host
// itself is returned: DANE applies, or has failed, or the sender has chosen the host, and MTA-STS
// must not override that (RFC 8461 §2).
//
// To fetch the policy is for the caller. In the mode "testing" the message goes by the host as
// it is, and the one that is returned here judges, by VerifyConnection, what there is to report.
func (h *Host) RequirePKIX(mx ...string) *Host {
	if !h.MTASTS || h.Action == Skip {
		return h
	}
	raised := *h
	raised.enforced = true
	if !slices.ContainsFunc(mx, func(pattern string) bool { return matchesMX(pattern, h.Name) }) {
		raised.skip(ErrNotListed)
		return &raised
	}
	raised.Action = MustAuthenticate
	switch raised.PKIX {
	case "":
		raised.PKIX = h.Name
	case h.Name:
	default:
		raised.alsoPKIX = h.Name // what the Policy demands is another name
	}
	if !raised.byDANE() {
		raised.Base = h.Name // SNI is the name of the host (RFC 8461 §4.2)
	}
	return &raised
}

// matchesMX reports whether a host is named by a line of an MTA-STS policy: by its name, or by
// one with "*" for its first label (RFC 8461 §4.1).
func matchesMX(pattern, host string) bool {
	suffix, wildcard := strings.CutPrefix(pattern, "*.")
	if wildcard {
		_, host, _ = strings.Cut(host, ".")
	}
	name, err := domainName(suffix)
	return err == nil && name == host
}
