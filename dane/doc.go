// Package dane tells a sender of mail what to do for a destination by DANE (RFC
// 7672): which hosts to try, whether a host must be authenticated, must be
// encrypted, or may be sent to in clear, and against what its certificate is
// matched.
//
// A mail server asks a [Verifier] for the [Domain] of a recipient, for each [Host] of
// that, and for a [Conn]: a connection to the host that is as safe as its [Action]
// says. The SMTP client that gets the Conn has nothing to do with TLS. [Classify] says of
// each error whether to bounce the message, or to try again later:
//
//	v := &dane.Verifier{Resolver: resolver} // the zero Verifier works too
//	d, err := v.LookupMX(ctx, "example.org")
//	for _, mx := range d.MX {
//		conn, err := v.Connect(ctx, v.LookupHost(ctx, d, mx))
//		if err != nil {
//			continue // the next host may do
//		}
//		client, err := smtp.NewClient(conn, conn.Host.Name) // of net/smtp, or any other
//		…
//	}
//
// The example of [Verifier.Connect] has the whole loop; `go doc` does not show examples, which
// are in the module's files: this one in dane/example_delivery_test.go. A sender that finds MX hosts by
// itself begins with [NewDomain]. One that connects by itself uses [Host.TLSConfig], or, if
// its SMTP client does TLS as it likes, [Host.VerifyConnection], and tells what came of it to
// [Host.Record] (dane/example_ownclient_test.go, dane/example_ownloop_test.go). [Verify] does the same as a check: it
// connects to the servers, sends no mail, and returns all that it saw:
//
//	result, err := dane.Verify(ctx, "example.org")
//	fmt.Print(result)
//
// What a sender needs is [Verifier], [Domain], [Host], [Conn] and [Classify]. Beside
// them there are
//   - [Policy] and [Profile]: which destinations get what, from Go or from JSON;
//   - [Failure], [Report], [Trace], [LogTrace] and [Counters]: what went wrong, for the
//     queue, TLS reports, logs and metrics. The package logs nothing by itself, and package
//     tlsrpt hands what belongs into TLS reports to a program that sends them;
//   - [Checker], [Result] and [Attempt]: what a check does, and what it has seen.
//
// # Terms
//
//   - Destination: the domain of a mail address, or a host that mail is routed to.
//   - TLSA base domain: the host name below which its TLSA records lie, and the
//     name sent as SNI.
//   - Reference identifier: a name that a certificate may have (RFC 7672 §3.2.2).
//     It counts for DANE-TA records only: with DANE-EE the key is enough.
//   - Usable: a TLSA record with parameters that this library supports and with
//     data of the right form (RFC 7672 §3.1).
//   - Opportunistic: DANE applies to a host that publishes secure TLSA records,
//     and the lack of them is no failure. Mandatory: it is one.
//
// # What is trusted
//
// The [Resolver]. Only records of Secure answers turn into authentication. Package
// dnssec validates them itself, from the root's keys down; a resolver that
// believes somebody else's validation is as good as the path to there.
//
// Only the program that connects to other people's servers should verify. One
// that hands all mail to a smart host has that host as its destination.
//
// # What it does not do
//
// It sends no mail and has no queue. It knows no TLS policy but DANE's and yours:
// [Host] and [Result] say, as MTASTS, where MTA-STS (RFC 8461) may be asked as well, and
// [Host.RequirePKIX] does what its policy demands.
//
// # Testing
//
// Package danetest has a small signed Internet with mail servers in it; a fake
// [Resolver] takes ten lines. Three examples, in dane/example_recipe_test.go, are tests that
// every mail server needs. Put your own sender in the place of deliver, and the prints are your test's checks:
//   - DefersOnMismatch: a message to a host with another key stays queued.
//   - FallsBackWithoutTLSA: without TLSA records it is delivered as ever.
//   - NeverInClear: with TLSA records it is never sent in clear, whether the server
//     offers no STARTTLS, refuses it, or somebody breaks the DNS.
//
// # Specifications
//
// RFC 7672 (SMTP security via DANE), RFC 7671 (operational guidance), RFC 6698
// (TLSA), RFC 7505 (null MX), RFC 5321 §5.1 (host selection), RFC 3463 (status
// codes), RFC 8460 (result types of TLS reports).
package dane
