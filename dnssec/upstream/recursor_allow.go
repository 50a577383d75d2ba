package upstream

import (
	"github.com/danesmtp/danesmtp/internal/addresskind"
)

// addressKinds are kinds of addresses that data may lead to, because hints are of
// that kind.
type addressKinds struct{ loopback, linkLocal bool }

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
