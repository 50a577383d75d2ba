package upstream

import (
	"context"
	"testing"
)

// hooked is a context that has AfterFunc itself, and ends when end is called.
type hooked struct {
	context.Context
	end func()
}

func (c *hooked) AfterFunc(f func()) (stop func() bool) {
	c.end = f
	return func() bool { c.end = nil; return true }
}

// The end of a context is noticed, whether it has AfterFunc itself or not.
func TestAfterFunc(t *testing.T) {
	t.Parallel()
	usual, cancel := context.WithCancel(t.Context())
	own := &hooked{Context: t.Context()}
	for _, tt := range []struct {
		label string
		ctx   context.Context
		end   func()
	}{
		{"of package context", usual, cancel},
		{"of a type of its own", own, func() { own.end() }},
	} {
		if stop := afterFunc(tt.ctx, func() { t.Errorf("%s: called after it was stopped", tt.label) }); !stop() {
			t.Errorf("%s: it is not stopped", tt.label)
		}
		called := make(chan struct{})
		afterFunc(tt.ctx, func() { close(called) })
		tt.end()
		<-called
	}
}
