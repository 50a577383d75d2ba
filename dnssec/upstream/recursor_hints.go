package upstream

import (
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/miekg/dns"
)

// rootServers are the addresses of a.root-servers.net to m.root-servers.net, from
// https://www.internic.net/domain/named.root.
var rootServers = [...]string{
	"198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
	"198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33",
	"2001:503:ba3e::2:30", "2801:1b8:10::b", "2001:500:2::c", "2001:500:2d::d", "2001:500:a8::e", "2001:500:2f::f",
	"2001:500:12::d0d", "2001:500:1::53", "2001:7fe::53", "2001:503:c27::2:30", "2001:7fd::1", "2001:500:9f::42", "2001:dc3::35",
}

// ReadHints reads the addresses of root servers, for [Recursor], from a file in the form of
// https://www.internic.net/domain/named.root: NS records of the root, and the addresses of
// the servers that they name. Errors are of type [*Error] and name the file.
func ReadHints(path string) ([]netip.AddrPort, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("root hints: %w", err)}
	}
	defer file.Close()
	hints, err := parseHints(file, path)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("root hints: %w", err)}
	}
	return hints, nil
}

func parseHints(file io.Reader, path string) ([]netip.AddrPort, error) {
	limited := &io.LimitedReader{R: file, N: maxHintsFile + 1}
	parser := dns.NewZoneParser(limited, ".", path)
	parser.SetDefaultTTL(0)
	servers := make(map[string]bool)
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if ns, ok := rr.(*dns.NS); ok && ns.Hdr.Name == "." {
			servers[dns.CanonicalName(ns.Ns)] = true
		}
		if records = append(records, rr); len(records) > maxHints {
			return nil, fmt.Errorf("%s has more than %d records", path, maxHints)
		}
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("%s is larger than %d octets", path, maxHintsFile)
	}
	if err := parser.Err(); err != nil {
		return nil, err
	}
	var hints []netip.AddrPort
	for _, rr := range records {
		if addr, ok := address(rr); ok && servers[dns.CanonicalName(rr.Header().Name)] {
			hints = append(hints, netip.AddrPortFrom(addr, port))
		}
	}
	if len(hints) == 0 {
		return nil, fmt.Errorf("%s has no address of a root server", path)
	}
	return hints, nil
}
