package validate

import (
	"encoding/base32"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// A span is an NSEC or NSEC3 record, and the names from its owner to the next one.
type span struct {
	owner   canonical.Name
	set     SignedSet
	server  string
	made    time.Time
	expires time.Time
	listed  bool // its types show that the owner is no delegation or DNAME
}

// What a server makes for one question proves no more than the answer to it: its list of
// types may leave out all but the one asked for (DVE-2018-0003), or be empty where the
// record shows a closest encloser (DVE-2021-0001). Such records are made on the fly, and
// cover as good as nothing. From the records of ordinary chains, names are proven absent;
// types only where the list is complete, as far as one can see.

// spans reports whether the record proves other names absent, and sets listed.
func (s *span) spans() bool {
	switch record := s.set.Records[0].(type) {
	case *dns.NSEC:
		// RFC 4035 §2.3: an honest list has both; RFC 9824 §3.1: one with NXNAME is for its
		// owner alone.
		has := func(rrtype uint16) bool { return slices.Contains(record.TypeBitMap, rrtype) }
		s.listed = has(dns.TypeRRSIG) && has(dns.TypeNSEC) && !has(typeNXNAME)
		next, err := canonical.ParseName(record.NextDomain)
		return err == nil && s.listed && !succeeds(next, s.owner)
	case *dns.NSEC3:
		// An opt-out span proves no name absent (RFC 5155 §9.2). What lies below a name can
		// be denied only if its list, made to deny a type at it, seems to be complete.
		s.listed = s.listed || slices.Contains(record.TypeBitMap, dns.TypeRRSIG)
		return record.Flags == 0 && record.Iterations <= maxSpanIterations && record.Hash == dns.SHA1 && !narrow(s.owner, record.NextDomain)
	}
	return false
}

// typeNXNAME marks a name that does not exist (RFC 9824 §2).
const typeNXNAME = 128

// succeeds reports whether next is the first name after owner, or the first that is not
// below it: what a signer makes up that does not know the next one (RFC 4470 §3, RFC 4471
// §3). No name but those below the owner lies between them.
func succeeds(next, owner canonical.Name) bool {
	if owner.IsRoot() {
		return next == "\x01\x00"+canonical.Root
	}
	if next == "\x01\x00"+owner {
		return true
	}
	if next.IsRoot() || next.Parent() != owner.Parent() {
		return false
	}
	label, nextLabel := owner[1:1+owner[0]], next[1:1+next[0]]
	if nextLabel == label+"\x00" {
		return true
	}
	// Where there is no room for an octet, the last one is increased.
	last := len(label) - 1
	full := len(label) == maxLabel || len(owner) >= maxWire-1
	return full && len(nextLabel) == len(label) && nextLabel[:last] == label[:last] && nextLabel[last] == label[last]+1
}

// The longest label and name in wire form (RFC 1035 §2.3.4).
const (
	maxLabel = 63
	maxWire  = 255
)

// narrow reports whether an NSEC3 record covers its own hash alone, or one beside it (RFC
// 7129 §B): what a signer makes that has no chain.
func narrow(owner canonical.Name, next string) bool {
	if owner.IsRoot() {
		return true
	}
	from, ok := hashOf(string(owner[1 : 1+owner[0]]))
	if !ok {
		return true
	}
	to, ok := hashOf(next)
	if !ok {
		return true
	}
	// The single record of a chain leads to itself, and covers all the others.
	for range 2 {
		if from = from.next(); from == to {
			return true
		}
	}
	return false
}

// A hash is one of SHA-1 (RFC 5155 §11).
type hash [20]byte

// hashOf reads one as owners have it.
func hashOf(text string) (h hash, ok bool) {
	if len(text) != base32NoPad.EncodedLen(len(h)) {
		return h, false
	}
	n, err := base32NoPad.Decode(h[:], []byte(strings.ToUpper(text)))
	return h, err == nil && n == len(h)
}

// base32NoPad is how a hash is written (RFC 5155 §3.3).
var base32NoPad = base32.HexEncoding.WithPadding(base32.NoPadding)

// next is the hash after one, which after the last is the first.
func (h hash) next() hash {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i]++; h[i] != 0 {
			break
		}
	}
	return h
}

func (s span) weigh() int {
	return int(unsafe.Sizeof(s)) + weight.Rounded(len(s.owner)) + weighSet(s.set)
}

// search finds the place of an owner.
func search(all []span, owner canonical.Name) (int, bool) {
	return slices.BinarySearchFunc(all, owner, func(s span, owner canonical.Name) int { return s.owner.Compare(owner) })
}

// spanOf returns the span that starts at a name or covers it, if any does: that of the closest
// owner before. The last one leads back to the first.
func spanOf(all []span, name canonical.Name) *span {
	i, found := search(all, name)
	if !found {
		i--
	}
	if i < 0 {
		i = len(all) - 1
	}
	return &all[i]
}
