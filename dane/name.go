package dane

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Lengths of a name in text form, without the final dot, and of a label (RFC 1035
// §2.3.4). In wire form a name takes two octets more.
const (
	maxNameLength  = 253
	maxLabelLength = 63
)

// tolerantIDNA maps letters as idna.Lookup does, and takes labels that IDNA refuses and
// the DNS may have all the same: with underscores, with hyphens at the ends or in third
// and fourth place, with joiners, in two directions, or that begin with a mark.
var tolerantIDNA = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.ValidateLabels(false),
	idna.CheckHyphens(false), idna.CheckJoiners(false))

// domainName returns the name of a destination as A-labels, in lower case and
// without the final dot (RFC 6531 §3.7.1). The error wraps ErrName. It is an idnaError
// where the DNS may have what was meant; otherwise there can be no such name.
//
// Deviation: RFC 5891 §5.4 wants labels refused that are no U-labels. Here the DNS has
// the last word on what exists, as for names in ASCII (RFC 2181 §11).
func domainName(domain string) (string, error) {
	if !strings.ContainsFunc(domain, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return hostName(domain)
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		if ascii, err = tolerantIDNA.ToASCII(domain); err == nil {
			err = checkRunes(domain)
		}
	}
	switch {
	case !utf8.ValidString(domain):
		err = errNotUTF8
	case err == nil && hasMixedLabel(domain):
		err = errMixed
	}
	if !hasLengths(strings.TrimSuffix(ascii, ".")) {
		return "", fmt.Errorf("%w: %q", ErrName, domain)
	}
	if err == nil {
		var name string
		if name, err = hostName(ascii); err == nil {
			return name, nil
		}
	}
	return "", &idnaError{domain, err}
}

// checkRunes refuses code points without meaning yet, and those that only format text, unless
// they shape letters (joiners) or IDNA leaves them out. Package idna does so by itself up to
// Unicode 15; with the tables of Go 1.27, only along with all else that tolerantIDNA takes.
func checkRunes(domain string) error {
	const nonJoiner, joiner = '\u200c', '\u200d'
	for _, r := range domain {
		if unicode.IsGraphic(r) || r == nonJoiner || r == joiner {
			continue
		}
		if left, err := tolerantIDNA.ToASCII(string(r)); err != nil || left != "" {
			return fmt.Errorf("disallowed code point %U", r)
		}
	}
	return nil
}

var (
	errNotUTF8 = errors.New("not UTF-8")
	errMixed   = errors.New("label that begins as an A-label, and is not ASCII")
)

// hasMixedLabel reports whether a label begins as an A-label and has letters that no A-label
// has (RFC 5890 §2.3.2.1). Package idna may read another name in it.
func hasMixedLabel(domain string) bool {
	labels := strings.FieldsFunc(domain, func(r rune) bool { return strings.ContainsRune(".\u3002\uff0e\uff61", r) }) // the dots of IDNA (RFC 3490 §3.1)
	return slices.ContainsFunc(labels, func(label string) bool {
		return len(label) > 4 && strings.EqualFold(label[:4], "xn--") && strings.ContainsFunc(label, func(r rune) bool { return r >= utf8.RuneSelf })
	})
}

// An idnaError is a name in other letters than those of ASCII that cannot be looked up.
// A later version of Unicode may have it, or the DNS another form of it, so it is not
// known that there is no such name.
type idnaError struct {
	domain string
	cause  error
}

func (e *idnaError) Error() string { return fmt.Sprintf("%v: %q: %v", ErrName, e.domain, e.cause) }

func (e *idnaError) Unwrap() []error { return []error{ErrName, e.cause} }

// impossible reports whether there can be no domain of a name, by the error of
// destinationName.
func impossible(err error) bool {
	_, undecided := errors.AsType[*idnaError](err)
	return !undecided
}

// hostName checks a name of ASCII letters, digits, hyphens and, as DNS data may
// have them, underscores, and returns it in lower case without the final dot. The
// error wraps ErrName. Hyphens may stand anywhere, as they do in the DNS.
func hostName(text string) (string, error) {
	name := strings.TrimSuffix(text, ".")
	if isAddress(name) {
		// RFC 5321 §5.1: an MX names a host, not its address.
		return "", fmt.Errorf("%w: %q is an address", ErrName, text)
	}
	if !hasLengths(name) || !hasHostOctets(name) {
		return "", fmt.Errorf("%w: %q", ErrName, text)
	}
	return strings.ToLower(name), nil
}

// isAddress looks first whether a name can be one: IPv4 ends with a digit, and IPv6 has a colon.
func isAddress(name string) bool {
	if !strings.Contains(name, ":") && strings.TrimRight(name, "0123456789") == name {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// hasHostOctets reports whether a name has nothing but letters, digits, hyphens, underscores and dots.
func hasHostOctets(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// hasLengths reports whether a name and its labels are as long as the DNS allows.
func hasLengths(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabelLength {
			return false
		}
	}
	return len(name) <= maxNameLength
}

// fromDNS returns a name as dnssec gives it without the final dot.
func fromDNS(name string) string { return strings.TrimSuffix(name, ".") }

// parseLiteral returns the address of an address literal, which stands where a
// domain would (RFC 5321 §4.1.3). Zones have no place there.
func parseLiteral(text string) (netip.Addr, bool) {
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return netip.Addr{}, false
	}
	v6 := len(inner) > len(ipv6Tag) && strings.EqualFold(inner[:len(ipv6Tag)], ipv6Tag)
	if v6 {
		inner = inner[len(ipv6Tag):]
	}
	addr, err := netip.ParseAddr(inner)
	if err != nil || addr.Is4() == v6 || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

const ipv6Tag = "IPv6:"

// literal is the inverse of parseLiteral.
func literal(addr netip.Addr) string {
	if addr.Is4() {
		return "[" + addr.String() + "]"
	}
	return "[" + ipv6Tag + addr.String() + "]"
}

// destinationName returns the one form of a domain or address literal. The error
// wraps ErrName.
func destinationName(text string) (string, error) {
	if addr, ok := parseLiteral(text); ok {
		return literal(addr), nil
	}
	return domainName(text)
}
