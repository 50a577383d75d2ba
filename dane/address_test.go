package dane

import (
	"net/netip"
	"testing"
)

// Mail servers are at usual addresses, and at none that leads elsewhere, however it is written.
func TestUsualAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr  string
		usual bool
		why   string
	}{
		{"8.8.8.8", true, "a server somewhere"},
		{"2a00:1450:4001::1a", true, "a server somewhere"},
		{"0.0.0.0", false, "unspecified: this machine, on most systems"},
		{"0.0.0.1", false, "this network"},
		{"10.1.2.3", true, "private"},
		{"100.64.0.1", true, "shared by a provider's customers"},
		{"127.0.0.1", false, "loopback"},
		{"127.255.255.254", false, "loopback"},
		{"169.254.169.254", false, "link-local: where clouds keep secrets"},
		{"172.16.0.1", true, "private"},
		{"192.0.0.8", false, "dummy address (RFC 7600)"},
		{"192.0.0.170", false, "discovery of NAT64 (RFC 7050)"},
		{"192.0.2.1", true, "documentation"},
		{"192.31.196.1", false, "AS112"},
		{"192.52.193.1", false, "AMT"},
		{"192.88.99.1", false, "6to4 relay"},
		{"192.168.0.1", true, "private"},
		{"192.175.48.1", false, "AS112"},
		{"198.18.0.1", true, "benchmarks"},
		{"198.51.100.1", true, "documentation"},
		{"203.0.113.1", true, "documentation"},
		{"224.0.0.1", false, "multicast"},
		{"240.0.0.1", false, "reserved"},
		{"255.255.255.255", false, "broadcast"},

		{"::", false, "unspecified"},
		{"::1", false, "loopback"},
		{"::2", false, "reserved"},
		{"::7f00:1", false, "IPv4-compatible 127.0.0.1"},
		{"::192.0.2.1", false, "IPv4-compatible, withdrawn"},
		{"::ffff:127.0.0.1", false, "IPv4-mapped"},
		{"::ffff:0.0.0.0", false, "IPv4-mapped"},
		{"::ffff:192.0.2.1", true, "IPv4-mapped"},
		{"::ffff:0:7f00:1", false, "IPv4-translated 127.0.0.1"},
		{"::ffff:0:c000:201", true, "IPv4-translated 192.0.2.1"},
		{"64:ff9b::7f00:1", false, "NAT64 of 127.0.0.1"},
		{"64:ff9b::a9fe:a9fe", false, "NAT64 of 169.254.169.254"},
		{"64:ff9b::808:808", true, "NAT64 of 8.8.8.8"},
		{"64:ff9b:1::7f00:1", false, "NAT64 of a network"},
		{"64:ff9b:1:7f00:0:100::", false, "NAT64 of a network, 127.0.0.1 behind 48 bits"},
		{"64:ff9b:1::808:808", false, "NAT64 of a network: it is not known to where"},
		{"100::1", false, "discarded"},
		{"100:0:0:1::1", false, "dummy prefix"},
		{"2001:1::1", false, "PCP"},
		{"2001:3::1", false, "AMT"},
		{"2001:10::1", false, "ORCHID"},
		{"2001:20::1", false, "ORCHIDv2"},
		{"2001:30::1", false, "DRIP"},
		{"2001:0:808:808::80ff:fffe", false, "Teredo, client 127.0.0.1"},
		{"2001:0:7f00:1::f7f7:f7f7", false, "Teredo, server 127.0.0.1"},
		{"2001:0:808:808::5601:5601", false, "Teredo, client 169.254.169.254"},
		{"2001:0:808:808::f7f7:f7f7", true, "Teredo, client and server 8.8.8.8"},
		{"2001:2::1", true, "benchmarks"},
		{"2001:db8::1", true, "documentation"},
		{"2002:7f00:1::1", false, "6to4 of 127.0.0.1"},
		{"2002:a9fe:a9fe::1", false, "6to4 of 169.254.169.254"},
		{"2002:808:808::1", true, "6to4 of 8.8.8.8"},
		{"2620:4f:8000::1", false, "AS112"},
		{"3fff::1", true, "documentation"},
		{"5f00::1", false, "segment routing"},
		{"fd00::1", true, "unique local"},
		{"fe80::1", false, "link-local"},
		{"fe80::1%eth0", false, "link-local"},
		{"2001:db8::1%eth0", false, "a zone"},
		{"::ffff:192.0.2.1%eth0", false, "a zone"},
		{"fec0::1", false, "site-local"},
		{"ff02::1", false, "multicast"},
		{"ff0e::1", false, "multicast"},
		{"2001:db8::5efe:127.0.0.1", false, "ISATAP of 127.0.0.1"},
		{"fd00::200:5efe:169.254.169.254", false, "ISATAP, u bit set"},
		{"2001:db8::200:5efe:192.0.2.1", true, "ISATAP of 192.0.2.1"},
		{"2001:db8::1:5efe:127.0.0.1", true, "no ISATAP"},
	} {
		addr := netip.MustParseAddr(tt.addr)
		if got := usualAddress(addr); got != tt.usual {
			t.Errorf("%s (%s): usual is %v", tt.addr, tt.why, got)
		}
	}
	if usualAddress(netip.Addr{}) {
		t.Error("the zero address is usual")
	}
}

// A mapped address is its IPv4 address, and no IPv6 address that leads to one is more
// usual than that.
func FuzzUsualAddress(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{240, 0, 0, 1})
	f.Fuzz(func(t *testing.T, octets []byte) {
		if len(octets) < 4 {
			return
		}
		v4 := netip.AddrFrom4([4]byte(octets[:4]))
		sixteen := func(prefix string, at int) netip.Addr {
			addr := netip.MustParseAddr(prefix).As16()
			copy(addr[at:], octets[:4])
			return netip.AddrFrom16(addr)
		}
		for _, addr := range []netip.Addr{
			sixteen("::ffff:0:0", 12), sixteen("::ffff:0:0:0", 12), sixteen("64:ff9b::", 12), sixteen("2002::1", 2),
			sixteen("2001:db8::5efe:0:0", 12), sixteen("2001:0:808:808::f7f7:f7f7", 4),
		} {
			if usualAddress(addr) != usualAddress(v4) {
				t.Errorf("%s leads to %s", addr, v4)
			}
		}
		if usualAddress(v4) && (v4.IsLoopback() || v4.IsMulticast() || v4.IsLinkLocalUnicast() || v4.IsUnspecified()) {
			t.Errorf("%s is usual", v4)
		}
	})
}
