package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// How often it is said how far a list is: on a terminal, in one line that is drawn again and
// again; and in a log.
const (
	redrawEvery = 500 * time.Millisecond
	logEvery    = time.Minute
)

// A progress says on standard error how far a list is.
type progress struct {
	list    *listing
	size    int64 // of the list in octets; 0 if it is not known
	started time.Time
	screen  cli.Screen

	mu    sync.Mutex
	out   io.Writer
	shown bool // a line stands on the terminal, and is not ended
}

// watch begins to say so, until stop is called; signals ask for a line at once.
func (p *progress) watch(signals ...os.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	if len(signals) > 0 {
		signal.Notify(asked, signals...)
	}
	var running sync.WaitGroup
	running.Go(func() {
		every := logEvery
		if p.screen.Terminal {
			every = redrawEvery
		}
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
				p.say()
			case <-ticker.C:
				p.tick()
			}
		}
	})
	return func() {
		signal.Stop(asked)
		cancel()
		running.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.clear()
	}
}

func (p *progress) tick() {
	if !p.screen.Terminal {
		p.say()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	line := []rune(p.line(time.Now()))
	if width := p.screen.Columns() - 1; len(line) > width {
		line = line[:width]
	}
	fmt.Fprintf(p.out, "\r%s\x1b[K", string(line))
	p.shown = true
}

// say prints a line of its own.
func (p *progress) say() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.out, "daneverify: %s\n", p.line(time.Now()))
}

func (p *progress) clear() {
	if p.shown {
		io.WriteString(p.out, "\r\x1b[K")
		p.shown = false
	}
}

// line says how much is done, how fast, what came of it, and when it will be over.
func (p *progress) line(now time.Time) string {
	l := p.list
	l.mu.Lock()
	defer l.mu.Unlock()
	elapsed := now.Sub(p.started)
	var b strings.Builder
	fmt.Fprintf(&b, "%d done", l.done)
	if p.size > 0 {
		fmt.Fprintf(&b, " (%d %%)", min(100, 100*l.end/p.size))
	}
	if seconds := elapsed.Seconds(); seconds > 0 {
		fmt.Fprintf(&b, ", %.1f a second", float64(l.done)/seconds)
	}
	b.WriteString(": " + l.byState())
	if p.size > 0 && l.end > 0 && l.end <= p.size {
		left := time.Duration(float64(elapsed) * float64(p.size-l.end) / float64(l.end))
		fmt.Fprintf(&b, "; ends in about %s", left.Round(time.Second))
	}
	return b.String()
}

// through returns a writer for what else is printed, which the line gives way to.
func (p *progress) through(w io.Writer) io.Writer { return &besideProgress{p, w} }

type besideProgress struct {
	progress *progress
	out      io.Writer
}

func (b *besideProgress) Write(text []byte) (int, error) {
	b.progress.mu.Lock()
	defer b.progress.mu.Unlock()
	b.progress.clear()
	return b.out.Write(text)
}
