package page

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec"
)

// Colours and lines of Graphviz for a status, those of the page in its light form.
var dotStatus = map[dnssec.Status]struct{ colour, line string }{
	dnssec.Secure:        {"#00664b", "solid"},
	dnssec.Insecure:      {"#4a545f", "dashed"},
	dnssec.Bogus:         {"#a3231b", "bold,dotted"},
	dnssec.Indeterminate: {"#7b3a68", "dotted"},
}

var dotShapes = map[kind]string{keyNode: "ellipse", setNode: "box", denialNode: "note", dsNode: "hexagon", noDSNode: "note"}

// WriteDot writes the chains of trust of the domains in the language of Graphviz. Clusters are
// domains and their zones; it is the graph that the page has, without its layout.
func WriteDot(w io.Writer, domains []Domain) error {
	var b bytes.Buffer
	b.WriteString("digraph dane {\n\tgraph [fontname=\"sans-serif\"];\n\tnode [fontname=\"sans-serif\", fontsize=11];\n\tedge [arrowsize=0.7];\n")
	domains = slices.DeleteFunc(slices.Clone(domains), func(d Domain) bool { return d.Result == nil })
	for i, d := range domains[:min(len(domains), MaxDomains)] {
		writeDotDomain(&b, fmt.Sprintf("d%d", i+1), d)
	}
	if text := leftOut(len(domains)-MaxDomains, "domains are"); text != "" {
		fmt.Fprintf(&b, "\tlabel=%s;\n", dotText(text))
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

func writeDotDomain(b *bytes.Buffer, id string, d Domain) {
	g := newGraph(d.Lookups())
	title := clip(d.Name, maxName) + ": " + d.Report.State.String()
	if text := leftOut(g.omitted, "records and keys are"); text != "" {
		title += "\n" + text
	}
	fmt.Fprintf(b, "\tsubgraph cluster_%s {\n\t\tlabel=%s;\n", id, dotText(title))
	if len(g.nodes) == 0 {
		fmt.Fprintf(b, "\t\t%s_empty [shape=plaintext, label=\"there is no chain of trust\"];\n", id)
	}
	for z := range g.zones {
		status := g.zones[z].status
		fmt.Fprintf(b, "\t\tsubgraph cluster_%s_%d {\n\t\t\tlabel=%s;\n\t\t\tcolor=%q;\n\t\t\tstyle=%q;\n",
			id, z, dotText(clip(zoneTitle(g.zones[z].name), maxName)+"\n"+status.String()), dotStatus[status].colour, dotStatus[status].line)
		for i := range g.nodes {
			if n := &g.nodes[i]; n.zone == z {
				writeDotNode(b, id, i, g)
			}
		}
		b.WriteString("\t\t}\n")
	}
	for _, e := range g.edges {
		fmt.Fprintf(b, "\t\t%s_n%d -> %s_n%d [color=%q, style=%q];\n", id, e.from, id, e.to, dotStatus[e.status].colour, dotStatus[e.status].line)
	}
	b.WriteString("\t}\n")
}

func writeDotNode(b *bytes.Buffer, id string, i int, g graph) {
	n := &g.nodes[i]
	label := clip(n.label, maxName) + "\n" + shorten(relative(n.name, g.zones[n.zone].name), 40) + "\n" + n.status.String()
	if n.anchor {
		label += ", trust anchor"
	}
	if !n.until.IsZero() {
		label += "\nuntil " + shownTime(n.until)
	}
	style := dotStatus[n.status]
	fmt.Fprintf(b, "\t\t\t%s_n%d [shape=%s, color=%q, fontcolor=%q, style=%q, label=%s, tooltip=%s];\n",
		id, i, dotShapes[n.kind], style.colour, style.colour, style.line, dotText(label), dotText(fullName(g, n)))
}

// dotText quotes a text of Graphviz: all of it is shown as it is, and line ends begin lines.
func dotText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
