package main

import (
	"net"
	"strings"
	"testing"
)

// unknownService reports whether a key names a port that this machine does not know: there may be no
// /etc/services where there is nothing but Go.
func unknownService(key string) bool {
	if !strings.HasSuffix(key, ":submission") {
		return false
	}
	_, err := net.LookupPort("tcp", "submission")
	return err != nil
}

func TestParseKey(t *testing.T) {
	for _, tt := range []struct {
		key  string
		want string // empty: it does not apply
	}{
		{"example.org", "example.org"},
		{"Example.ORG", "example.org"},
		{"example.org.", "example.org"},
		{"example.org:25", "example.org"},
		{"example.org:smtp", "example.org"},
		{"example.org:26", "example.org:26"},
		{"[mail.example.org]", "[mail.example.org]"},
		{"[mail.example.org]:587", "[mail.example.org]:587"},
		{"[mail.example.org]:submission", "[mail.example.org]:587"},
		{"localhost", "localhost"},
		{"bücher.example", "bücher.example"},
		{".org", ""},
		{".example.org", ""},
		{"", ""},
		{".", ""},
		{"[]", ""},
		{"[192.0.2.1]", ""},
		{"[192.0.2.1]:25", ""},
		{"192.0.2.1", ""},
		{"[IPv6:2001:db8::1]", ""},
		{"[2001:db8::1]", ""},
		{"2001:db8::1", ""},
		{"[mail.example.org", ""},
		{"[mail.example.org]x", ""},
		{"[mail.example.org]:", ""},
		{"[mail.example.org]:0", ""},
		{"[mail.example.org]:65536", ""},
		{"[mail.example.org]:nosuchport", ""},
		{"unix:/var/spool/lmtp", ""},
		{"user@example.org", ""},
		{"two words", ""},
		{"new\nline", ""},
		{strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 126) + "a"},
		{strings.Repeat("a.", 127) + "a", ""},
	} {
		if unknownService(tt.key) {
			continue
		}
		got, applies := parseKey(tt.key)
		if applies != (tt.want != "") || applies && got.String() != tt.want {
			t.Errorf("%q: %q, %t; want %q", tt.key, got, applies, tt.want)
		}
	}
}
