package upstream

import "context"

// afterFunc is [context.AfterFunc]. A context that has the method itself, as those of package
// dnssec have, takes a third of the allocations by it.
func afterFunc(ctx context.Context, f func()) (stop func() bool) {
	if c, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return c.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}
