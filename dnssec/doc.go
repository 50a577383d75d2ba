// Package dnssec is a DNS resolver that validates every answer itself, from a
// trust anchor down, so that its caller needs no validating resolver nearby.
//
//	var resolver dnssec.Resolver // the system's DNS servers, the root's keys
//	answer, err := resolver.Lookup(ctx, "_25._tcp.mail.example.org", dns.TypeTLSA)
//	if err != nil {
//		return err // bogus, or nobody answered: *dnssec.Error has the Status and the Reason
//	}
//	for _, rr := range answer.Authenticated() { // nothing unless the answer is Secure
//		fmt.Println(rr)
//	}
//	if answer.Status == dnssec.Insecure {
//		fmt.Println(answer.Reason) // where the chain ended, and why
//	}
//
// The error is nil exactly when the answer is Secure or Insecure; see [Answer].
// Only a Secure answer authenticates: [Answer.Authenticated] returns its records,
// and nothing for any other. The examples of [Resolver] have more of it, and package
// [github.com/danesmtp/danesmtp/dane] makes of it what a sender of mail has to do.
//
// # Terms
//
//   - Secure: a chain of signatures leads from a trust anchor to the data.
//   - Insecure: it is proven that no such chain exists, most often because a
//     zone above has no DS record for the next one down.
//   - Bogus: the zone is signed, but the data does not prove itself: a signature
//     is missing, expired or wrong, or a proof is incomplete. A failure.
//   - Indeterminate: no verdict was reached: nobody answered, or no server that
//     is capable of DNSSEC did, or the budget is spent. A failure.
//
// Every status but Secure comes with a [Reason]: where the chain ended, why, and
// the extended DNS error code (RFC 8914) for it.
//
// # How an answer is found
//
// [Resolver.Lookup] takes the answer from the first of these that has it: the cache; proofs of
// non-existence that it got for other names (RFC 8198); another lookup that has the same question
// in flight; the network. What comes from the network is judged: signatures by the keys of the
// zone, the keys by DS records in the zone above, and so on up to a trust anchor. Keys and DS
// records take the same way, and are sent for all at once rather than zone after zone. If the
// reply does not validate, other servers are asked. The verdict is cached, and if the answer is an
// alias, the next name takes the same way.
//
// # What is trusted
//
// The trust anchors (package [anchor]) and the clock are trusted. The servers that are asked
// (package [upstream]) are not: the worst they can do is not to answer. The AD bit
// means nothing to a [Resolver], and CD is set on its queries (RFC 6840 §5.9).
// [TrustAD] is the type for those who do believe the AD bit of a server nearby.
//
// Algorithms 5, 7, 8, 10, 13, 14 and 15 and DS digests 1, 2 and 4 are supported.
// A delegation that has only others is Insecure. RFC 9905 has deprecated SHA-1 for those who
// sign; it is still validated, unless [Algorithms].NoSHA1 leaves it out.
//
// RSA keys below 1009 or above 4096 bits, or with exponents of more than 64 bits, are
// refused: a delegation all of whose DS records are of such keys is Insecure, and what
// such a key signs in a zone that has a better one with a DS record is Bogus, with "key too
// small" or the like as the Reason. Other validators take keys from 512 bits on.
//
// # Limits
//
// A lookup has a budget of signature checks, hashes, and queries, and ends
// with [ErrBudget] when it is spent; [WithBudget] makes several lookups share one.
//
// # An answer that does not validate
//
// One wrong server does not break a zone: up to two other servers are asked, for the answer
// and then for the keys, too. If neither has a better one, a server that resolves for others is
// asked once without the CD bit, as its other clients ask: it may have kept what it would not
// send to them. That it has checked a reply makes nothing true; each is validated.
//
// # What is kept and shared
//
// A Resolver caches what it has validated, in bounded memory, and uses proofs of denial
// for other names in the same span (RFC 8198), unless NoAggressiveUse says otherwise: for
// names, and for other types only where an NSEC record seems to list all there are. What several
// ask at the same time is asked and validated once. [WithAhead] saves a round trip where one
// answer leads to the next question, and [WithPrefetch] asks again before what is kept expires.
//
// # One server of a zone
//
// A Resolver asks whichever server is at hand. Where it matters what each server of a zone
// says, [Resolver.ZoneOf] names them, and [Resolver.At] asks one of them and validates that.
// Package compare does so with all of them.
//
// # Trust anchors that change
//
// With an [anchor.Tracker] for Anchors, a Resolver follows the zones' keys as they roll over
// (RFC 5011): lookups show it the keys that they need, and query them when they are due.
// [Resolver.MaintainAnchors] does so where there may be no lookups for long.
//
// # Testing
//
// Package dnssectest makes signed zones in memory, and checks that another
// implementation of Lookup keeps the contract of [Answer].
//
// # Specifications
//
// RFC 4033, RFC 4034, RFC 4035, RFC 4509, RFC 5011, RFC 5155, RFC 5702, RFC 6605,
// RFC 6672, RFC 6840, RFC 8080, RFC 8198, RFC 8914, RFC 9276, RFC 9905.
package dnssec
