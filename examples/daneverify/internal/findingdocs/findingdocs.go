// Package findingdocs has the sections of docs/findings.md, for those who have the program and
// not the repository.
package findingdocs

import (
	_ "embed"
	"strings"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

//go:embed findings.txt
var text string // a copy: go:embed takes nothing from other folders

// Section returns what there is to know of a code, the code first; nothing of an unknown one.
func Section(code diagnosis.Code) string {
	for section := range strings.SplitSeq("\n"+text, "\n## ") {
		if title, body, _ := strings.Cut(section, "\n"); title == string(code) {
			return title + "\n\n" + plain(strings.TrimSpace(body)) + "\n"
		}
	}
	return ""
}

// plain takes the marks of Markdown out of text.
func plain(markdown string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(markdown, "](#")
		if !found {
			break
		}
		open := strings.LastIndexByte(before, '[')
		_, after, closed := strings.Cut(rest, ")")
		if open < 0 || !closed {
			break
		}
		b.WriteString(before[:open] + before[open+1:])
		markdown = after
	}
	b.WriteString(markdown)
	return strings.ReplaceAll(b.String(), "`", "")
}
