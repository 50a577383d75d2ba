package page

import (
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
	}[s], Word: stateWords[s].word}.known()
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

// stateWords say what a state means to those who run the domain.
var stateWords = map[diagnosis.State]struct{ word, meaning string }{
	diagnosis.StateOK:      {"OK", "DANE protects mail to this domain: every mail server is authenticated at every address."},
	diagnosis.StateWarning: {"WARNING", "DANE protects mail to this domain today, but something ends soon, or the next change of a key will break it."},
	diagnosis.StateBroken:  {"BROKEN", "Something is broken now, and somebody must act."},
	diagnosis.StateNone:    {"NO DANE", "Mail to this domain is not protected by DANE. Nothing is broken."},
	diagnosis.StateUnknown: {"UNKNOWN", "It could not be found out whether something is broken."},
}
