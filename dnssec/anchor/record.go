package anchor

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// maxAnchors bounds the anchors of a file, since every lookup goes through them. A zone has
// one to three.
const maxAnchors = 1000

var errTooMany = fmt.Errorf("more than %d trust anchors", maxAnchors)

// add appends a record as an anchor.
func (s Set) add(rr dns.RR) (Set, error) {
	if len(s) == maxAnchors {
		return nil, errTooMany
	}
	a, err := newAnchor(rr)
	if err != nil {
		return nil, err
	}
	return append(s, a), nil
}

// newAnchor makes an anchor of a DS or DNSKEY record. It writes the name of the zone into the
// record, in lower case and with the final dot.
func newAnchor(rr dns.RR) (Anchor, error) {
	header := rr.Header()
	zone, err := parseZone(header.Name)
	if err != nil {
		return Anchor{}, err
	}
	header.Name = zone.String()
	if header.Class != dns.ClassINET {
		return Anchor{}, fmt.Errorf("record of %s: not of class IN", header.Name)
	}
	switch rr := rr.(type) {
	case *dns.DS:
		if _, err := hex.DecodeString(rr.Digest); err != nil || rr.Digest == "" {
			return Anchor{}, fmt.Errorf("DS of %s: digest is not hexadecimal", header.Name)
		}
		return Anchor{Zone: header.Name, DS: rr}, nil
	case *dns.DNSKEY:
		if err := rrsig.ZoneKey(rr); err != nil {
			return Anchor{}, fmt.Errorf("DNSKEY of %s: %w", header.Name, err)
		}
		if _, err := base64.StdEncoding.DecodeString(rr.PublicKey); err != nil || rr.PublicKey == "" {
			return Anchor{}, fmt.Errorf("DNSKEY of %s: public key is not base64", header.Name)
		}
		return Anchor{Zone: header.Name, Key: rr}, nil
	}
	return Anchor{}, notAnAnchor(*header)
}

func parseZone(name string) (canonical.Name, error) {
	zone, err := canonical.ParseName(name)
	if err != nil || name == "" { // which ParseName takes for the root
		return "", fmt.Errorf("%q: %w", name, canonical.ErrName)
	}
	return zone, nil
}

// notAnAnchor is the error for a record that cannot be an anchor. It says what to do.
func notAnAnchor(header dns.RR_Header) error {
	text := "only those can be trust anchors"
	switch header.Rrtype {
	case dns.TypeCDS: // RFC 7344 §3
		text = "it says what a zone wants its parent to publish; an anchor is written as DS, with the same data"
	case dns.TypeCDNSKEY:
		text = "it says what a zone wants its parent to publish; an anchor is written as DNSKEY, with the same data"
	}
	return fmt.Errorf("%s record of %s: neither DS nor DNSKEY: %s", dns.Type(header.Rrtype), header.Name, text)
}

// withoutBlanks joins base64 or hexadecimal text that runs over lines.
func withoutBlanks(text string) string { return strings.Join(strings.Fields(text), "") }
