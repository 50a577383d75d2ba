package main

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// A target is what a key stands for.
type target struct {
	name   string // of a domain or a host, in lower case, without the final dot
	port   uint16 // of its servers
	isHost bool   // it was in brackets, and its MX records do not count
}

const smtpPort = 25

// parseKey reads a key as Postfix's smtp(8) sends it: the next hop as it stands in a table or in
// the address, that is one of
//
//	example.org  example.org:26  [mail.example.org]  [mail.example.org]:submission
//
// and, where there is no policy for example.org, .org, which may be one for all below. It is
// false for what has no DNS records that DANE could rest on: such a parent, an address, or
// anything else.
func parseKey(key string) (t target, applies bool) {
	t.port = smtpPort
	name := key
	if rest, bracket := strings.CutPrefix(key, "["); bracket {
		inside, after, closed := strings.Cut(rest, "]")
		port, isPort := strings.CutPrefix(after, ":")
		if !closed || after != "" && !isPort {
			return t, false
		}
		t.isHost, name = true, inside
		if isPort {
			if t.port, applies = portNumber(port); !applies {
				return t, false
			}
		}
	} else if host, port, found := strings.Cut(key, ":"); found {
		if t.port, applies = portNumber(port); !applies {
			return t, false
		}
		name = host
	}
	t.name = strings.ToLower(strings.TrimSuffix(name, "."))
	return t, isName(t.name)
}

// portNumber returns the number of a port, which Postfix has looked up in /etc/services if it
// is a word, and sends as it was written.
func portNumber(port string) (uint16, bool) {
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		return uint16(number), number > 0
	}
	if port == "" || strings.Trim(port, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return 0, false
	}
	// A short file of this machine, without the DNS.
	number, err := net.LookupPort("tcp", port)
	return uint16(number), err == nil && number > 0
}

// isName reports whether it may be a name in the DNS. Whether it is one is for package dane to
// say; this keeps what cannot be from taking part in anything.
func isName(name string) bool {
	const longest = 253 // as text, without the final dot (RFC 1035 §2.3.4)
	if name == "" || len(name) > longest || name[0] == '.' || strings.ContainsAny(name, " /\\@:[]\"") {
		return false
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return false
		}
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// String returns the form in which verdicts are kept.
func (t target) String() string {
	name := t.name
	if t.isHost {
		name = "[" + name + "]"
	}
	if t.port != smtpPort {
		name += ":" + strconv.Itoa(int(t.port))
	}
	return name
}
