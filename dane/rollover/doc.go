// Package rollover tells those who publish TLSA records when a mail server may get another
// key, so that no sender with DANE defers a message: for ACME clients, control panels and
// deployment scripts. The command `daneverify tlsa` is made of it.
//
// A certificate that is installed before its record is in all name servers and caches stops
// mail from those who validate. Sleeping does not help, since nobody knows how long a
// secondary takes. So each authoritative server is asked:
//
//	watch := &rollover.Watch{Host: "mx.example.org", Port: 25, Chain: next, Timeout: 26 * time.Hour}
//	look, err := watch.Wait(ctx, nil) // until it is safe
//	if err == nil && look.Verdict == rollover.Safe {
//		… install the certificate …
//	}
//
// # What is asked, and what is computed
//
// [Surveyor.Survey] asks. It finds the zone of the records, and the zones that aliases lead
// to, and asks every name server at each of its addresses: those in the zone's own NS
// records, and those in the delegation of the zone above, with its glue. Each answer is
// validated as a resolver that got it would do. The [Survey] has the records, TTLs, signature
// times and SOA serials.
//
// All else asks nobody. [Survey.Judge] says whether senders accept a chain by each answer.
// A [State] keeps what was seen over time, and [State.Ready] answers: safe is what every
// server accepts, once the longest TTL of the records before, and of an alias that led to them
// and leads elsewhere now, has run out, and five seconds for caches that round, counted from when the last server was first seen with the new ones. [Watch] puts these together.
// [Survey.Agreed] and the times of a Survey are what [tlsa.Verifier.Plan] wants to know, which
// says which records come and go in which order.
//
// # What is not seen
//
// Several machines behind one address look like one: Watch.Margin is for those. Resolvers that
// keep records beyond their TTL, and secondaries that nobody names, are not known. A State that
// begins after the records have changed takes the old ones to have had the TTL of the new.
//
// # Limits
//
// Four zones, 16 name servers each with 8 addresses, and 13 with 4 of the delegation, 256
// addresses in all; 8 at a time; two minutes for one survey. What is beyond is not asked, and
// the answer is then Unknown, never Safe.
package rollover
