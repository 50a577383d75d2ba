// Package canonical holds the forms that DNSSEC signs and orders: domain names
// and RRsets in canonical form (RFC 4034 §6). Its functions are pure.
package canonical

import (
	"errors"
	"strings"

	"github.com/miekg/dns"
)

// The longest name and label in wire form (RFC 1035 §3.1).
const (
	maxNameLength = 255
	maxLabel      = 63
)

// maxTextLength is the longest name without escapes and final dot, in presentation form.
const maxTextLength = 253

// ErrName says that a text is no domain name.
var ErrName = errors.New("not a domain name")

// A Name is a domain name in wire form: lower case, uncompressed, with the
// root's empty label. Names are comparable, and are compared by label, never by
// the suffix of their text, in which an escaped dot may hide. The zero Name is
// invalid; Root is the root.
type Name string

// Root is the name of the root zone.
const Root Name = "\x00"

// ParseName reads the presentation form of a name, with or without final dot.
func ParseName(text string) (Name, error) {
	var wire [maxNameLength + 1]byte
	end, ok := pack(text, &wire)
	if !ok {
		return "", ErrName
	}
	return Name(wire[:end]), nil
}

// ParseNear is ParseName, and takes no memory if the text is the name near or one above it, as
// most names in a reply are beside the name that was asked for.
func ParseNear(near Name, text string) (Name, error) {
	var wire [maxNameLength + 1]byte
	end, ok := pack(text, &wire)
	if !ok {
		return "", ErrName
	}
	for len(near) > end {
		near = near.Parent()
	}
	if string(near) == string(wire[:end]) {
		return near, nil
	}
	return Name(wire[:end]), nil
}

// Is reports whether the text is the presentation form of n.
func (n Name) Is(text string) bool {
	var wire [maxNameLength + 1]byte
	end, ok := pack(text, &wire)
	return ok && string(wire[:end]) == string(n)
}

// pack writes a name as a Name has it, and returns its length.
func pack(text string, wire *[maxNameLength + 1]byte) (end int, ok bool) {
	if name, ok := AppendHostName(wire[:0], text); ok {
		return len(name), true
	}
	if text == "." {
		wire[0] = 0
		return 1, true
	}
	end, err := dns.PackDomainName(dns.Fqdn(text), wire[:], 0, nil, false)
	if err != nil || end > maxNameLength {
		return 0, false
	}
	toLower(wire[:end])
	return end, true
}

// AppendHostName appends the canonical wire form of a name that consists of letters,
// digits, "-", "_" and "*" alone; ok is false for any other, which may still be a name.
func AppendHostName(wire []byte, name string) (_ []byte, ok bool) {
	if name == "" || len(name) > maxTextLength {
		return nil, false
	}
	length := len(wire) // where the octet is that holds the length of the label
	wire = append(wire, 0)
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if wire[length] == 0 {
				return nil, false
			}
			length = len(wire)
			wire = append(wire, 0)
			continue
		case 'A' <= c && c <= 'Z':
			wire = append(wire, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '*':
			wire = append(wire, c)
		default:
			return nil, false
		}
		if wire[length]++; wire[length] > maxLabel {
			return nil, false
		}
	}
	if wire[length] != 0 {
		wire = append(wire, 0)
	}
	return wire, true
}

// toLower folds a name in wire form: length octets are below 64 and never letters.
func toLower(wire []byte) {
	for i, c := range wire {
		if 'A' <= c && c <= 'Z' {
			wire[i] = c + 'a' - 'A'
		}
	}
}

// String returns the name in presentation form with the final dot.
func (n Name) String() string {
	if n.isHostName() {
		text := make([]byte, 0, maxNameLength)
		for i := 0; n[i] != 0; i += int(n[i]) + 1 {
			text = append(append(text, n[i+1:i+1+int(n[i])]...), '.')
		}
		return string(text)
	}
	if n.IsRoot() {
		return "."
	}
	text, _, err := dns.UnpackDomainName([]byte(n), 0)
	if err != nil {
		return "(invalid)"
	}
	return text
}

// isHostName reports whether nothing in the labels of n is escaped in presentation form, and
// there is a label.
func (n Name) isHostName() bool {
	i := 0
	for i < len(n) && n[i] != 0 {
		end := i + 1 + int(n[i])
		if n[i] > maxLabel || end >= len(n) {
			return false
		}
		for _, c := range []byte(n[i+1 : end]) {
			if (c < 'a' || 'z' < c) && (c < '0' || '9' < c) && c != '-' && c != '_' && c != '*' {
				return false
			}
		}
		i = end
	}
	return i > 0 && i == len(n)-1
}

// IsRoot reports whether n is the root.
func (n Name) IsRoot() bool { return n == Root }

// Labels counts the labels, the root's empty one not included.
func (n Name) Labels() int {
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		count++
	}
	return count
}

// SignedLabels counts the labels as the Labels field of an RRSIG does: neither the
// root's nor a leftmost "*" (RFC 4034 §3.1.3).
func (n Name) SignedLabels() int {
	if n.IsWildcard() {
		return n.Labels() - 1
	}
	return n.Labels()
}

// Parent returns n without its first label; the root's parent is the root.
func (n Name) Parent() Name {
	if len(n) < 2 {
		return Root
	}
	return n[int(n[0])+1:]
}

// Ancestor returns the ancestor of n with that many labels, or n itself when it
// has no more than that.
func (n Name) Ancestor(labels int) Name {
	for drop := n.Labels() - labels; drop > 0; drop-- {
		n = n.Parent()
	}
	return n
}

// Below reports whether n is zone or under it, label by label (RFC 4035 §5.3.1).
func (n Name) Below(zone Name) bool {
	return n.Ancestor(zone.Labels()) == zone
}

// CommonAncestor returns the longest name that n and other are both at or under.
func (n Name) CommonAncestor(other Name) Name {
	labels := min(n.Labels(), other.Labels())
	n, other = n.Ancestor(labels), other.Ancestor(labels)
	for n != other {
		n, other = n.Parent(), other.Parent()
	}
	return n
}

// Wildcard returns the name "*" under n, and false if that is too long.
func (n Name) Wildcard() (Name, bool) {
	if len(n)+2 > maxNameLength {
		return "", false
	}
	return "\x01*" + n, true
}

// Substitute returns n with the ancestor it ends in replaced, as a DNAME does (RFC
// 6672 §2.2). The error says that the name would be too long.
func (n Name) Substitute(ancestor, target Name) (Name, error) {
	replaced := n[:len(n)-len(ancestor)] + target
	if len(replaced) > maxNameLength {
		return "", ErrName
	}
	return replaced, nil
}

// IsWildcard reports whether the first label of n is "*".
func (n Name) IsWildcard() bool { return strings.HasPrefix(string(n), "\x01*") }

// Compare orders names canonically (RFC 4034 §6.1): by label from the right,
// each as a string of octets, an absent label first.
func (n Name) Compare(other Name) int {
	a, b := n.labels(), other.labels()
	for len(a) > 0 && len(b) > 0 {
		if c := strings.Compare(a[len(a)-1], b[len(b)-1]); c != 0 {
			return c
		}
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) - len(b)
}

// labels splits n, leftmost first, without the root's label.
func (n Name) labels() []string {
	split := make([]string, 0, 8)
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		split = append(split, string(n[i+1:i+1+int(n[i])]))
	}
	return split
}
