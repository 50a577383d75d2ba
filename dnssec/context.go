package dnssec

import "context"

type budgetKey struct{}

// WithBudget returns a context under which all lookups together may do the work
// of the given number of lookups. Without it each lookup has a budget of its
// own. A caller that makes several lookups for one task, with names that data
// led to, bounds the whole task by it. Work that lookups share is charged to each.
func WithBudget(ctx context.Context, lookups int) context.Context {
	return withBudget(ctx, newBudget(max(lookups, 1)))
}

func withBudget(ctx context.Context, b *budget) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

func budgetFrom(ctx context.Context) *budget {
	if b, ok := ctx.Value(budgetKey{}).(*budget); ok {
		return b
	}
	return newBudget(1)
}
