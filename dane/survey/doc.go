// Package survey finds out what a sender of mail gets at many domains, without being a burden
// to those who run them.
//
//	s := &survey.Survey{Checker: &dane.Checker{Verifier: verifier}}
//	err := s.Run(ctx, source, sink)
//
// A [Source] has the list, and a [Sink] takes the rows, as they are ready; neither is held in
// memory. The verdict on a domain is that of [dane.Checker.Verify], and differs from it in how it
// comes about.
//
// # What is shared
//
// A large provider has the mail of a hundred thousand domains, and is connected to once. What a
// server showed is kept for some time: its replies, and the chain and version of a handshake
// in which nobody was verified. It serves for the same address and port, the same name in SNI, the
// same name in EHLO and the same offer in TLS. Each domain then judges it by its own TLSA records,
// names and policy. [Row.Seen] says when it was seen.
//
// What may be otherwise for the next one is not shared: a server that says 421, time that has run out,
// a connection that broke, a lack of this machine, and a handshake with hooks, certificates or
// sessions of the caller's own. A Survey is one vantage point: two machines, or two source
// addresses, have a Survey each.
//
// # Limits
//
// Connections are bounded for an address, for the network that it is in, and for the provider,
// which is the registered domain of the mail server's name by the list of public suffixes: in
// number at a time, and in rate. A server that says 421, or refuses the connection or the client, is
// left alone for a while. The time that a domain waits for its turn is not time that its servers
// have taken, and does not count as such.
//
// Where the zones' own DNS servers are asked, [Survey.AdmitDNS] bounds queries to each of them. A
// server that has answered, and then refuses or is silent sixteen times in a row, is left alone, too;
// the others of its zones are asked, and domains that have none left are tried again after the pause.
//
// A lack of this machine of what it had before, such as of file descriptors or of a route,
// pauses everything, and the domain is tried again: it says nothing about the domain. After ten
// times, four minutes, the row says what is lacked.
//
// # Memory
//
// It does not depend on the length of the list. What is shared is charged in octets, and the
// oldest gives way.
package survey
