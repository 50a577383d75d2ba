package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// clip returns a text as one line of printable ASCII. A longer one is cut, and says so.
func clip(text string, limit int) string {
	line := printable.Line(text)
	if len(line) <= limit {
		return line
	}
	return fmt.Sprintf("%s [cut, %d characters in all]", line[:limit], len(text))
}

// shorten makes a text fit where there is no place to say that it is cut: what is left out
// stands in a title or a table. Names differ at their beginning, and tell whose they are at
// their end.
func shorten(text string, limit int) string {
	line := printable.Line(text)
	if limit = max(limit, 4); len(line) <= limit {
		return line
	}
	tail := limit / 3
	return line[:limit-1-tail] + "…" + line[len(line)-tail:]
}

// lines clips each text, and adds a line for those beyond the limit.
func lines(texts []string, limit int, of string) (shown []string) {
	for _, text := range texts[:min(len(texts), limit)] {
		shown = append(shown, clip(text, maxText))
	}
	if more := len(texts) - limit; more > 0 {
		shown = append(shown, leftOut(more, of))
	}
	return shown
}

// leftOut says how many things are not shown; nothing if all are.
func leftOut(n int, of string) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf("%d more %s left out here.", n, of)
}

// zoneName returns a name as people write it: without the final dot, but for the root.
func zoneName(name string) string {
	if name == "." {
		return "root"
	}
	return strings.TrimSuffix(name, ".")
}

func shownTime(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format("2 Jan 2006 15:04 UTC")
}

// shownSpan returns how far an instant is from another, in words.
func shownSpan(from, until time.Time) string {
	d := until.Sub(from)
	switch span := spanWords(d.Abs()); {
	case span == "":
		return "now"
	case d < 0:
		return span + " ago"
	default:
		return "in " + span
	}
}

func spanWords(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		size time.Duration
		name string
		from time.Duration
	}{{365 * day, "year", 3 * 365 * day}, {day, "day", 2 * day}, {time.Hour, "hour", time.Hour}, {time.Minute, "minute", time.Minute}} {
		if d < unit.from {
			continue
		}
		n := d / unit.size
		if unit.name == "year" {
			n = (d + unit.size/2) / unit.size // certificates of ten years lack a day or two
		}
		if n != 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
		return "1 " + unit.name
	}
	return ""
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// An instant is a time in the page.
type instant struct {
	Machine, Shown, Span string
}

func newInstant(at, now time.Time) instant {
	if at.IsZero() {
		return instant{Shown: "unknown"}
	}
	return instant{Machine: at.UTC().Format(time.RFC3339), Shown: shownTime(at), Span: shownSpan(now, at)}
}

// style is trusted: it is this package's own.
type style = template.CSS
