package dnssec

import (
	"context"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

type budgetKey struct{}

// WithBudget returns a context under which all lookups together may do the work
// of the given number of lookups. Without it each lookup has a budget of its
// own. A caller that makes several lookups for one task, with names that data
// led to, bounds the whole task by it. Work that lookups share is charged to each.
func WithBudget(ctx context.Context, lookups int) context.Context {
	return withBudget(ctx, validate.NewBudget(max(lookups, 1)))
}

func withBudget(ctx context.Context, b *validate.Budget) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

func budgetFrom(ctx context.Context) *validate.Budget {
	if b, ok := ctx.Value(budgetKey{}).(*validate.Budget); ok {
		return b
	}
	return validate.NewBudget(1)
}
