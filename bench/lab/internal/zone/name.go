package zone

import (
	"iter"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Compare orders names canonically (RFC 4034 §6.1).
func Compare(a, b string) int {
	left, right := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(left)
	slices.Reverse(right)
	return slices.Compare(left, right)
}

// Parent returns the name without its first label; that of the root is the root.
func Parent(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	if parent == "" {
		return "."
	}
	return parent
}

// parents yields the names above one, the root last.
func parents(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name != "." {
			name = Parent(name)
			if !yield(name) {
				return
			}
		}
	}
}

// Below returns a name with one more label.
func Below(label, name string) string {
	if name == "." {
		return label + "."
	}
	return label + "." + name
}
