package page

import (
	"strings"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
)

// A badge is a status in three forms: a colour and a shape, both by Class, and a word.
// The classes are those of page.css and of the symbols in page.html.
type badge struct {
	Class, Word string
}

const (
	classOK      = "ok"      // a disc with a tick
	classWarning = "warning" // a triangle with an exclamation mark
	classBroken  = "broken"  // an octagon with a cross
	classUnknown = "unknown" // a diamond with a question mark
	classNone    = "none"    // a square with a dash
)

func stateBadge(s diagnosis.State) badge {
	return badge{Class: map[diagnosis.State]string{
		diagnosis.StateOK: classOK, diagnosis.StateWarning: classWarning, diagnosis.StateBroken: classBroken,
		diagnosis.StateNone: classNone,
	}[s], Word: strings.ToUpper(s.String())}.known()
}

func severityBadge(s diagnosis.Severity) badge {
	return badge{Class: map[diagnosis.Severity]string{
		diagnosis.Note: classNone, diagnosis.Warning: classWarning, diagnosis.Broken: classBroken,
	}[s], Word: s.String()}.known()
}

func statusBadge(s dnssec.Status) badge {
	return badge{Class: map[dnssec.Status]string{
		dnssec.Secure: classOK, dnssec.Insecure: classNone, dnssec.Bogus: classBroken,
	}[s], Word: s.String()}.known()
}

// known gives what has no class of its own that of the unknown.
func (b badge) known() badge {
	if b.Class == "" {
		b.Class = classUnknown
	}
	return b
}
