package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads what [time.ParseDuration] does, with weeks and days before it: 2d, 1w12h.
func ParseDuration(text string) (time.Duration, error) {
	const most = 10000 // of a unit: more would be no duration that [time.Duration] has
	rest := text
	var total time.Duration
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n > most {
			return 0, fmt.Errorf("%q is no duration such as 90s, 2h30m, 7d or 1w", text)
		}
		if total, rest = total+time.Duration(n)*unit.long, after; rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || rest != text && (d < 0 || total+d < total) {
		return 0, fmt.Errorf("%q is no duration such as 90s, 2h30m, 7d or 1w", text)
	}
	return total + d, nil
}

// A duration is the value of a flag that ParseDuration reads.
type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }

// Get is for messages and help: see [flag.Getter].
func (d *duration) Get() any { return time.Duration(*d) }

func (d *duration) Set(text string) error {
	value, err := ParseDuration(text)
	if err == nil {
		*d = duration(value)
	}
	return err
}

// DurationVar declares a flag that ParseDuration reads.
func (f *Flags) DurationVar(p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	f.Var((*duration)(p), name, usage)
}

// Duration declares a flag that ParseDuration reads.
func (f *Flags) Duration(name string, value time.Duration, usage string) *time.Duration {
	p := new(time.Duration)
	f.DurationVar(p, name, value, usage)
	return p
}

// A seconds is the value of a flag that is whole seconds, or a duration of so many.
type seconds uint

func (s *seconds) String() string { return strconv.FormatUint(uint64(*s), 10) }

// Get is for messages and help: see [flag.Getter].
func (s *seconds) Get() any { return uint(*s) }

func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		*s = seconds(n)
		return nil
	}
	d, err := ParseDuration(text)
	if err == nil && (d < 0 || d%time.Second != 0) {
		err = fmt.Errorf("%q is not a number of whole seconds", text)
	}
	if err == nil {
		*s = seconds(d / time.Second)
	}
	return err
}

// SecondsVar declares a flag that is whole seconds, or a duration of so many: 3600 or 1h.
func (f *Flags) SecondsVar(p *uint, name string, value uint, usage string) {
	*p = value
	f.Var((*seconds)(p), name, usage)
}
