package main

import (
	"fmt"
	"strings"
)

// maxPath is the longest address (RFC 5321 §4.5.3.1.3), without its brackets.
const maxPath = 254

// checkAddress refuses what cannot stand in an SMTP command, or would become another one.
// They are in ASCII, since there is no SMTPUTF8 here (internationalized domains are in A-labels),
// and have no spaces, not even in quotes.
func checkAddress(address string) error {
	local, domain := split(address)
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }
	if local == "" || domain == "" || len(address) > maxPath || strings.ContainsFunc(address, bad) {
		return fmt.Errorf("not an address that this program can send to or from: %q", address)
	}
	return nil
}

// split returns the parts of an address. A local part in quotes may have an @ of its own
// (RFC 5321 §4.1.2), so the last one counts.
func split(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", ""
	}
	return address[:at], address[at+1:]
}

// maxRecipients of one transaction: so many must be taken by every server (RFC 5321
// §4.5.3.1.8).
const maxRecipients = 100

// byDomain returns groups of recipients that are delivered to together, in the order in which
// they come. Each is there once.
func byDomain(recipients []string) (groups [][]string) {
	seen, at := map[string]bool{}, map[string]int{}
	for _, to := range recipients {
		local, domain := split(to)
		domain = strings.ToLower(domain)
		if key := local + "@" + domain; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		i, ok := at[domain]
		if !ok || len(groups[i]) == maxRecipients {
			i = len(groups)
			groups, at[domain] = append(groups, nil), i
		}
		groups[i] = append(groups[i], to)
	}
	return groups
}
