// Package report makes numbers of a survey's rows, and of the numbers a page of HTML and files of
// CSV.
//
//	r, err := report.Collect(store.Texts())
//	…
//	err = r.WriteHTML(file, report.Options{})
//	err = r.WriteCSV("numbers")
//
// The page needs nothing beside it: no script, and nothing from a network, which its policy (CSP)
// forbids. It is made for paper, for small and large screens, dark and light, and for those who do
// not see the drawings: whatever is drawn stands in a table, too.
//
// # What is counted
//
// A domain counts once in each line of a table, however many mail servers or records it has, and
// in several lines if it has several providers, say. Lines of the list that name no domain are
// counted apart. Rows of several vantage points are not added up: each has numbers of its own, the
// page shows one and compares the others with it, and the files have all.
//
// # Memory
//
// Rows are not kept. A table of names that strangers choose, such as that of providers, has
// [MaxNames] lines at most: it is the sketch for frequent items that Misra and Gries found. When
// it is full, the median of the weights is taken off each weight, and the names that have none
// left give way. A name that n of N domains have is certainly in the table if n is more than
// 2N/MaxNames, and no count is further off, and then only too low; as long as there are fewer names
// than MaxNames, all counts are exact. What gave way is not lost but among the others. A page and the
// files say how far off a count may be.
//
// Beyond the tables there are eight octets for each line of the list, so that vantage points can be
// compared, and [MaxVantages] of those at most.
package report
