// Package tlsrpt hands what a sender of mail has seen of TLS to a reporter, which makes
// of it the reports that domains ask for (RFC 8460): tlsrpt-reporter by sys4, whose collector
// reads one JSON object for each delivery attempt from a UNIX datagram socket. Postfix
// feeds it by the library libtlsrpt in the same way. So a mail server in Go has TLS reports
// without an aggregator of its own.
//
// All that was seen comes by the hooks of a [dane.Trace]: lookups that failed, hosts that were
// skipped, each connection of [dane.Verifier.Connect] or [dane.Host.Record], and whether it
// was encrypted only after a fallback, or not at all. A sender needs three lines:
//
//	reporter := &tlsrpt.Reporter{Socket: "/run/tlsrpt/collectd.sock", Verifier: verifier}
//	…
//	ctx, delivery := reporter.Begin(ctx) // for each delivery attempt
//	…                                    // LookupMX, LookupHost, Connect, and the message
//	err := delivery.Send(ctx)            // for the log; nothing hangs on it
//
// Nothing is done before [Delivery.Send], so a delivery never waits for it, and the message
// is out of the house by then. Send looks up the domain's TLSRPT record, for five seconds at
// most, and writes to the socket without waiting: if that is absent or full, the record is lost,
// and nothing else. A domain without a TLSRPT record gets no report, and where TLS was not
// tried there is nothing to look up. [Counters] say what became of all.
//
// Result types, policies and reasons are those of [dane.Report]. Each session is a policy of
// its own in the datagram, with one failure or with success: hosts of the same domain have TLSA
// records of their own (RFC 8460 §4.4), and sessions are what a report counts.
package tlsrpt
