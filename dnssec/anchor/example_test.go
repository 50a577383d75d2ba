package anchor_test

import (
	"context"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// A Tracker is the Anchors of a dnssec.Resolver, which does the rest.
func ExampleTracker() {
	tracker := &anchor.Tracker{
		Trace: func(zone string, changes []anchor.Change, err error) {
			for _, c := range changes {
				fmt.Println(zone, c.Key.KeyTag(), c.From, "->", c.To)
			}
			if err != nil {
				fmt.Println(err)
			}
		},
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	set, err := tracker.Anchors(now)
	fmt.Println(len(set), err)

	zone, at := tracker.Next(now)
	fmt.Printf("ask for the keys of %q in %s\n", zone, at.Sub(now))
	tracker.Observe(context.Background(), now, zone, nil) // no server answered
	_, at = tracker.Next(now)
	fmt.Println("and again in", at.Sub(now))
	// Output:
	// 2 <nil>
	// ask for the keys of "." in 0s
	// anchor: zone .: no DNSKEY record
	// and again in 1h0m0s
}
