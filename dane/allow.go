package dane

import (
	"net/netip"
	"slices"

	"github.com/danesmtp/danesmtp/internal/addresskind"
)

// allows reports whether an address may be used that DNS data led to.
func (v *Verifier) allows(addr netip.Addr) bool {
	return (v.AllowAll || usualAddress(addr)) && (v.Allow == nil || v.Allow(addr))
}

// usualAddress reports whether a mail server of somebody else can be at an address: not
// where it leads to this machine or link, to many at once, or to the nearest server of some
// other protocol, and not where nobody has it. A zone means something on this machine only
// (RFC 4007 §6), so that no address with one is usual.
func usualAddress(addr netip.Addr) bool {
	unusual := func(kind addresskind.Kind) bool { return kind != addresskind.Host }
	return addr.Zone() == "" && !slices.ContainsFunc(addresskind.Of(addr), unusual)
}
