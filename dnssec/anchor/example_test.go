package anchor_test

import (
	"context"
	"fmt"
	"strings"
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

func ExampleRoot() {
	for _, a := range anchor.Root() {
		fmt.Println(a.Zone, a.DS.KeyTag)
	}
	// Output:
	// . 20326
	// . 38696
}

func ExampleParse() {
	set, err := anchor.Parse(strings.NewReader("example. DS 1 13 2 "+strings.Repeat("ab", 32)), "my.ds")
	zone, found := set.Enclosing("www.example.")
	fmt.Println(zone, found, err)
	// Output: example. true <nil>
}

func ExampleReadFile() {
	set, err := anchor.ReadFile("testdata/root-anchors.xml")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, year := range []int{2005, 2018, 2026} {
		inForce, err := set.Anchors(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
		fmt.Print(year, ":")
		for _, a := range inForce {
			fmt.Print(" ", a.DS.KeyTag)
		}
		fmt.Println("", err)
	}
	// Output:
	// 2005: anchor: no DS or DNSKEY record of . is in force at 2005-01-01T00:00:00Z
	// 2018: 19036 20326 <nil>
	// 2026: 20326 38696 <nil>
}
