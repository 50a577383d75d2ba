// Package surveyflags has the flags by which our programs that go through lists of domains say how
// much others may notice of it.
package surveyflags

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// Flags are what was asked for. Declare sets the defaults.
type Flags struct {
	limits       survey.Limits
	pause, share time.Duration // 0: no pause, nothing is shared
}

// Declare declares the flags, in a group of their own.
func (s *Flags) Declare(f *cli.Flags) {
	*s = *defaults()
	f.Group("Consideration for servers, in a list")
	for _, one := range []struct {
		limit       *survey.Limit
		name, usage string
	}{
		{&s.limits.Address, "per-address", "connections to one address: `N[,RATE]` is N at a time, and RATE a second. N alone leaves the rate as it is; 0 is no bound of one, 0,0 of both. Servers at loopback addresses have no limits at all"},
		{&s.limits.Network, "per-network", "connections to all addresses of a /24, or a /56 of IPv6: `N[,RATE]`"},
		{&s.limits.Provider, "per-provider", "connections to all mail servers below one registered domain: `N[,RATE]`"},
		{&s.limits.DNS, "per-dns-server", "queries to one DNS server, with -recursive: `N[,RATE]`"},
	} {
		f.Var(&limit{to: one.limit}, one.name, one.usage)
	}
	f.DurationVar(&s.pause, "pause", s.pause, "leave a server alone for a `DURATION` when it says 421 or refuses, and twice as long each time that it goes on; 0 for not at all")
	f.DurationVar(&s.share, "share", s.share, "let what a mail server showed serve for other domains for a `DURATION`; 0 connects for each one")
}

func defaults() *Flags {
	limits := survey.DefaultLimits()
	return &Flags{limits: limits, pause: limits.Pause, share: survey.DefaultShare}
}

// Given reports whether anything differs from the defaults. Flags that are not declared are not
// given.
func (s *Flags) Given() bool { return *s != Flags{} && *s != *defaults() }

// Wrong returns what is wrong with what was asked for.
func (s *Flags) Wrong() error {
	switch {
	case s.pause < 0:
		return fmt.Errorf("-pause %s: want a duration that is not negative", s.pause)
	case s.share < 0:
		return fmt.Errorf("-share %s: want a duration that is not negative", s.share)
	}
	return nil
}

// Servers says what mail servers notice at most, in words.
func (s *Flags) Servers() string {
	l := s.limits
	return fmt.Sprintf("connections to an address %s, to its network %s, to a provider %s; servers at loopback addresses have no limits",
		inWords(l.Address), inWords(l.Network), inWords(l.Provider))
}

// DNS says what DNS servers notice at most, in words.
func (s *Flags) DNS() string { return "queries to a DNS server " + inWords(s.limits.DNS) }

func inWords(l survey.Limit) string {
	number, rate := "any number at a time", "any number a second"
	if l.Connections > 0 {
		number = strconv.Itoa(l.Connections) + " at a time"
	}
	if l.PerSecond > 0 {
		rate = strconv.FormatFloat(l.PerSecond, 'f', -1, 64) + " a second"
	}
	if l.Connections <= 0 && l.PerSecond <= 0 {
		return "without limits"
	}
	return number + " and " + rate
}

// Set sets a survey as was asked for.
func (s *Flags) Set(to *survey.Survey) {
	to.Limits, to.Share = s.limits, cmp.Or(s.share, -1)
	to.Limits.Pause = cmp.Or(s.pause, -1)
}

// A limit is the value of a flag.
type limit struct {
	to    *survey.Limit // nil in what package flag makes to compare with
	given string
}

// String is for help: see [flag.Value].
func (l *limit) String() string {
	if l.to == nil {
		return ""
	}
	connections, rate := max(0, l.to.Connections), max(0, l.to.PerSecond)
	return strconv.Itoa(connections) + "," + strconv.FormatFloat(rate, 'f', -1, 64)
}

// Given returns the flag as it was given, which is without a rate perhaps.
func (l *limit) Given() string { return l.given }

// Set reads N[,RATE]. A rate that is not there stays as it is.
func (l *limit) Set(text string) error {
	number, rate, found := strings.Cut(text, ",")
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return errors.New("want N or N,RATE, as 2 or 2,0.5")
	}
	l.given, l.to.Connections = text, cmp.Or(int(n), -1)
	if !found {
		return nil
	}
	perSecond, err := strconv.ParseFloat(rate, 64)
	if err != nil || !(perSecond == 0 || perSecond >= minRate && perSecond <= maxRate) {
		return errors.New("want a rate of one a day (0.0000116) to 1000000 a second, or 0 for no bound")
	}
	l.to.PerSecond = cmp.Or(perSecond, -1)
	return nil
}

// Rates that make sense: one a day, and one a microsecond.
const (
	minRate = 1. / 86400
	maxRate = 1e6
)
