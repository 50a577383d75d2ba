// Package dane tells a sender of mail what to do for a destination by DANE (RFC
// 7672): which hosts to try, whether a host must be authenticated, must be
// encrypted, or may be sent to in clear, and against what its certificate is
// matched.
//
// A mail server asks for its plan, and delivers with its own SMTP client:
//
//	v := &dane.Verifier{Resolver: resolver} // the zero Verifier works too
//	d, err := v.LookupMX(ctx, "example.org")
//	for _, mx := range d.MX {
//		h := v.LookupHost(ctx, d, mx)
//		if h.Action == dane.Skip {
//			continue // h.Err says why
//		}
//		// Connect to h.Addrs. If STARTTLS is offered, use h.TLSConfig(base);
//		// if not, go on only if h.MayCleartext().
//	}
//
// See the example of Host for the whole loop. Verify does the same as a check,
// and returns all that it saw:
//
//	result, err := dane.Verify(ctx, "example.org")
//	fmt.Print(result)
//
// # Terms
//
//   - Destination: the domain of a mail address, or a host that mail is routed to.
//   - TLSA base domain: the host name below which its TLSA records lie, and the
//     name sent as SNI.
//   - Reference identifier: a name that a certificate may have (RFC 7672 §3.2.2).
//     It counts for DANE-TA records only: with DANE-EE the key is enough.
//   - Usable: a TLSA record with parameters that this library supports and with
//     data of the right form (RFC 7672 §3.1). If a host has secure records, and
//     none is usable, TLS is required, and nobody is authenticated.
//   - Opportunistic: DANE applies to a host that publishes secure TLSA records,
//     and the lack of them is no failure. Mandatory: it is one.
//
// # What follows from the lookups
//
//	MX lookup        failed                     no delivery now, no fallback to the domain's address
//	                 insecure                   MayEncrypt: DANE does not apply
//	address lookups  failed in both families    Skip: next host
//	                 insecure in both           MayEncrypt; no TLSA record is looked for
//	TLSA lookup      failed                     Skip: next host, no connection
//	                 no record, or insecure     MayEncrypt
//	                 secure, none usable        MustEncrypt
//	                 secure                     MustAuthenticate
//
// A failed lookup is one that was bogus, timed out, or was answered with SERVFAIL
// or the like (RFC 7672 §2.1.1). All failures are temporary but three: a domain
// that does not exist, one with a null MX record (RFC 7505), and a name that is
// none.
//
// Where a host has addresses of both families, one secure family is enough for
// DANE to apply, and the failure of one family is no failure of the host.
//
// # Policy
//
// Verifier.Policy says for each destination whether DANE is used, and what TLS it
// gets where DANE does not apply; it can be read from JSON. After a handshake that
// has failed, Host.Fallback says whether there is a weaker way, on a new
// connection.
//
// # Logs
//
// The package logs nothing. WithTrace sets hooks in the context, LogTrace makes
// those for log/slog, and Counters those for metrics; examples/prometheus exports them.
//
// # Layers
//
// Only the program that connects to other people's servers should verify. One
// that hands all mail to a smart host has that host as its destination.
//
// # What is trusted
//
// The Resolver. Only records of Secure answers turn into authentication. Package
// dnssec validates them itself, from the root's keys down; a resolver that
// believes somebody else's validation is as good as the path to there.
//
// # Limits
//
// One domain leads to at most 16 hosts, 16 addresses a host, and 4 connections of Verify
// to each host; what is left out is counted in the result. The work of one Verify is
// bounded, and each host has its share of that. Addresses that DNS data led to are not
// connected to if they are of this machine, of its network link or of nobody; see
// Verifier.Allow.
//
// # Several at a time
//
// Verify looks up and probes several hosts at a time, and by default all of them:
// see Checker.Parallel and Checker.FirstSuccess. Hooks are called by the goroutine that
// called Verify, in the order of the hosts. When it returns, nothing is connected to any
// more, and lookups that were made ahead are cancelled. LookupMX makes such ones, too, if
// its resolver is a dnssec.Resolver: they go on until its context ends, for half a minute
// at most. LookupHost asks for A and AAAA at once, and for TLSA as soon as the rules allow
// that; a sender may call it for several hosts at the same time.
//
// # Testing
//
// Package danetest has a small signed Internet with mail servers in it. A fake
// Resolver takes ten lines; see the example of Resolver.
//
// # Recipes
//
// Three tests that every mail server needs, each an example to copy. Put your own
// sender in the place of deliver, and the example's prints are your test's checks:
//
//   - Example_defersOnMismatch: a message to a host with another key stays queued.
//   - Example_fallsBackWithoutTLSA: without TLSA records it is delivered as ever.
//   - Example_neverInClear: with TLSA records it is never sent in clear, whether the
//     server offers no STARTTLS, refuses it, or somebody breaks the DNS.
//
// # What it does not do
//
// Verify sees no TLS policy but DANE's and yours: Result.MTASTS and Host.MTASTS say
// where MTA-STS (RFC 8461) may be asked as well.
//
// # Specifications
//
// RFC 7672 (SMTP security via DANE), RFC 7671 (operational guidance), RFC 6698
// (TLSA), RFC 7505 (null MX), RFC 5321 §5.1 (host selection), RFC 3463 (status
// codes), RFC 8460 (result types of TLS reports).
package dane
