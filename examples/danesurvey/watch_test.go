package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// TestDrawn: on any terminal it can be read how many domains are broken, and when it will be over.
func TestDrawn(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		40:  "9 % 192/2000, 8s left: 33 ok 20 warning",
		80:  "9 % 192/2000, 8s left: 33 ok 20 warning 139 broken 0 none 0 unknown",
		130: "192 of 2000 done (9 %), 232.9 a second, ends in about 8s: 33 ok, 20 warning, 139 broken,",
	} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			p := work.NewProgress(2000, store.Tally{Rows: 15, States: map[string]int{"broken": 15}}, false)
			w := newWatch(p, &out)
			w.screen = cli.Screen{Terminal: true, Width: width}
			stop := w.begin()
			time.Sleep(760 * time.Millisecond)
			for state, n := range map[string]int{"ok": 33, "warning": 20, "broken": 124} {
				for range n {
					p.Count(state, "")
				}
			}
			synctest.Wait()
			out.Reset()
			w.tick()
			drawn := out.String()
			if line := strings.Trim(strings.ReplaceAll(drawn, clearLine, ""), " "); !strings.Contains(line, want) || width < minBar && line != want {
				t.Errorf("%d columns: %q, want %q", width, drawn, want)
			}
			out.Reset()
			w.say("found")
			if got := out.String(); !strings.HasSuffix(got, "\rdanesurvey: found\n") && got != clearLine+"danesurvey: found\n" {
				t.Errorf("%d columns: a line of its own is %q", width, got)
			}
			stop()
		})
	}
}
