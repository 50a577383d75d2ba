package cli_test

import (
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "90s": 90 * time.Second, "2h30m": 150 * time.Minute, "-5s": -5 * time.Second,
		"2d": 2 * day, "1w": 7 * day, "1w2d3h": 9*day + 3*time.Hour, "1d0s": day, "10000w10000d": 80000 * day,
	} {
		if got, err := cli.ParseDuration(text); got != want || err != nil {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "d", "-2d", "1d-1h", "2d1w", "1.5d", "10001w", "1d1d", "10000w10000d2000000h", "1x", "1w ", "99999999999999999999d"} {
		if got, err := cli.ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// Flags take the same, and a TTL is whole seconds or a duration.
func TestDurationFlags(t *testing.T) {
	t.Parallel()
	f := cli.NewFlags("test")
	var ttl uint
	f.SecondsVar(&ttl, "ttl", 5, "TTL in `SECONDS`")
	wait := f.Duration("wait", time.Hour, "wait `DURATION`")
	if _, err := f.Parse([]string{"-ttl", "1h", "-wait", "2d"}); err != nil || ttl != 3600 || *wait != 48*time.Hour {
		t.Error(ttl, *wait, err)
	}
	if _, err := f.Parse([]string{"-ttl=300"}); err != nil || ttl != 300 {
		t.Error(ttl, err)
	}
	for _, text := range []string{"-1", "-1h", "1500ms", "soon"} {
		if _, err := f.Parse([]string{"-ttl", text}); err == nil || ttl != 300 {
			t.Errorf("-ttl %s is read as %d", text, ttl)
		}
	}
}
