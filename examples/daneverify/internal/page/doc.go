// Package page shows what was found out about mail domains: as one page of HTML that
// needs nothing beside it, and as a graph for Graphviz.
//
//	err := page.Write(file, []page.Domain{{Result: result, Report: report}}, page.Options{})
//
// The page has no script, and asks for nothing over a network: its policy (CSP) allows its
// own style alone, by its digest. It is made for paper, for small and large screens, dark and
// light, and for those who do not see the drawings: whatever is drawn stands in a table, too,
// and no status is told by its colour alone.
//
// What servers have sent is shown as printable ASCII. It is cut where it is longer than
// limits.go says, and the page says how much is missing.
package page
