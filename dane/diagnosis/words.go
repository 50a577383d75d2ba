package diagnosis

import (
	"fmt"
	"strings"
	"time"
)

func trimDot(name string) string { return strings.TrimSuffix(name, ".") }

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }

func texts(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

func shownTime(at time.Time) string { return at.UTC().Format("2 Jan 2006 15:04 UTC") }

// shownSpan returns a duration in the two units that count.
func shownSpan(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	if d >= time.Hour {
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

func localCause(evidence []string) string {
	if len(evidence) == 0 {
		return "no reason is known."
	}
	return evidence[len(evidence)-1] + "."
}
