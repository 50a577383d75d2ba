// Package dnssectest makes a signed DNS in memory, for the tests of programs that
// look up names with package dnssec, in the style of net/http/httptest.
//
//	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: `
//		@        MX 10 mail
//		mail     A  192.0.2.25
//		_25._tcp.mail TLSA 3 1 1 ` + digest})
//	answer, err := world.Resolver().Lookup(ctx, "example", dns.TypeMX)
//
// Nothing in it is a script. Keys and signatures are made at the first use, and each query
// is answered from the zones, with the proofs that an authoritative server would give. So a
// test fails when validation does.
//
// # Breaking things
//
// Zone.Faults damages single RRsets or a whole zone (see [Fault]): expired, missing or wrong
// signatures, a DS record of another key, servers that answer SERVFAIL or do not answer.
// Internet.Tamper changes any reply. [Internet.Sign] signs what a zone's owner could sign.
//
// # Reaching it
//
// There are four ways:
//
//   - [Internet.Resolver] returns a validating resolver for it.
//   - [Internet.Exchange] makes the Internet an [upstream.Exchanger], which answers like a
//     forwarder that does not validate.
//   - [Internet.Listen] serves the same on loopback sockets.
//   - [Internet.Recursor] returns a Recursor for its authoritative servers, which
//     [Internet.Dial] connects to. Each zone has a server of its own, unless its records say
//     otherwise.
//
// [Internet.Anchors] returns the trust anchor of its root.
//
// # Testing a resolver of one's own
//
// [TestLookup] checks that an implementation of Lookup keeps the contract of
// [dnssec.Answer].
package dnssectest
