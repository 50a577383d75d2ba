// Package upstream brings queries to the DNS, and replies back. Everything that
// does so is an Exchanger, and they compose: a Pool of Clients is one.
//
//	servers, err := upstream.Servers("192.0.2.1", "[2001:db8::1]:5353", "tcp://192.0.2.2")
//	resolver := &dnssec.Resolver{Exchanger: servers}
//
// Servers is what most people want, for one server too. Client, which asks one
// server and takes what comes, is for those who need no more; System and Auto read
// the addresses from /etc/resolv.conf; Probe says what is wrong with a server.
//
// # Terms
//
//   - A reply is a message that answers the query: same ID, question and opcode,
//     well-formed and whole. Whatever else comes is ignored, since anybody can send
//     it, and waiting goes on.
//   - A refusal is a reply with an rcode other than NOERROR and NXDOMAIN, SERVFAIL
//     above all. It is a reply for a Client, and a reason to ask the next server for
//     a Pool.
//   - A server is capable if it passes on what a validator needs: keys, signatures,
//     and proofs that a name does not exist.
//
// # Capability
//
// Many servers that work well for others drop DNSSEC records, and a validator that
// takes their word for it finds the whole Internet broken. So a Pool judges its
// servers, but only when it matters: a reply to a query with the DO bit that has no
// signature at all is held back until a probe has shown that the server would have
// passed signatures on. Good servers thus cost no extra queries for signed zones,
// and a probe each ten minutes for others. No server is ever the reason for a zone
// to look unsigned or broken: it is passed over, and if none is left the error is a
// *CapabilityError.
//
// # What becomes of faults
//
// The server with the fault is asked alone, and with a good server behind it:
//
//	fault                                alone              before a good one
//	dead (port closed)                   error              next, at once
//	silent, or for one type only         error after 5 s    next, after 5 s or its share; rests
//	ten forgeries before each reply      answer             -
//	hundreds of forgeries                answer over TCP    -
//	wrong ID, question, QR or opcode     error after 5 s    next, after 5 s; rests
//	garbage behind the message           error after 5 s    next, after 5 s; rests
//	truncates, or sends more than asked  answer over TCP    -
//	truncates over TCP, too              error              next
//	SERVFAIL, REFUSED, NOTIMP, FORMERR   the refusal        next
//	answers by a referral (lame)         error              next
//	SERVFAIL or FORMERR under DO         *CapabilityError   next
//	SERVFAIL for NXDOMAIN under DO       *CapabilityError   next
//	drops DNSSEC records                 *CapabilityError   next; not asked again for 5 min
//	knows no EDNS                        *CapabilityError   next; not asked again for 5 min
//	does not answer the probe            error              next
//
// A server that rests is asked after all others for half a minute. A signed reply
// needs no probe, so a server that drops only some records shows when its answer
// does not validate and the validator names it in Query.Avoid.
//
// # What is trusted
//
// Nothing. IDs and ports are random and sockets are connected, so that forgers who
// are not on the path have to guess; those who are can send what they like. The AD
// bit is passed on and means nothing here.
//
// # What it does not do yet
//
// Iterative resolution, DNS over TLS and HTTPS, cookies, 0x20, recordings, and the
// reuse of TCP connections: each query over TCP has a connection of its own.
//
// # Specifications
//
// RFC 1035, RFC 2308, RFC 4035, RFC 5452, RFC 6891, RFC 7766.
package upstream
