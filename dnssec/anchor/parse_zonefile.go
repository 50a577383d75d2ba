package anchor

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// parseZoneFile reads DS and DNSKEY records in the form of a zone file (RFC 1035 §5.1) whose
// origin is the root, and skips their signatures. line is where the error is. The directives
// $INCLUDE and $GENERATE are refused: what is trusted must be in the file itself.
func parseZoneFile(text []byte) (set Set, line int, err error) {
	lexer := zoneLexer{rest: string(text), line: 1}
	reader := zoneReader{origin: canonical.Root.String()}
	for {
		entry, err := lexer.next()
		if err == io.EOF {
			return set, 0, nil
		}
		var rr dns.RR
		if err == nil {
			rr, err = reader.entry(entry)
		}
		if err == nil && rr != nil {
			set, err = set.add(rr)
		}
		if err != nil {
			return nil, entry.line, err
		}
	}
}

var errNoRecord = errors.New("neither a record nor a comment")

// parseRecord reads a record that is alone in a line.
func parseRecord(line string) (dns.RR, error) {
	lexer := zoneLexer{rest: line, line: 1}
	entry, err := lexer.next()
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(entry.fields[0], "$") {
		return nil, errNoRecord
	}
	reader := zoneReader{origin: canonical.Root.String()}
	rr, err := reader.entry(entry)
	if err == nil && rr == nil {
		err = errNoRecord
	}
	return rr, err
}

// A zoneReader reads the entries of a zone file one after the other.
type zoneReader struct {
	origin string // with the final dot
	owner  string // of the last record; "" before the first
}

// entry returns the DS or DNSKEY record of an entry. It is nil for a signature or a directive.
func (r *zoneReader) entry(entry zoneEntry) (dns.RR, error) {
	fields := entry.fields
	switch {
	case strings.HasPrefix(fields[0], "$"):
		return nil, r.directive(fields)
	case !entry.indented:
		owner, err := r.complete(fields[0])
		if err != nil {
			return nil, err
		}
		r.owner, fields = owner, fields[1:]
	case r.owner == "":
		return nil, errors.New("the line begins with a blank, and there is no record before it whose name it has")
	}
	header, data, err := recordHeader(r.owner, fields)
	if err != nil {
		return nil, err
	}
	if len(data) > 0 && data[0] == `\#` {
		return unknownFormat(header, data[1:])
	}
	switch header.Rrtype {
	case dns.TypeDS:
		return dsRecord(header, data)
	case dns.TypeDNSKEY:
		return keyRecord(header, data)
	case dns.TypeRRSIG:
		return nil, checkSignature(header, data)
	}
	return nil, notAnAnchor(header)
}

// directive obeys $ORIGIN and skips $TTL (RFC 1035 §5.1, RFC 2308 §4).
func (r *zoneReader) directive(fields []string) (err error) {
	name := strings.ToUpper(fields[0])
	switch {
	case name != "$ORIGIN" && name != "$TTL":
		return fmt.Errorf("the directive %.40s is not allowed", name)
	case len(fields) != 2:
		return fmt.Errorf("the directive %s takes one value", name)
	case name == "$ORIGIN":
		r.origin, err = r.complete(fields[1])
		return err
	}
	if _, ok := parseTTL(fields[1]); !ok {
		return errField(fields[1], "TTL")
	}
	return nil
}

// complete returns a name relative to the origin, with the final dot.
func (r *zoneReader) complete(name string) (string, error) {
	switch {
	case name == "@":
		return r.origin, nil
	case !dns.IsFqdn(name):
		name += "." + strings.TrimPrefix(r.origin, ".")
	}
	if _, err := parseZone(name); err != nil {
		return "", fmt.Errorf("owner name: %w", err)
	}
	return name, nil
}

// recordHeader reads the TTL and the class, which may be absent and in either order, and the
// type (RFC 1035 §5.1). data is what follows. A missing TTL is 0, and a missing class is IN.
func recordHeader(owner string, fields []string) (header dns.RR_Header, data []string, err error) {
	header = dns.RR_Header{Name: owner, Class: dns.ClassINET}
	var hasTTL, hasClass bool
	for i, field := range fields {
		upper := strings.ToUpper(field)
		if class, ok := numbered(upper, "CLASS", dns.StringToClass); ok && !hasClass {
			header.Class, hasClass = class, true
			continue
		}
		if ttl, ok := parseTTL(field); ok && !hasTTL {
			header.Ttl, hasTTL = ttl, true
			continue
		}
		qtype, ok := numbered(upper, "TYPE", dns.StringToType)
		if !ok {
			return header, nil, errField(field, "type of record")
		}
		header.Rrtype = qtype
		return header, fields[i+1:], nil
	}
	return header, nil, fmt.Errorf("no type of record behind the name %s", owner)
}

// numbered returns the number of a mnemonic in upper case, or the number behind the prefix (RFC
// 3597 §5).
func numbered(text, prefix string, mnemonics map[string]uint16) (uint16, bool) {
	if n, ok := mnemonics[text]; ok {
		return n, true
	}
	digits, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), err == nil
}

// parseTTL reads seconds, or a TTL with units as in 1h30m, which BIND's tools print.
func parseTTL(text string) (ttl uint32, ok bool) {
	units := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	var sum, n uint64
	digits := false
	for i := range len(text) {
		c := text[i]
		if c >= '0' && c <= '9' {
			n, digits = n*10+uint64(c-'0'), true
		} else if unit := units[c|0x20]; unit > 0 && digits {
			sum, n, digits = sum+n*unit, 0, false
		} else {
			return 0, false
		}
		if max(sum, n) > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(min(sum+n, 1<<32-1)), text != "" && (digits || sum > 0)
}

// dsRecord reads the data of a DS record (RFC 4034 §5.3).
func dsRecord(header dns.RR_Header, data []string) (dns.RR, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("bad DS of %s: want key tag, algorithm, digest type and digest", header.Name)
	}
	tag, err := strconv.ParseUint(data[0], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("bad DS of %s: %w", header.Name, errField(data[0], "key tag"))
	}
	algorithm, err := parseMnemonic(data[1], algorithms, "algorithm")
	if err != nil {
		return nil, fmt.Errorf("bad DS of %s: %w", header.Name, err)
	}
	digestType, err := parseMnemonic(data[2], digestTypes, "digest type")
	if err != nil {
		return nil, fmt.Errorf("bad DS of %s: %w", header.Name, err)
	}
	return &dns.DS{Hdr: header, KeyTag: uint16(tag), Algorithm: algorithm, DigestType: digestType, Digest: strings.Join(data[3:], "")}, nil
}

// keyRecord reads the data of a DNSKEY record (RFC 4034 §2.2).
func keyRecord(header dns.RR_Header, data []string) (dns.RR, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("bad DNSKEY of %s: want flags, protocol, algorithm and public key", header.Name)
	}
	flags, err := strconv.ParseUint(data[0], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("bad DNSKEY of %s: %w", header.Name, errField(data[0], "number of 16 bits, as flags are"))
	}
	protocol, err := strconv.ParseUint(data[1], 10, 8)
	if err != nil {
		return nil, fmt.Errorf("bad DNSKEY of %s: %w", header.Name, errField(data[1], "protocol"))
	}
	algorithm, err := parseMnemonic(data[2], algorithms, "algorithm")
	if err != nil {
		return nil, fmt.Errorf("bad DNSKEY of %s: %w", header.Name, err)
	}
	return &dns.DNSKEY{Hdr: header, Flags: uint16(flags), Protocol: uint8(protocol), Algorithm: algorithm, PublicKey: strings.Join(data[3:], "")}, nil
}

// checkSignature checks that a signature, which is skipped, has the form of one (RFC 4034
// §3.2). If two lines have become one, an anchor in it must not be skipped silently.
func checkSignature(header dns.RR_Header, data []string) error {
	if len(data) < 9 {
		return fmt.Errorf("bad RRSIG of %s: too few fields", header.Name)
	}
	if _, err := base64.StdEncoding.DecodeString(strings.Join(data[8:], "")); err != nil {
		return fmt.Errorf("bad RRSIG of %s: signature is not base64", header.Name)
	}
	return nil
}

// unknownFormat reads a record in the form for those of unknown type (RFC 3597 §5): a
// length and hexadecimal data.
func unknownFormat(header dns.RR_Header, data []string) (dns.RR, error) {
	if !slices.Contains([]uint16{dns.TypeDS, dns.TypeDNSKEY, dns.TypeRRSIG}, header.Rrtype) {
		return nil, notAnAnchor(header)
	}
	octets, err := hex.DecodeString(strings.Join(data[min(1, len(data)):], ""))
	if err != nil || len(data) == 0 || data[0] != strconv.Itoa(len(octets)) {
		return nil, fmt.Errorf(`bad %s of %s: \# without the right length, or not hexadecimal`, dns.Type(header.Rrtype), header.Name)
	}
	header.Rdlength = uint16(min(len(octets), 1<<16-1))
	rr, end, err := dns.UnpackRRWithHeader(header, octets, 0)
	if err != nil || end != len(octets) || end == 0 {
		return nil, fmt.Errorf("bad %s of %s: the data cannot be read", dns.Type(header.Rrtype), header.Name)
	}
	if header.Rrtype == dns.TypeRRSIG {
		return nil, nil
	}
	return rr, nil
}
