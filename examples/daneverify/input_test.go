package main

import (
	"strings"
	"testing"
)

// What is pasted in place of a domain: the one that it holds is named, the exit status stays.
func TestDomainIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, given, want string }{
		{"an e-mail address", "postmaster@good.example", "good.example"},
		{"one with a name", "Jo <postmaster@good.example>", "good.example"},
		{"a link to write to", "mailto:postmaster@good.example", "good.example"},
		{"a URL", "https://good.example/path?x", "good.example"},
		{"a URL with a port", "smtp://good.example:25", "good.example"},
		{"a port", "good.example:25", "good.example"},
		{"white space", " Good.example ", "good.example"},
		{"an internationalized name", "a@b\u00fccher.example", "xn--bcher-kva.example"},
		{"an empty label", "good..example", ""},
		{"two of them", "good.example,ta.example", ""},
		{"a wildcard", "*.good.example", ""},
		{"an address", "192.0.2.1", ""},
		{"a URL of an address", "https://192.0.2.1/", ""},
		{"an address of IPv6", "2001:db8::1", ""},
		{"nothing behind the @", "x@", ""},
		{"a name without a dot", "root@localhost", ""},
		{"control characters", "a@b\x1b[2J.example", ""},
	} {
		if got := domainIn(tt.given); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, args := range [][]string{{"-demo", "a@good.example"}, {"check", "-demo", "a@good.example"}, {"-demo", "-json", "a@good.example"}} {
		status, _, stderr := command(t, args...)
		if status != exitUsage || !strings.HasSuffix(stderr, "daneverify: did you mean good.example?\n") {
			t.Errorf("%s: exit status %d\n%s", args, status, stderr)
		}
	}
}
