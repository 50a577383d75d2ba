package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// maxName bounds a name in octets: the longest in presentation form has 255 if nothing is escaped.
const maxName = 260

// clip returns a text as one line of printable ASCII, of a bounded length.
func clip(text string) string {
	line := printable.Line(text)
	if len(line) <= maxName {
		return line
	}
	return line[:maxName-3] + "..."
}

// shorten makes a text fit where what is left out stands in a title and a table. Names differ at
// their beginning, and tell whose they are at their end.
func shorten(text string, limit int) string {
	if limit = max(limit, 4); len(text) <= limit {
		return text
	}
	tail := limit / 3
	return text[:limit-1-tail] + "…" + text[len(text)-tail:]
}

// grouped writes a number with commas: 1,234,567.
func grouped(n int) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// percent is how much of all n is, which is never rounded to nothing or to all.
func percent(n, all int) string {
	switch share := 100 * float64(n) / float64(max(all, 1)); {
	case n == 0 || all == 0:
		return "0 %"
	case n == all:
		return "100 %"
	case share < 0.1:
		return "< 0.1 %"
	case share > 99.9:
		return "> 99.9 %"
	default:
		return fmt.Sprintf("%.1f %%", share)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

func shownTime(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format("2 Jan 2006 15:04 UTC")
}

func shownSpan(d time.Duration) string {
	for _, unit := range []struct {
		size      time.Duration
		one, many string
		from      time.Duration
	}{
		{day, "day", "days", 2 * day}, {time.Hour, "hour", "hours", 2 * time.Hour},
		{time.Minute, "minute", "minutes", 2 * time.Minute}, {time.Second, "second", "seconds", 0},
	} {
		if d >= unit.from {
			return count(int(d.Round(unit.size)/unit.size), unit.one, unit.many)
		}
	}
	return "0 seconds"
}
