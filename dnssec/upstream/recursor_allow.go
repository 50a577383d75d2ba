package upstream

import (
	"net/netip"
	"slices"

	"github.com/danesmtp/danesmtp/internal/addresskind"
)

// addressKinds are kinds of addresses that data may lead to, because hints are of
// that kind.
type addressKinds struct{ loopback, linkLocal bool }

// allowed reports whether data may lead to an address. Name servers may have addresses that
// are set aside for a protocol: those of AS112 (RFC 7534) are such servers.
func (r *Recursor) allowed(addr netip.Addr) bool {
	if r.Allow != nil {
		return r.Allow(addr)
	}
	return !slices.ContainsFunc(addresskind.Of(addr), r.refuses)
}

func (r *Recursor) refuses(kind addresskind.Kind) bool {
	switch kind {
	case addresskind.Host, addresskind.Protocol, addresskind.Withdrawn:
		return false
	case addresskind.Loopback:
		return !r.kinds.loopback
	case addresskind.LinkLocal:
		return !r.kinds.linkLocal
	}
	return true
}
