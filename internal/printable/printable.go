// Package printable makes text of what strangers sent: names, certificates, replies and
// error texts that go to logs, terminals, and reports on a message's delivery. What is
// kept as data stays as it came; it is at the edge, where it becomes text for people,
// that it goes through Line.
package printable

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Max is the most octets of a line: as many as a line of mail may have, without the line
// end (RFC 5321 §4.5.3.1.6), since it may stand in a report on a message's delivery.
const Max = 998

const (
	ellipsis = "..."
	newline  = "; "
)

// Line returns a text as one line of at most Max octets of printable ASCII. Line ends
// become semicolons, as between the texts of several errors; all else that is not
// printable is escaped as in Go, with which go control characters, those that change the
// direction of text, and letters that look like others. A text that is longer is cut,
// and ends with "...". A text that is such a line already is returned as it is.
func Line(text string) string {
	if len(text) <= Max && isLine(text) {
		return text
	}
	var b strings.Builder
	for size := 0; text != ""; text = text[size:] {
		_, size = utf8.DecodeRuneInString(text)
		part := text[:size]
		switch {
		case part == "\n":
			part = newline
		case !isLine(part):
			quoted := strconv.QuoteToASCII(part)
			part = quoted[1 : len(quoted)-1]
		}
		if b.Len()+len(part) > Max {
			return b.String()[:min(b.Len(), Max-len(ellipsis))] + ellipsis
		}
		b.WriteString(part)
	}
	return b.String()
}

func isLine(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
