package upstream

import (
	"net/netip"
	"slices"

	"github.com/danesmtp/danesmtp/internal/addresskind"
)

// An addressFilter says which addresses DNS data may lead to; see Recursor.Allow.
type addressFilter struct {
	allow               func(netip.Addr) bool // in place of the rest, unless it is nil
	loopback, linkLocal bool                  // such addresses are allowed, since there are hints of that kind
}

// allows reports whether data may lead to an address. Name servers may have addresses that
// are set aside for a protocol: those of AS112 (RFC 7534) are such servers.
func (f *addressFilter) allows(addr netip.Addr) bool {
	if f.allow != nil {
		return f.allow(addr)
	}
	return !slices.ContainsFunc(addresskind.Of(addr), f.refuses)
}

func (f *addressFilter) refuses(kind addresskind.Kind) bool {
	switch kind {
	case addresskind.Host, addresskind.Protocol, addresskind.Withdrawn:
		return false
	case addresskind.Loopback:
		return !f.loopback
	case addresskind.LinkLocal:
		return !f.linkLocal
	}
	return true
}
