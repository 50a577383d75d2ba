package anchor

import (
	"bytes"
	"errors"

	"github.com/miekg/dns"
)

// parseZoneFile reads DS and DNSKEY records in the form of a zone file (RFC 1035
// §5.1) whose origin is the root. line is where the error is.
func parseZoneFile(text []byte) (set Set, line int, err error) {
	// A few octets of $GENERATE keep the parser busy for long. Its case is ignored.
	upper := bytes.ToUpper(text)
	if i := bytes.Index(upper, []byte("$GENERATE")); i >= 0 {
		return nil, lineAt(upper, i), errors.New("the directive $GENERATE is not allowed")
	}
	octets := bytes.NewReader(text)
	parser := dns.NewZoneParser(octets, ".", "")
	parser.SetDefaultTTL(0) // anchors have no TTL, and files often leave it out
	parser.SetIncludeAllowed(false)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if set, err = set.add(rr); err != nil {
			break
		}
	}
	if err == nil {
		err = parser.Err()
	}
	if err != nil {
		// The parser keeps its line to itself, but takes octet by octet: the last one
		// that it took is in that line, or ends it.
		return nil, lineAt(text, max(0, len(text)-octets.Len()-1)), err
	}
	return set, 0, nil
}

// lineAt returns the line, from 1, in which an octet is.
func lineAt(text []byte, i int) int { return 1 + bytes.Count(text[:i], []byte("\n")) }
