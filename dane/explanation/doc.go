// Package explanation shows why: for a domain the chain of trust from the root to each fact,
// and each rule that was applied to the facts, with its section of an RFC, down to the
// comparison of each TLSA record with each certificate; for a single question the chain alone.
//
//	checker := &dane.Checker{ChainRecords: true} // keys, signatures and denials are in the result
//	result, _ := checker.Verify(ctx, "example.org")
//	explanation.Domain(result, explanation.Options{}).WriteText(os.Stdout, 80)
//
// [Domain] and [Answer] return values, and connect to nobody; [Explanation.WriteText] is one way
// to show them, and JSON another, whose schema is schema.json in this package's directory. What
// is wrong, who must act, and how is the business of package diagnosis.
//
// # How to read it
//
// Each [Zone] hangs below the one that vouches for its keys, by DS records, and the uppermost
// at a trust anchor. What a zone has signed stands with it, once, however many questions needed
// it. Where the chain ends before the answer, there is an [End] with the reason, at the last
// zone whose keys are proven; with the signature that does not hold, if there is one.
//
// The rules come in the order in which a sender applies them: of the domain, of each host, and
// of each address.
package explanation
