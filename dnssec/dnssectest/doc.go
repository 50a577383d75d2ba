// Package dnssectest makes a signed DNS in memory, for the tests of programs that
// look up names with package dnssec, in the style of net/http/httptest.
//
//	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: `
//		@        MX 10 mail
//		mail     A  192.0.2.25
//		_25._tcp.mail TLSA 3 1 1 ` + digest})
//	answer, err := world.Resolver().Lookup(ctx, "example", dns.TypeMX)
//
// Nothing in it is a script: keys and signatures are made when the Internet
// starts, and each query is answered from the zones with the proofs that an
// authoritative server would give. So a test breaks when validation does.
//
// # Breaking things
//
// Zone.Faults damages single RRsets or a whole zone: expired, missing or wrong
// signatures, a DS record of another key, servers that answer SERVFAIL or
// nothing. Internet.Tamper changes replies at will.
//
// # Reaching it
//
// An Internet is an upstream.Exchanger that acts as a forwarder would, one that
// does not validate; Listen serves the same on loopback sockets. Its authoritative
// servers, one a zone unless the zone's own records say otherwise, are reached by
// Dial at the addresses that the delegations lead to; Recursor returns one that
// does. Anchors returns the trust anchor of its root.
//
// # Testing a resolver of one's own
//
// TestLookup checks that an implementation of Lookup keeps the contract of
// dnssec.Answer.
package dnssectest
