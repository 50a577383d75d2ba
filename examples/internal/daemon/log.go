package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Log returns a log for a program's standard error: lines of text, which the journal of systemd
// keeps by their priority (journalctl -p warning).
func Log(w io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if !isJournal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	h := make(byPriority)
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		h[l] = slog.NewTextHandler(prefixed{w, priority(l)}, options)
	}
	return slog.New(h)
}

// Complain prints why a program does not start, with its name before each line.
func Complain(w io.Writer, program string, err error) {
	prefix := ""
	if isJournal(w) {
		prefix = priority(slog.LevelError)
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "%s%s: %s\n", prefix, program, strings.TrimSuffix(line, "\n"))
	}
}

// priority is what the journal reads before a line (sd-daemon(3)).
func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "<3>"
	case level >= slog.LevelWarn:
		return "<4>"
	case level >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

// prefixed puts a prefix before every write, of which each is a line.
type prefixed struct {
	io.Writer
	prefix string
}

func (p prefixed) Write(b []byte) (int, error) {
	if _, err := p.Writer.Write(append([]byte(p.prefix), b...)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// byPriority has a handler for each of slog's four levels, and for those between the next lower.
type byPriority map[slog.Level]slog.Handler

func (h byPriority) of(level slog.Level) slog.Handler {
	for _, l := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo} {
		if level >= l {
			return h[l]
		}
	}
	return h[slog.LevelDebug]
}

// Enabled is part of [slog.Handler].
func (h byPriority) Enabled(ctx context.Context, level slog.Level) bool {
	return h.of(level).Enabled(ctx, level)
}

// Handle is part of [slog.Handler].
func (h byPriority) Handle(ctx context.Context, r slog.Record) error {
	return h.of(r.Level).Handle(ctx, r)
}

// WithAttrs is part of [slog.Handler].
func (h byPriority) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.each(func(one slog.Handler) slog.Handler { return one.WithAttrs(attrs) })
}

// WithGroup is part of [slog.Handler].
func (h byPriority) WithGroup(name string) slog.Handler {
	return h.each(func(one slog.Handler) slog.Handler { return one.WithGroup(name) })
}

func (h byPriority) each(change func(slog.Handler) slog.Handler) slog.Handler {
	changed := make(byPriority)
	for level, one := range h {
		changed[level] = change(one)
	}
	return changed
}
