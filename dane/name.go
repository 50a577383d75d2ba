package dane

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// maxNameLength bounds a host name in text form without the final dot; in wire
// form it takes two octets more (RFC 1035 §3.1).
const maxNameLength = 253

// domainName returns the name of a destination as A-labels, in lower case and
// without the final dot (RFC 6531 §3.7.1). The error wraps ErrName.
func domainName(domain string) (string, error) {
	name := strings.TrimSuffix(domain, ".")
	for _, r := range name {
		if r > 0x7f {
			ascii, err := idna.Lookup.ToASCII(name)
			if err != nil {
				return "", fmt.Errorf("%w: %q: %w", ErrName, domain, err)
			}
			name = ascii
			break
		}
	}
	return hostName(name)
}

// hostName checks a name of ASCII letters, digits, hyphens and, as DNS data may
// have them, underscores, and returns it in lower case without the final dot. The
// error wraps ErrName.
func hostName(text string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if name == "" || len(name) > maxNameLength {
		return "", fmt.Errorf("%w: %q", ErrName, text)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		// RFC 5321 §5.1: an MX names a host, not its address.
		return "", fmt.Errorf("%w: %q is an address", ErrName, text)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, ldh) != "" {
			return "", fmt.Errorf("%w: %q", ErrName, text)
		}
	}
	return name, nil
}

const ldh = "abcdefghijklmnopqrstuvwxyz0123456789-_"

// fromDNS returns a name as dnssec gives it without the final dot.
func fromDNS(name string) string { return strings.TrimSuffix(name, ".") }
