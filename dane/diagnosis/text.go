package diagnosis

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// WriteText writes the findings for a terminal: of each the code, what is wrong and where,
// and the fix, with the records to publish and to remove on lines of their own.
func (r *Report) WriteText(w io.Writer) error { return r.write(w, false) }

// WriteLongText writes the evidence, who must act, and where more is to be read, too.
func (r *Report) WriteLongText(w io.Writer) error { return r.write(w, true) }

func (r *Report) write(w io.Writer, long bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "State: %s: %s\n", strings.ToUpper(r.State.String()), r.State.About())
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Fprintf(&b, "%s %s%s: %s\n", strings.ToUpper(f.Severity.String()), f.Code, at(f.Addresses), f.Text)
		fmt.Fprintf(&b, "  fix (%s): %s\n", f.Actor, f.Fix)
		for _, line := range f.Publish {
			fmt.Fprintf(&b, "  publish: %s\n", line)
		}
		for _, line := range f.Remove {
			fmt.Fprintf(&b, "  remove:  %s\n", line)
		}
		if !long {
			continue
		}
		for _, line := range f.Evidence {
			fmt.Fprintf(&b, "  seen: %s\n", line)
		}
		fmt.Fprintf(&b, "  see: %s\n", f.Link)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// About says what a state means to those who run the domain, in a sentence without its name.
func (s State) About() string {
	switch s {
	case StateNone:
		return "Mail to the domain is not protected by DANE. Nothing is broken."
	case StateOK:
		return "DANE protects mail to the domain: every mail server is authenticated at every address."
	case StateWarning:
		return "DANE works for the domain today, but something ends soon, lets mail go without it, or breaks with the next change of a key."
	case StateBroken:
		return "Something is broken now, and somebody must act, even where mail still finds another way."
	}
	return "It could not be found out whether something is broken."
}

func at(addresses []netip.Addr) string {
	if len(addresses) == 0 {
		return ""
	}
	shown := make([]string, len(addresses))
	for i, addr := range addresses {
		shown[i] = addr.String()
	}
	return " at " + strings.Join(shown, ", ")
}
