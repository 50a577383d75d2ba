package page

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

func keyLabel(role string, tag uint16) string { return fmt.Sprintf("%s %d", role, tag) }

// algorithmName returns the name of a DNSSEC algorithm as people say it.
func algorithmName(algorithm uint8) string {
	if name := algorithms[algorithm]; name != "" {
		return name
	}
	return fmt.Sprintf("algorithm %d", algorithm)
}

var algorithms = map[uint8]string{
	dns.RSASHA1: "RSA, SHA-1", dns.RSASHA1NSEC3SHA1: "RSA, SHA-1", dns.RSASHA256: "RSA, SHA-256", dns.RSASHA512: "RSA, SHA-512",
	dns.ECDSAP256SHA256: "ECDSA P-256", dns.ECDSAP384SHA384: "ECDSA P-384", dns.ED25519: "Ed25519", dns.ED448: "Ed448",
}

// relative returns a name as a zone file has it within its zone.
func relative(name, zone string) string {
	switch {
	case name == zone:
		return zoneName(name)
	case zone != "" && zone != "." && strings.HasSuffix(name, "."+zone) && dns.IsSubDomain(zone, name):
		return strings.TrimSuffix(name, "."+zone)
	}
	return zoneName(name)
}
