package monitor

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Lengths of a name in text form and of a label (RFC 1035 §2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// ParseDomain returns a domain as A-labels, in lower case and without the final dot, so that
// each has one name. A name of one label needs the final dot: without it, it is a slip.
func ParseDomain(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("no domain is given")
	case len(text) > 4*maxName || !utf8.ValidString(text):
		return "", errors.New("the domain is longer than a name may be, or not UTF-8")
	}
	name, final := strings.CutSuffix(text, ".")
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "", fmt.Errorf("%q is an address, and not a domain", text)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("%q is not a domain: %w", text, err)
		}
		name = ascii
	}
	name = strings.ToLower(name)
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", fmt.Errorf("%q is not a domain", text)
		}
	}
	if len(name) > maxName {
		return "", fmt.Errorf("%q is longer than a domain may be", text)
	}
	if !final && !strings.Contains(name, ".") {
		return "", fmt.Errorf("%q has no dot; a top-level domain is asked for as %q", text, name+".")
	}
	return name, nil
}
