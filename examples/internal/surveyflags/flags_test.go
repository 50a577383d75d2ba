package surveyflags_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/surveyflags"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	limits := func(change func(*survey.Limits)) survey.Limits {
		l := survey.DefaultLimits()
		change(&l)
		return l
	}
	for _, tt := range []struct {
		args  string
		want  survey.Limits
		share time.Duration
		wrong string
	}{
		{args: "", want: survey.DefaultLimits(), share: time.Hour},
		{args: "-per-address 5", share: time.Hour, want: limits(func(l *survey.Limits) { l.Address = survey.Limit{Connections: 5, PerSecond: 2} })},
		{args: "-per-address 5,0.5", share: time.Hour, want: limits(func(l *survey.Limits) { l.Address = survey.Limit{Connections: 5, PerSecond: 0.5} })},
		{args: "-per-network 0 -per-provider 3,0", share: time.Hour, want: limits(func(l *survey.Limits) {
			l.Network, l.Provider = survey.Limit{Connections: -1, PerSecond: 10}, survey.Limit{Connections: 3, PerSecond: -1}
		})},
		{args: "-per-dns-server 64,1000 -pause 5m -share 1d", share: 24 * time.Hour, want: limits(func(l *survey.Limits) {
			l.DNS, l.Pause = survey.Limit{Connections: 64, PerSecond: 1000}, 5*time.Minute
		})},
		{args: "-pause 0 -share 0", share: -1, want: limits(func(l *survey.Limits) { l.Pause = -1 })},
		{args: "-per-address -1", wrong: "want N or N,RATE"},
		{args: "-per-address two", wrong: "want N or N,RATE"},
		{args: "-per-address 4294967296", wrong: "want N or N,RATE"},
		{args: "-per-address 2,", wrong: "want a rate"},
		{args: "-per-address 2,-1", wrong: "want a rate"},
		{args: "-per-address 2,NaN", wrong: "want a rate"},
		{args: "-per-address 2,1e-300", wrong: "want a rate of one a day (0.0000116) to 1000000 a second, or 0"},
		{args: "-per-address 2,1e300", wrong: "want a rate"},
		{args: "-per-address 2,0.0000115", wrong: "want a rate"},
		{args: "-pause -1s", wrong: "-pause -1s"},
		{args: "-share -1s", wrong: "-share -1s"},
	} {
		var got surveyflags.Flags
		f := cli.NewFlags("test")
		got.Declare(f)
		_, err := f.Parse(strings.Fields(tt.args))
		if err == nil {
			err = got.Wrong()
		}
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%q: error %v, want %q", tt.args, err, tt.wrong)
			}
			continue
		}
		if err != nil || got.Given() != (tt.args != "") {
			t.Errorf("%q: given %t, %v", tt.args, got.Given(), err)
		}
		var s survey.Survey
		got.Set(&s)
		if diff := cmp.Diff(tt.want, s.Limits); diff != "" || s.Share != tt.share {
			t.Errorf("%q: shared for %v (-want +got):\n%s", tt.args, s.Share, diff)
		}
	}
}

func TestInWords(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"": "connections to an address 2 at a time and 2 a second, to its network 8 at a time and 10 a second, to a provider 8 at a time and 10 a second; " +
			"servers at loopback addresses have no limits; queries to a DNS server 32 at a time and 200 a second",
		"-per-address 0 -per-network 0,0 -per-provider 3,0 -per-dns-server 1,0.0000116": "connections to an address any number at a time and 2 a second, " +
			"to its network without limits, to a provider 3 at a time and any number a second; servers at loopback addresses have no limits; " +
			"queries to a DNS server 1 at a time and 0.0000116 a second",
	} {
		var flags surveyflags.Flags
		f := cli.NewFlags("test")
		flags.Declare(f)
		if _, err := f.Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if got := flags.Servers() + "; " + flags.DNS(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", args, got, want)
		}
	}
}
