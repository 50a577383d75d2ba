package anchor

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
)

// isRootAnchors recognises XML by its first character that is not blank. In no other format it
// is a "<".
func isRootAnchors(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<"))
}

// A trustAnchor is the document of RFC 9718 §2. Other elements are skipped. Each element is a
// list, so that a second one is found and can be refused.
type trustAnchor struct {
	Zone      []element
	KeyDigest []keyDigest
}

type keyDigest struct {
	line       int
	ValidFrom  []string `xml:"validFrom,attr"`
	ValidUntil []string `xml:"validUntil,attr"`
	KeyTag     []element
	Algorithm  []element
	DigestType []element
	Digest     []element
	PublicKey  []element
	Flags      []element
}

type element struct {
	line int
	Text string `xml:",chardata"`
}

// UnmarshalXML notes the line.
func (k *keyDigest) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	type plain keyDigest
	k.line, _ = d.InputPos()
	return d.DecodeElement((*plain)(k), &start)
}

// UnmarshalXML notes the line.
func (e *element) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	type plain element
	e.line, _ = d.InputPos()
	return d.DecodeElement((*plain)(e), &start)
}

// parseRootAnchors reads the file that IANA publishes for the root (RFC 9718), or another file
// in that format. line is where the error is.
func parseRootAnchors(text []byte) (set Set, line int, err error) {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	document, line, err := decodeTrustAnchor(decoder)
	if err != nil {
		if e, ok := errors.AsType[*xml.SyntaxError](err); ok {
			return nil, e.Line, errors.New("XML: " + e.Msg)
		}
		line, _ = decoder.InputPos()
		return nil, line, err
	}
	r := xmlReader{}
	zone := r.zone(document.Zone, line)
	for _, k := range document.KeyDigest {
		rr := r.record(zone, k)
		from, until := r.instant(k.ValidFrom, "validFrom", k.line), time.Time{}
		if len(k.ValidUntil) > 0 {
			until = r.instant(k.ValidUntil, "validUntil", k.line)
			if !until.After(from) {
				r.fail(k.line, "validUntil is not after validFrom")
			}
		}
		if r.err != nil {
			break
		}
		if set, err = set.add(rr); err != nil {
			return nil, k.line, err
		}
		set[len(set)-1].From, set[len(set)-1].Until = from, until
	}
	return set, r.line, r.err
}

// decodeTrustAnchor decodes the whole document, and returns the line where it begins.
func decodeTrustAnchor(decoder *xml.Decoder) (document trustAnchor, line int, err error) {
	found := false
	for {
		token, err := decoder.Token()
		start, isElement := token.(xml.StartElement)
		switch {
		case err == io.EOF && found:
			return document, line, nil
		case err == io.EOF:
			return document, line, errors.New("XML without an element")
		case err != nil:
			return document, line, err
		case isElement && start.Name.Local != "TrustAnchor":
			return document, line, fmt.Errorf("XML of another kind: <%.40s> is not <TrustAnchor>", start.Name.Local)
		case isElement && found:
			return document, line, errors.New("a second <TrustAnchor>")
		case isElement:
			found = true
			line, _ = decoder.InputPos()
			if err := decoder.DecodeElement(&document, &start); err != nil {
				return document, line, err
			}
		}
	}
}

// An xmlReader reads the decoded elements. It keeps the first error.
type xmlReader struct {
	line int
	err  error
}

func (r *xmlReader) fail(line int, format string, args ...any) {
	if r.err == nil {
		r.line, r.err = line, fmt.Errorf(format, args...)
	}
}

// one returns the text of an element that must be there once, in a parent that
// begins at a line.
func (r *xmlReader) one(found []element, name string, parent int) string {
	switch len(found) {
	case 0:
		r.fail(parent, "no <%s>", name)
		return ""
	case 1:
		return strings.TrimSpace(found[0].Text)
	}
	r.fail(found[1].line, "a second <%s>", name)
	return ""
}

func (r *xmlReader) zone(found []element, parent int) canonical.Name {
	zone, err := parseZone(r.one(found, "Zone", parent))
	if err != nil && r.err == nil {
		r.fail(found[0].line, "<Zone>: %w", err)
	}
	return zone
}

func (r *xmlReader) number(found []element, name string, bits, parent int) uint64 {
	text := r.one(found, name, parent)
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil && r.err == nil {
		r.fail(found[0].line, "<%s>: %.40q is no number of %d bits", name, text, bits)
	}
	return n
}

func (r *xmlReader) instant(found []string, name string, line int) time.Time {
	if len(found) != 1 {
		r.fail(line, "%d times %s, want one", len(found), name)
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(found[0]))
	if err != nil {
		r.fail(line, "%s: %w", name, err)
	}
	return at
}

// record returns the DS record of a KeyDigest, and compares it with the key itself if there is
// one (RFC 9718 §2).
func (r *xmlReader) record(zone canonical.Name, k keyDigest) *dns.DS {
	record := &dns.DS{
		Hdr:        dns.RR_Header{Name: zone.String(), Rrtype: dns.TypeDS, Class: dns.ClassINET},
		KeyTag:     uint16(r.number(k.KeyTag, "KeyTag", 16, k.line)),
		Algorithm:  uint8(r.number(k.Algorithm, "Algorithm", 8, k.line)),
		DigestType: uint8(r.number(k.DigestType, "DigestType", 8, k.line)),
		Digest:     withoutBlanks(r.one(k.Digest, "Digest", k.line)),
	}
	if len(k.PublicKey)+len(k.Flags) == 0 {
		return record
	}
	key := &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: zone.String(), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
		Flags:     uint16(r.number(k.Flags, "Flags", 16, k.line)),
		Protocol:  3,
		Algorithm: record.Algorithm,
		PublicKey: withoutBlanks(r.one(k.PublicKey, "PublicKey", k.line)),
	}
	if r.err != nil {
		return record
	}
	_, err := newAnchor(key)
	switch {
	case err != nil:
		r.fail(k.PublicKey[0].line, "%w", err)
	case key.KeyTag() != record.KeyTag:
		r.fail(k.PublicKey[0].line, "<PublicKey> has key tag %d, not the %d of its <KeyTag>", key.KeyTag(), record.KeyTag)
	case ds.SupportedDigest(record.DigestType) && !ds.Matches(record, zone, key):
		r.fail(k.PublicKey[0].line, "<PublicKey> does not match its <Digest>")
	}
	return record
}
