package anchor

import (
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
)

// rootAnchors are the keys of the root zone: KSK-2017 and KSK-2024, as published
// in https://data.iana.org/root-anchors/root-anchors.xml (RFC 9718).
const rootAnchors = `
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
`

// Root returns the built-in trust anchors of the DNS root zone: key tags 20326 (KSK-2017) and
// 38696 (KSK-2024).
func Root() Set {
	set, err := Parse(strings.NewReader(rootAnchors), "built-in root anchors")
	if err != nil {
		panic(err) // a constant; the test parses it
	}
	return set
}

// Private reports whether the set has anchors of the root, but no built-in one. Then it is
// that of a private Internet, with a root of its own. The periods of anchors do not count.
func (s Set) Private() bool {
	root := s.Zone(".")
	return len(root) > 0 && !slices.ContainsFunc(root, Root().trusts)
}

// trusts reports whether the key of an anchor is one of those in s, which are DS records.
func (s Set) trusts(a Anchor) bool {
	for _, known := range s {
		switch {
		case a.DS != nil && a.DS.KeyTag == known.DS.KeyTag && a.DS.Algorithm == known.DS.Algorithm &&
			a.DS.DigestType == known.DS.DigestType && strings.EqualFold(a.DS.Digest, known.DS.Digest):
			return true
		case a.Key != nil && ds.Matches(known.DS, canonical.Root, a.Key):
			return true
		}
	}
	return false
}
