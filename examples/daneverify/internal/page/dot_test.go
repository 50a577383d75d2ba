package page_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/examples/daneverify/internal/page"
)

// Graphviz reads each graph without a warning, and draws what is in it.
func TestDotIsGraphviz(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("SKIPPED: dot of the Debian package graphviz is missing, so nobody but us reads the graphs")
	}
	for name, domains := range pages(t) {
		var graph, stderr bytes.Buffer
		if err := page.WriteDot(&graph, domains); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program, "-Tplain")
		cmd.Stdin, cmd.Stderr = bytes.NewReader(graph.Bytes()), &stderr
		plain, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, stderr.String())
			continue
		}
		nodes, edges := strings.Count("\n"+string(plain), "\nnode "), strings.Count("\n"+string(plain), "\nedge ")
		if name == "broken" && (nodes != 9 || edges != 8) {
			t.Errorf("%s: %d nodes and %d edges, want 9 and 8\n%s", name, nodes, edges, plain)
		}
		if nodes == 0 {
			t.Errorf("%s: no node", name)
		}
	}
}
