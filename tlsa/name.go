package tlsa

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// matchName returns the first of the reference names that the server's certificate
// is for (RFC 7672 §3.2.3). The path is that from the certificate to its anchor.
//
// crypto/x509 cannot do it: it does not know the CN-ID.
func (v *Verifier) matchName(path []*x509.Certificate) (string, *Error) {
	leaf := path[0]
	ids := leaf.DNSNames
	if len(ids) == 0 && leaf.Subject.CommonName != "" {
		// Only without any DNS-ID. Of several common names it is the last, which is the
		// most specific.
		ids = []string{leaf.Subject.CommonName}
		// crypto/x509 holds only alternative names against the name constraints.
		for _, issuer := range path[1:] {
			if !permits(issuer, ids[0]) {
				return "", newError(ReasonConstraint, fmt.Errorf("%s may not issue for %s",
					quote(issuer.Subject.String()), quote(ids[0])))
			}
		}
	}
	readable := false
	for _, name := range v.Names {
		name = trimDot(name)
		if !isHostName(name) {
			continue // or "*.example.org" would be for a certificate for that
		}
		readable = true
		for _, id := range ids {
			if covers(id, name) {
				return name, nil
			}
		}
	}
	if len(v.Names) == 0 {
		return "", newError(ReasonName, errors.New("no names are given to compare with"))
	}
	if !readable {
		return "", newError(ReasonBadName, errors.New(quoteSome(v.Names)))
	}
	return "", newError(ReasonName, fmt.Errorf("%s, not for %s", quoteSome(ids), quoteSome(v.Names)))
}

// covers reports whether an identifier of a certificate is for a host name. A
// wildcard must be the whole first label, and is for one label (RFC 7672 §3.2.3).
// There must be two labels behind it, since nobody has all names of a top-level
// domain; OpenSSL, too, wants them, and letters, digits and hyphens alone in both the
// identifier and the label that the wildcard is for.
func covers(id, name string) bool {
	parent, wild := strings.CutPrefix(id, "*.")
	if !wild {
		return equalFold(id, name)
	}
	first, rest, _ := strings.Cut(name, ".")
	return strings.Contains(parent, ".") && equalFold(parent, rest) && !strings.Contains(name, "_") && isHostName(first) && !hasOuterHyphen(parent)
}

// hasOuterHyphen reports whether a label begins or ends with a hyphen.
func hasOuterHyphen(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return true
		}
	}
	return false
}

// equalFold ignores the case of ASCII letters only. strings.EqualFold takes the
// Kelvin sign for a k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// permits reports whether a CA's name constraints allow a CN-ID (RFC 5280
// §4.2.1.10). A wildcard is allowed only if everything that it is for is.
func permits(ca *x509.Certificate, id string) bool {
	domain, wild := strings.CutPrefix(id, "*.")
	for _, excluded := range ca.ExcludedDNSDomains {
		if within(domain, excluded) || wild && within(strings.TrimPrefix(excluded, "."), domain) {
			return false
		}
	}
	for _, permitted := range ca.PermittedDNSDomains {
		if within(domain, permitted) || wild && equalFold("."+domain, permitted) {
			return true
		}
	}
	return len(ca.PermittedDNSDomains) == 0
}

// within reports whether a name is the domain of a constraint or, label by label,
// below it. An empty constraint is for all names; one that begins with a dot is for
// those below only.
func within(name, constraint string) bool {
	if constraint == "" {
		return true
	}
	domain, below := strings.CutPrefix(constraint, ".")
	if equalFold(name, domain) {
		return !below
	}
	cut := len(name) - len(domain)
	return cut > 0 && name[cut-1] == '.' && equalFold(name[cut:], domain)
}

// trimDot removes the dot that a DNS name ends with.
func trimDot(name string) string { return strings.TrimSuffix(name, ".") }

// The greatest length of a label and of a name in text form (RFC 1035 §2.3.4; 255
// octets on the wire).
const (
	maxLabel = 63
	maxName  = 253
)

// isHostName reports whether name has only letters, digits, hyphens and
// underscores between its dots. So no escaped dot can hide in it, and a U-label is
// refused: it would match nothing, and must not be sent as SNI.
func isHostName(name string) bool {
	label := 0 // length so far
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '.' && label > 0:
			label = 0
		case c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'z':
			label++
		default:
			return false
		}
		if label > maxLabel {
			return false
		}
	}
	return label > 0 && len(name) <= maxName
}

// quoteSome lists names for an error: a certificate can have thousands.
func quoteSome(names []string) string {
	const enough = 8
	if len(names) == 0 {
		return "no name"
	}
	quoted := make([]string, 0, enough+1)
	for i, name := range names {
		if i == enough {
			quoted = append(quoted, fmt.Sprintf("%d more", len(names)-enough))
			break
		}
		quoted = append(quoted, quote(name))
	}
	return strings.Join(quoted, ", ")
}

// baseDomain returns the first of Names that is not empty, without its final dot; ""
// if there is no such name.
func (v *Verifier) baseDomain() string {
	for _, name := range v.Names {
		if name = trimDot(name); name != "" {
			return name
		}
	}
	return ""
}
