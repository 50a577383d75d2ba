package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// WriteText writes a table for each zone: the servers with their addresses and serial numbers,
// and what differs.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for i := range r.Zones {
		r.Zones[i].writeText(&b)
	}
	if text := r.Path.About(); text != "" {
		b.WriteString(text + "\n")
	}
	if r.Incomplete {
		b.WriteString("The time was over before all was asked.\n")
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "%d questions more were not asked.\n", r.Omitted)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// About says what a path means for the report.
func (p Path) About() string {
	switch p {
	case PathOpen:
		return "Seen from this machine. Elsewhere the same address may lead to another server (anycast)."
	case PathBlocked:
		return "No name server has answered this machine, so that this says nothing about them: port 53 may be blocked on the way."
	case PathIntercepted:
		return "Whoever answered this machine is no name server of these zones, so that this says nothing about them: the network answers in their place."
	}
	return "This machine could ask no name server."
}

func (z *Zone) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "Zone %s: %s", shown(z.Name), z.Status)
	if z.Problem != "" {
		b.WriteString(": " + printable.Line(z.Problem))
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range z.Rows() {
		lines := row.Remarks
		if len(lines) == 0 {
			lines = []string{"-"}
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", shown(row.Server.Name), row.Address(), row.Serial(), lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(table, "  \t\t\t%s\n", line)
		}
	}
	table.Flush() // into memory
	if z.Omitted > 0 {
		fmt.Fprintf(b, "  and %d servers or addresses more, which were not asked\n", z.Omitted)
	}
}

// A Row is a line of the table of a zone.
type Row struct {
	Server *Server
	// Remarks are what is wrong with the server, and what differs from the others; nothing if
	// all is well. Each is a line of printable ASCII.
	Remarks []string
}

// Rows returns the table of the zone: its servers in order.
func (z *Zone) Rows() []Row {
	rows := make([]Row, len(z.Servers))
	differs := z.differing()
	for i := range z.Servers {
		s := &z.Servers[i]
		rows[i] = Row{s, append(s.remarks(z), differs[i]...)}
	}
	return rows
}

// Address is that of the server as text.
func (r Row) Address() string {
	if !r.Server.Address.IsValid() {
		return "no address"
	}
	return r.Server.Address.String()
}

// Serial is the serial number that the server has of the zone as text; a hyphen if it is not
// known.
func (r Row) Serial() string {
	if r.Server.Outcome != Answered {
		return "-"
	}
	return fmt.Sprint(r.Server.Serial)
}

// outcomeWord is an outcome for people: SERVFAIL and the like are no refusal to them.
func outcomeWord(o Outcome, problem string) string {
	if o == Refused && !strings.Contains(problem, "REFUSED") {
		return "no answer"
	}
	return o.String()
}

// remarks are what is to be said of a server by itself.
func (s *Server) remarks(z *Zone) (lines []string) {
	if s.Outcome != Answered && s.Address.IsValid() {
		lines = append(lines, outcomeWord(s.Outcome, s.Problem)+": "+printable.Line(s.Problem))
	}
	for _, f := range s.Flaws {
		lines = append(lines, f.Flaw.String()+": "+printable.Line(f.Problem))
	}
	lines = append(lines, s.failures()...)
	switch above, within := z.named(); {
	case above && within && !s.Above:
		lines = append(lines, "the zone above does not name it")
	case above && within && !s.Within:
		lines = append(lines, "the zone itself does not name it")
	case within && z.StaleGlue(s):
		lines = append(lines, "the address is in the glue of the zone above alone")
	}
	return lines
}

// failures are the questions to which a server has no usable answer, those with the same reason
// on one line.
func (s *Server) failures() (lines []string) {
	var reasons []string
	questions := make(map[string][]string)
	for i := range s.Answers {
		a := &s.Answers[i]
		if a.Outcome == Answered {
			continue
		}
		reason := outcomeWord(a.Outcome, a.Problem)
		if text := a.Reason.String(); text != "" {
			reason += ": " + strings.TrimPrefix(text, a.Question.String()+": ")
		}
		if questions[reason] == nil {
			reasons = append(reasons, reason)
		}
		questions[reason] = append(questions[reason], shown(a.Question.Name)+" "+dns.Type(a.Question.Type).String())
	}
	for _, reason := range reasons {
		asked := questions[reason]
		what := asked[0]
		if len(asked) > 1 {
			what = fmt.Sprintf("%s and %d more", what, len(asked)-1)
		}
		lines = append(lines, printable.Line(what)+": "+reason)
	}
	return lines
}

// differing says of each server by what it differs from the others. Where as many servers say
// the one as the other, it is said of all.
func (z *Zone) differing() [][]string {
	lines := make([][]string, len(z.Servers))
	note := func(server *Server, line string) {
		for i := range z.Servers {
			if &z.Servers[i] == server {
				lines[i] = append(lines[i], line)
			}
		}
	}
	for _, d := range z.Differences() {
		tie := len(d.Groups[0].Servers) == len(d.Groups[1].Servers)
		for n, g := range d.Groups {
			if n == 0 && !tie {
				continue
			}
			const most = 60 // characters of an answer
			said := g.Said
			if len(said) > most {
				said = said[:most] + "..."
			}
			for _, s := range g.Servers {
				note(s, fmt.Sprintf("%s %s: %s", shown(d.Question.Name), dns.Type(d.Question.Type), said))
			}
		}
	}
	return lines
}

// shown is a name without the final dot.
func shown(name string) string {
	if name == "." {
		return name
	}
	return printable.Line(strings.TrimSuffix(name, "."))
}
