package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// How often it is said how far a survey is: on a terminal, where a bar is drawn, and in a log.
const (
	redrawEvery = 250 * time.Millisecond
	logEvery    = time.Minute
)

// A watch says on standard error how far a survey is. That nobody reads it any more does not
// end the survey.
type watch struct {
	progress *work.Progress
	every    time.Duration // 0 means one of the constants

	mu     sync.Mutex
	out    io.Writer
	screen cli.Screen
	bar    *progressbar.ProgressBar // nil unless it is drawn
	narrow bool                     // a line without a bar is drawn
}

func newWatch(p *work.Progress, out io.Writer) *watch {
	return &watch{progress: p, out: out, screen: cli.ScreenOf(out, os.Getenv)}
}

// begin says so again and again, until stop is called; signals ask for a line at once.
func (w *watch) begin(signals ...os.Signal) (stop func()) {
	every := logEvery
	if w.screen.Terminal {
		every = redrawEvery
		w.draw()
	}
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	if len(signals) > 0 {
		signal.Notify(asked, signals...)
	}
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(cmp.Or(w.every, every))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
				w.say("%s", w.progress)
			case <-ticker.C:
				w.tick()
			}
		}
	})
	return func() {
		if len(signals) > 0 {
			signal.Ignore(signals...) // where Stop would let them end the process
		}
		cancel()
		running.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.clear()
		w.bar, w.narrow = nil, false
	}
}

// clear takes away what is drawn.
func (w *watch) clear() {
	if w.bar != nil {
		w.bar.Clear()
	}
	if w.narrow {
		fmt.Fprint(w.out, clearLine)
	}
}

// clearLine goes to the beginning of a line of a terminal and empties it.
const clearLine = "\r\x1b[K"

// barWidth is how wide the bar is, and barTaken what there is besides it and the line. In less than
// minBar columns it would take the place of how many domains are broken.
const (
	barWidth = 20
	barTaken = barWidth + 12
	minBar   = 120
)

// draw begins to draw how far a survey is.
func (w *watch) draw() {
	if w.narrow = w.screen.Columns() < minBar; !w.narrow {
		w.bar = w.newBar()
	}
}

func (w *watch) newBar() *progressbar.ProgressBar {
	_, total := w.progress.Done()
	return progressbar.NewOptions(max(1, total),
		progressbar.OptionSetWriter(w.out), progressbar.OptionSetWidth(barWidth), progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true))
}

func (w *watch) tick() {
	if w.bar == nil && !w.narrow {
		w.say("%s", w.progress)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.narrow {
		fmt.Fprint(w.out, clearLine, cut(w.progress.Short(), w.screen.Columns()-1))
		return
	}
	done, _ := w.progress.Done()
	w.bar.Describe(cut(w.progress.String(), w.screen.Columns()-barTaken))
	w.bar.Set(done)
}

// cut leaves a text of ASCII with so many columns.
func cut(text string, columns int) string { return text[:min(len(text), max(0, columns))] }

// say prints a line of its own. What comes from the network or a list begins no other one.
func (w *watch) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clear()
	fmt.Fprintf(w.out, "danesurvey: %s\n", printable.Line(fmt.Sprintf(format, args...)))
}

// sortedByCount returns the names of what was counted, the most frequent first.
func sortedByCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}
