package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// limitFlags declares the limits on what others notice.
func (o *options) limitFlags(f *cli.Flags) {
	const form = ": `N/RATE`, so many at a time and so many a second; - is no limit (default: "
	f.Var((*limit)(&o.limits.Address), "limit-address", "connections to one address"+form+"2/2)")
	f.Var((*limit)(&o.limits.Network), "limit-network", "connections to a /24 of IPv4, or a /56 of IPv6"+form+"8/10)")
	f.Var((*limit)(&o.limits.Provider), "limit-provider", "connections to all mail servers below one registered domain"+form+"8/10)")
	f.Var((*limit)(&o.limits.DNS), "limit-dns", "queries to one DNS server of a zone"+form+"32/200)")
	f.DurationVar(&o.limits.Pause, "pause", time.Minute, "leave an address alone for a `DURATION` after it was busy; twice as long each time it still is")
}

// A limit is the value of a flag: 2/2, 8/-, -/0.5.
type limit survey.Limit

func (l *limit) String() string {
	if *l == (limit{}) {
		return "" // the default
	}
	n, rate := strconv.Itoa(l.Connections), strconv.FormatFloat(l.PerSecond, 'g', -1, 64)
	if l.Connections < 0 {
		n = "-"
	}
	if l.PerSecond < 0 {
		rate = "-"
	}
	return n + "/" + rate
}

func (l *limit) Set(text string) error {
	first, second, both := strings.Cut(text, "/")
	n, rate := -1, -1.0
	var err error
	if first != "-" {
		n, err = strconv.Atoi(first)
	}
	if err == nil && second != "-" {
		rate, err = strconv.ParseFloat(second, 64)
	}
	if !both || err != nil || n == 0 || n < -1 || rate == 0 || rate < -1 || first == "-1" || second == "-1" || rate != rate || rate > 1e9 {
		return fmt.Errorf("want N/RATE, such as 2/0.5 or 8/-, and not %q", text)
	}
	*l = limit{n, rate}
	return nil
}
