package upstream

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// A Capability says whether a server passes on what a validator needs, as found out by
// [Probe]. The zero Capability is that of a server of which nothing is known: it is neither
// Capable nor Incapable.
type Capability struct {
	Server string  // as in Reply.Server, if it replied
	Zone   string  // the signed zone at which it was probed
	Causes []Cause // what is wrong with the server
	Flaws  []Cause // what makes it worse, but not useless
	Err    error   // why the probe failed; nil if there are Causes
}

// Capable reports whether the server was probed, and nothing was wrong.
func (c Capability) Capable() bool {
	return c.Zone != "" && len(c.Causes) == 0 && c.Err == nil
}

// Incapable reports whether something is wrong with the server. If neither this nor Capable
// is true, it could not be found out: no reply came, for instance.
func (c Capability) Incapable() bool { return len(c.Causes) > 0 }

// String describes the Capability for a human, without the name of the server, on one line
// of printable ASCII.
func (c Capability) String() string {
	var words []string
	switch {
	case c.Incapable():
	case c.Err != nil:
		return printable.Line("could not be judged: " + text(c.Err))
	case c.Capable():
		words = append(words, "is capable of DNSSEC")
	default:
		return "was not judged"
	}
	for _, cause := range slices.Concat(c.Causes, c.Flaws) {
		words = append(words, cause.String())
	}
	return strings.Join(words, "; ")
}

// Known names what stands behind an address that is the same on many machines:
// "where the stub of systemd-resolved is as a rule", "the DNS server of Docker". It is empty for other
// addresses.
func (c Capability) Known() string {
	_, host, found := strings.Cut(c.Server, "://")
	if !found {
		host = c.Server
	}
	server, err := netip.ParseAddrPort(host)
	if err != nil {
		return ""
	}
	switch server.Addr().String() {
	case "127.0.0.53", "127.0.0.54": // systemd-resolved.service(8)
		return "where the stub of systemd-resolved is as a rule"
	case "127.0.0.11": // https://docs.docker.com/engine/network/#dns-services
		return "the DNS server of Docker"
	}
	return ""
}

// isPermanent reports whether the result is one that time alone does not change.
func (c Capability) isPermanent() bool {
	for _, cause := range c.Causes {
		if cause == FailsDNSSEC || cause == FailsDenials {
			return false
		}
	}
	return c.Err == nil
}

// A Cause is one thing that makes a server useless to a validator.
type Cause uint8

const (
	// NoEDNS: replies have no OPT record (RFC 6891 §6.1.1). Without EDNS there are no
	// DNSSEC records.
	NoEDNS Cause = iota + 1
	// NoKeys: there are no DNSKEY records for a zone that is known to have them.
	NoKeys
	// DropsSignatures: RRSIG records that belong to a reply are missing.
	DropsSignatures
	// DropsDenials: the NSEC or NSEC3 records that prove that a name does not exist
	// are missing, or their signatures are.
	DropsDenials
	// FailsDenials: a name that does not exist, asked for with DNSSEC, is answered by
	// SERVFAIL or the like (the stub of Docker 24 does that).
	FailsDenials
	// FailsDNSSEC: queries for DNSSEC records fail, or get no answer, while plain ones
	// are answered.
	FailsDNSSEC
	// NoTCP: there is no answer over TCP. It is a flaw: answers that are too large for
	// UDP are lost.
	NoTCP
)

// String says what the server does.
func (c Cause) String() string {
	switch c {
	case NoEDNS:
		return "answers without EDNS"
	case NoKeys:
		return "has no DNSKEY records for a signed zone"
	case DropsSignatures:
		return "drops DNSSEC records; common for container and router stubs"
	case DropsDenials:
		return "drops the proofs that a name does not exist"
	case FailsDenials:
		return "fails for names that do not exist, when asked with DNSSEC; common for container stubs"
	case FailsDNSSEC:
		return "fails when asked with DNSSEC, but answers plain queries"
	case NoTCP:
		return "does not answer over TCP, so that large answers are lost"
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

// A CapabilityError says that there is no server left that is capable of DNSSEC.
// It says nothing about the name that was asked for: signed or not, right or
// wrong.
type CapabilityError struct {
	// Servers are those that were of no use. At least one is Incapable; for others Err
	// says why they did not answer.
	Servers []Capability
}

// Error names each server and what is wrong with it.
func (e *CapabilityError) Error() string {
	const summary = prefix + "no server is capable of DNSSEC"
	if len(e.Servers) == 0 {
		return summary
	}
	words := make([]string, len(e.Servers))
	for i, c := range e.Servers {
		words[i] = c.Server + " "
		if known := c.Known(); known != "" {
			words[i] += "(" + known + ") "
		}
		words[i] += c.String()
		if !c.Incapable() && c.Err != nil {
			words[i] = text(c.Err) // it names the server
		}
	}
	return printable.Line(summary + ": " + strings.Join(words, "; "))
}

// Unwrap returns the errors of the servers that could not be probed, or did not answer.
func (e *CapabilityError) Unwrap() []error {
	var errs []error
	for _, c := range e.Servers {
		if c.Err != nil {
			errs = append(errs, c.Err)
		}
	}
	return errs
}
