// Package danesmtp is the root of a module for Go mail servers that deliver with
// DANE (RFC 7672): it finds out from DNS how a domain's mail servers have to be
// authenticated, and authenticates them. The root holds no code; this is a map.
//
// Most programs need one package:
//
//   - [github.com/danesmtp/danesmtp/dane] says what a sender has to do for a
//     domain, host by host, and connects as that demands, for whichever SMTP client.
//     dane.Verify does it all as a check, and returns what it found.
//
// Five belong to it:
//
//   - [github.com/danesmtp/danesmtp/dane/diagnosis] tells those who run a domain
//     what is wrong with it, who must act, and how.
//   - [github.com/danesmtp/danesmtp/dane/explanation] shows why: the chain of trust
//     to each fact, and each rule that was applied.
//   - [github.com/danesmtp/danesmtp/dane/rollover] tells those who publish TLSA records when
//     a server may get another key.
//   - [github.com/danesmtp/danesmtp/dane/survey] finds out about many domains, and is no
//     burden to their servers.
//   - [github.com/danesmtp/danesmtp/dane/tlsrpt] hands what was seen to a program that
//     sends TLS reports (RFC 8460).
//
// It is made of three, each of which is of use alone:
//
//   - [github.com/danesmtp/danesmtp/dnssec] says what DNS holds and whether that
//     is proven, from a trust anchor down, without a validating resolver.
//   - [github.com/danesmtp/danesmtp/tlsa] says whether a certificate chain
//     satisfies TLSA records.
//   - [github.com/danesmtp/danesmtp/smtpprobe] says what a mail server does, up to
//     and through STARTTLS.
//
// Three belong to dnssec:
//
//   - [github.com/danesmtp/danesmtp/dnssec/anchor] holds the keys that
//     validation starts from, and follows them as they roll over.
//   - [github.com/danesmtp/danesmtp/dnssec/upstream] moves queries to the DNS.
//   - [github.com/danesmtp/danesmtp/dnssec/compare] asks each name server of a
//     zone by itself, and says where they disagree.
//
// Test kits, in the style of net/http/httptest, are for the tests of programs
// that use the packages:
//
//   - [github.com/danesmtp/danesmtp/dane/danetest] is a small Internet of mail
//     domains, good and broken.
//   - [github.com/danesmtp/danesmtp/dnssec/dnssectest] signs and serves zones.
//   - [github.com/danesmtp/danesmtp/smtpprobe/smtptest] is a mail server with
//     STARTTLS.
//   - [github.com/danesmtp/danesmtp/tlsa/tlsatest] makes certificates.
//
// A sender to start from is examples/mta. The command examples/daneverify prints a domain's verdict, and
// examples/danesurvey finds out about a million.
package danesmtp
