package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// halfDone is a list of 1,000 octets, half of which are done after 10 seconds.
func halfDone() *listing {
	l := newListing()
	for i := range 50 {
		row := survey.Row{Entry: survey.Entry{Line: i + 1, End: int64(10 * (i + 1))}}
		l.count(&row, &diagnosis.Report{State: diagnosis.StateOK})
	}
	return l
}

func TestProgressLine(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for _, tt := range []struct {
		name string
		size int64
		want string
	}{
		{"of a file", 1000, "50 done (50 %), 5.0 a second: 50 ok, 0 warning, 0 broken, 0 none, 0 unknown; ends in about 10s"},
		{"of a pipe nobody knows the end", 0, "50 done, 5.0 a second: 50 ok, 0 warning, 0 broken, 0 none, 0 unknown"},
		{"of a file that has grown", 100, "50 done (100 %), 5.0 a second: 50 ok, 0 warning, 0 broken, 0 none, 0 unknown"},
	} {
		p := &progress{list: halfDone(), size: tt.size, started: began}
		if got := p.line(began.Add(10 * time.Second)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log, screen lockedBuffer
		inLog := &progress{list: halfDone(), started: time.Now(), out: &log}
		onScreen := &progress{list: halfDone(), started: time.Now(), out: &screen, screen: cli.Screen{Terminal: true, Width: 40}}
		stops := []func(){inLog.watch(), onScreen.watch()}
		beside := onScreen.through(&screen)
		time.Sleep(2*time.Minute + 1250*time.Millisecond)
		beside.Write([]byte("a row\n"))
		for _, stop := range stops {
			stop()
		}
		if got := strings.Count(log.String(), "\n"); got != 2 || !strings.HasPrefix(log.String(), "daneverify: 50 done, ") {
			t.Errorf("%d lines in two minutes:\n%s", got, log.String())
		}
		text := screen.String()
		if !strings.HasSuffix(text, "\r\x1b[Ka row\n") {
			t.Errorf("the row does not stand on a line of its own: %q", text[max(0, len(text)-200):])
		}
		if redrawn := strings.Count(text, "50 done"); redrawn != 242 || strings.Count(text, "\n") != 1 {
			t.Errorf("drawn %d times in 121 seconds, with %d line ends", redrawn, strings.Count(text, "\n"))
		}
		for line := range strings.SplitSeq(text, "\r") {
			if line = strings.TrimSuffix(line, "\x1b[K"); len(line) > 39 {
				t.Errorf("%q does not fit 40 columns", line)
			}
		}
	})
}
