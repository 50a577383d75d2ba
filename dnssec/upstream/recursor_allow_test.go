package upstream

import (
	"net/netip"
	"testing"
)

// Data leads to no address of a special kind, however it is written.
func TestSpecialAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		address  string
		allowed  bool // by hints on the Internet
		loopback bool // by hints that are loopback
	}{
		{"192.0.2.1", true, true},
		{"10.0.0.1", true, true}, // a private Internet
		{"2001:db8::1", true, true},
		{"fd00::1", true, true},
		{"64:ff9b::192.0.2.1", true, true},
		{"2002:c000:201::1", true, true},
		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"64:ff9b::127.0.0.1", false, true},
		{"2002:7f00:1::1", false, true},
		{"::127.0.0.1", false, true},
		{"0.0.0.0", false, false},
		{"0.0.0.1", false, false},
		{"::", false, false},
		{"::ffff:0.0.0.0", false, false},
		{"64:ff9b::", false, false},
		{"169.254.169.254", false, false},
		{"64:ff9b::169.254.169.254", false, false},
		{"2002:a9fe:a9fe::", false, false},
		{"fe80::1", false, false},
		{"224.0.0.251", false, false},
		{"ff02::fb", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"2001:0:c000:201::80ff:fffe", false, true}, // Teredo, client 127.0.0.1
		{"2001:0:7f00:1::3fff:fdfe", false, true},   // Teredo, server 127.0.0.1
		{"2001:0:c000:201::3fff:fdfe", true, true},  // Teredo, 192.0.2.1
		{"2001:db8::5efe:127.0.0.1", false, true},   // ISATAP
		{"2001:db8::200:5efe:169.254.169.254", false, false},
		{"::ffff:0:127.0.0.1", false, true}, // IPv4-translated
		{"::192.0.2.1", true, true},         // IPv4-compatible
		{"fec0::1", true, true},             // site-local, in a private Internet
		{"192.175.48.1", true, true},        // AS112 has name servers
		{"2620:4f:8000::1", true, true},
		{"::ffff:255.255.255.255", false, false},
	} {
		addr := netip.MustParseAddr(tt.address)
		for hint, want := range map[string]bool{"192.0.2.1": tt.allowed, "127.0.0.1": tt.loopback} {
			recursor := &Recursor{Hints: hints(hint)}
			recursor.once.Do(recursor.setUp)
			if got := recursor.filter.allows(addr); got != want {
				t.Errorf("%s, hints at %s: allowed %v", addr, hint, got)
			}
		}
	}
}
