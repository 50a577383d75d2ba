package monitor

import (
	"context"
	"sync"
	"time"
)

// observeAll checks domains, so many at a time, and hands over each observation as it is
// there. It returns when all are, which is soon after ctx has ended. each is called by one
// goroutine at a time.
func observeAll(ctx context.Context, check Check, domains []string, atATime int, timeout time.Duration, each func(i int, o Observation)) {
	places := make(chan struct{}, max(1, atATime))
	var running sync.WaitGroup
	var one sync.Mutex
	for i, domain := range domains {
		placed := true
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			placed = false // observe says so
		}
		running.Go(func() {
			if placed {
				defer func() { <-places }()
			}
			limited, cancel := ctx, context.CancelFunc(func() {})
			if timeout > 0 {
				limited, cancel = context.WithTimeout(ctx, timeout)
			}
			defer cancel()
			o := observe(limited, check, domain)
			one.Lock()
			defer one.Unlock()
			each(i, o)
		})
	}
	running.Wait()
}
