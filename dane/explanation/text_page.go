package explanation

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A page is text that is written line by line.
type page struct {
	width int // 0 means that lines are not broken
	now   time.Time
	// signedBy is the line on a signature that was written last.
	signedBy string
	text     strings.Builder
}

const (
	perIndent = 2  // columns
	narrowest = 24 // columns that a text gets however far it is indented
)

// line writes a text with an indentation. What does not fit goes on in further lines, indented
// twice more; what has no blank is cut where it must be.
func (p *page) line(indent int, text string) {
	text = glue.Replace(text)
	lead := strings.Repeat(" ", perIndent*indent)
	room := p.width - len(lead)
	if p.width <= 0 {
		p.write(lead + text)
		return
	}
	for first := true; first || text != ""; first = false {
		if !first {
			lead = strings.Repeat(" ", perIndent*(indent+2))
			room = p.width - len(lead)
		}
		var head string
		head, text = breakAt(text, max(room, narrowest))
		p.write(lead + head)
	}
}

// glue keeps citations in one piece, and unglue makes blanks of it again.
var (
	glue   = strings.NewReplacer("RFC ", "RFC\x00", " §", "\x00§")
	unglue = strings.NewReplacer("\x00", " ")
)

func (p *page) write(line string) {
	p.text.WriteString(unglue.Replace(strings.TrimRight(line, " ")) + "\n")
}

// breakAt cuts a text so that the head has at most so many columns: at a blank, if there is
// one.
func breakAt(text string, room int) (head, rest string) {
	if utf8.RuneCountInString(text) <= room {
		return text, ""
	}
	end := 0 // octets of so many columns
	for range room {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	if text[end] == ' ' {
		return text[:end], text[end+1:]
	}
	if blank := strings.LastIndexByte(text[:end], ' '); blank > 0 {
		return text[:blank], text[blank+1:]
	}
	return text[:end], text[end:]
}
