// Package compare asks each name server of a zone by itself, and says where they disagree.
//
// A resolver asks whichever server is at hand. So a zone whose servers say different things
// works today and fails tomorrow, as if by chance: one server has had no transfer for a week,
// drops questions of a type that it does not know, or is not the one that the zone above
// names. A [Comparer] asks all of them:
//
//	comparer := &compare.Comparer{Resolver: resolver}
//	report, err := comparer.Compare(ctx, compare.Question{Name: "example.org", Type: dns.TypeMX})
//	for _, zone := range report.Zones {
//		for _, d := range zone.Differences() {
//			fmt.Println(zone.Name, d.Question, d.Groups)
//		}
//	}
//
// # What is asked
//
// For each zone that a question lies in: the servers of the zone above, for the delegation,
// the glue and the DS records; and every server that the zone above or the zone itself names,
// at each of its addresses, for the SOA, NS and DNSKEY records and for the questions. What a
// server says is validated with that server in place of all others of the zone (see
// [dnssec.Resolver.At]). It is also asked over TCP, with an EDNS option that nobody knows,
// and with a version of EDNS that does not exist: what servers and firewalls get wrong most.
// An alias is followed: the name that it leads to is a question of its own, to the servers
// of the zone there.
//
// Servers are asked directly, from this machine. One address is asked one question at a time,
// and eight addresses at the same time. What differs is asked for once more, since some
// servers have an answer for each day of the week.
//
// # What it cannot see
//
// Where many machines share an address (anycast), those who ask from elsewhere may reach
// another one. A network may answer in place of the servers, or let no query out; then
// Report.Path says so, and nothing in the report is a verdict on anybody. What this machine
// lacks, such as a route for IPv6, has the outcome [Local].
package compare
