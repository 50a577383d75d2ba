package addresskind

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each row of the table has an address at least, and so has each way around it.
func TestOf(t *testing.T) {
	t.Parallel()
	tested := make(map[netip.Prefix]bool)
	for _, tt := range []struct {
		addr  string
		kinds []Kind
		why   string
	}{
		{"8.8.8.8", []Kind{Host}, "a server somewhere"},
		{"2a00:1450:4001::1a", []Kind{Host}, "a server somewhere"},
		{"0.0.0.0", []Kind{Reserved}, "unspecified: this machine, on most systems"},
		{"0.0.0.1", []Kind{Reserved}, "this network"},
		{"10.1.2.3", []Kind{Host}, "private"},
		{"100.64.0.1", []Kind{Host}, "shared by a provider's customers"},
		{"127.0.0.1", []Kind{Loopback}, "loopback"},
		{"127.255.255.254", []Kind{Loopback}, "loopback"},
		{"169.254.169.254", []Kind{LinkLocal}, "link-local: where clouds keep secrets"},
		{"172.16.0.1", []Kind{Host}, "private"},
		{"192.0.0.8", []Kind{Protocol}, "dummy address (RFC 7600)"},
		{"192.0.0.170", []Kind{Protocol}, "discovery of NAT64 (RFC 7050)"},
		{"192.0.2.1", []Kind{Host}, "documentation"},
		{"192.31.196.1", []Kind{Protocol}, "AS112"},
		{"192.52.193.1", []Kind{Protocol}, "AMT"},
		{"192.88.99.1", []Kind{Withdrawn}, "6to4 relay"},
		{"192.168.0.1", []Kind{Host}, "private"},
		{"192.175.48.1", []Kind{Protocol}, "AS112"},
		{"198.18.0.1", []Kind{Host}, "benchmarks"},
		{"198.51.100.1", []Kind{Host}, "documentation"},
		{"203.0.113.1", []Kind{Host}, "documentation"},
		{"224.0.0.1", []Kind{Multicast}, "multicast"},
		{"240.0.0.1", []Kind{Reserved}, "reserved"},
		{"255.255.255.255", []Kind{Reserved}, "broadcast"},
		{"::", []Kind{Reserved}, "unspecified"},
		{"::1", []Kind{Loopback}, "loopback"},
		{"::2", []Kind{Withdrawn, Reserved}, "reserved"},
		{"::7f00:1", []Kind{Withdrawn, Loopback}, "IPv4-compatible 127.0.0.1"},
		{"::192.0.2.1", []Kind{Withdrawn, Host}, "IPv4-compatible, withdrawn"},
		{"::ffff:127.0.0.1", []Kind{Loopback}, "IPv4-mapped"},
		{"::ffff:0.0.0.0", []Kind{Reserved}, "IPv4-mapped"},
		{"::ffff:192.0.2.1", []Kind{Host}, "IPv4-mapped"},
		{"::ffff:0:7f00:1", []Kind{Loopback}, "IPv4-translated 127.0.0.1"},
		{"::ffff:0:c000:201", []Kind{Host}, "IPv4-translated 192.0.2.1"},
		{"64:ff9b::7f00:1", []Kind{Loopback}, "NAT64 of 127.0.0.1"},
		{"64:ff9b::a9fe:a9fe", []Kind{LinkLocal}, "NAT64 of 169.254.169.254"},
		{"64:ff9b::808:808", []Kind{Host}, "NAT64 of 8.8.8.8"},
		{"64:ff9b:1::7f00:1", []Kind{Protocol}, "NAT64 of a network"},
		{"64:ff9b:1:7f00:0:100::", []Kind{Protocol}, "NAT64 of a network, 127.0.0.1 behind 48 bits"},
		{"64:ff9b:1::808:808", []Kind{Protocol}, "NAT64 of a network: it is not known to where"},
		{"100::1", []Kind{Protocol}, "discarded"},
		{"100:0:0:1::1", []Kind{Protocol}, "dummy prefix"},
		{"2001:1::1", []Kind{Protocol}, "PCP"},
		{"2001:3::1", []Kind{Protocol}, "AMT"},
		{"2001:10::1", []Kind{Protocol}, "ORCHID"},
		{"2001:20::1", []Kind{Protocol}, "ORCHIDv2"},
		{"2001:30::1", []Kind{Protocol}, "DRIP"},
		{"2001:0:808:808::80ff:fffe", []Kind{Host, Loopback}, "Teredo, client 127.0.0.1"},
		{"2001:0:7f00:1::f7f7:f7f7", []Kind{Loopback, Host}, "Teredo, server 127.0.0.1"},
		{"2001:0:808:808::5601:5601", []Kind{Host, LinkLocal}, "Teredo, client 169.254.169.254"},
		{"2001:0:808:808::f7f7:f7f7", []Kind{Host, Host}, "Teredo, client and server 8.8.8.8"},
		{"2001:2::1", []Kind{Host}, "benchmarks"},
		{"2001:db8::1", []Kind{Host}, "documentation"},
		{"2002:7f00:1::1", []Kind{Loopback}, "6to4 of 127.0.0.1"},
		{"2002:a9fe:a9fe::1", []Kind{LinkLocal}, "6to4 of 169.254.169.254"},
		{"2002:808:808::1", []Kind{Host}, "6to4 of 8.8.8.8"},
		{"2620:4f:8000::1", []Kind{Protocol}, "AS112"},
		{"3fff::1", []Kind{Host}, "documentation"},
		{"5f00::1", []Kind{Protocol}, "segment routing"},
		{"fd00::1", []Kind{Host}, "unique local"},
		{"fe80::1", []Kind{LinkLocal}, "link-local"},
		{"fe80::1%eth0", []Kind{LinkLocal}, "link-local"},
		{"2001:db8::1%eth0", []Kind{Host}, "a zone"},
		{"::ffff:192.0.2.1%eth0", []Kind{Host}, "a zone"},
		{"fec0::1", []Kind{Withdrawn}, "site-local"},
		{"ff02::1", []Kind{Multicast}, "multicast"},
		{"ff0e::1", []Kind{Multicast}, "multicast"},
		{"2001:db8::5efe:127.0.0.1", []Kind{Loopback}, "ISATAP of 127.0.0.1"},
		{"fd00::200:5efe:169.254.169.254", []Kind{LinkLocal}, "ISATAP, u bit set"},
		{"2001:db8::200:5efe:192.0.2.1", []Kind{Host}, "ISATAP of 192.0.2.1"},
		{"2001:db8::1:5efe:127.0.0.1", []Kind{Host}, "no ISATAP"},
		{"5::1", []Kind{Reserved}, "not assigned"},
	} {
		addr := netip.MustParseAddr(tt.addr)
		if diff := cmp.Diff(tt.kinds, Of(addr)); diff != "" {
			t.Errorf("%s (%s): (-want +got)\n%s", tt.addr, tt.why, diff)
		}
		tested[blockOf(addr.WithZone("")).prefix] = true
	}
	if diff := cmp.Diff([]Kind{Reserved}, Of(netip.Addr{})); diff != "" {
		t.Errorf("the zero address: %s", diff)
	}
	for _, b := range blocks {
		if !tested[b.prefix] {
			t.Errorf("no address of %s is tested", b.prefix)
		}
	}
}

// However an IPv4 address is written, its kind is among those of the address; and no address
// of a kind that the standard library knows, too, is a host.
func FuzzOf(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{240, 0, 0, 1})
	f.Add(netip.MustParseAddr("2001:0:808:808::80ff:fffe").AsSlice())
	f.Fuzz(func(t *testing.T, octets []byte) {
		addr, ok := netip.AddrFromSlice(octets)
		if !ok {
			return
		}
		kinds := Of(addr)
		if len(kinds) == 0 || len(kinds) > 3 {
			t.Errorf("%s has the kinds %v", addr, kinds)
		}
		special := addr.IsLoopback() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
		if special && slices.Contains(kinds, Host) {
			t.Errorf("%s is a host", addr)
		}
		if !addr.Is4() {
			return
		}
		for prefix, at := range map[string]int{
			"::ffff:0:0": 12, "::ffff:0:0:0": 12, "64:ff9b::": 12, "2002::1": 2, "2001:db8::5efe:0:0": 12, "2001:0:808:808::f7f7:f7f7": 4,
		} {
			written := netip.MustParseAddr(prefix).As16()
			copy(written[at:], octets)
			if got := Of(netip.AddrFrom16(written)); !slices.Contains(got, kinds[0]) {
				t.Errorf("%s has the kinds %v, and not %v", netip.AddrFrom16(written), got, kinds)
			}
		}
	})
}
