// Package upstream brings queries to the DNS, and replies back. Everything that
// does so is an Exchanger, and they compose: a Pool of Clients is one.
//
//	servers, err := upstream.Servers("192.0.2.1", "tls://192.0.2.2#dns.example", "https://dns.example/dns-query")
//	resolver := &dnssec.Resolver{Exchanger: servers}
//
// Servers is what most people want who have DNS servers to ask, one or several. A
// Recursor needs none: it asks the servers of the zones themselves, from the root
// down. Auto, which the zero Resolver has, asks the system's servers while they are of
// use, and otherwise has a Recursor. Client, which asks one server and takes what
// comes, is for those who need no more; System reads the addresses of /etc/resolv.conf;
// Probe says what is wrong with a server. A Recorder keeps what came, and a Recording
// answers from it later, so that a verdict can be computed again.
//
// # Terms
//
//   - A reply is a message that answers the query: same ID, question and opcode,
//     well-formed and whole. Whatever else comes is ignored, since anybody can send
//     it, and waiting goes on.
//   - A doubtful reply has the ID and the port, but another letter case or another
//     cookie, no question, or records that cannot be read. It is a forgery, or what
//     the server has: the query goes over TCP as well, and the first good reply counts.
//   - A refusal is a reply with an rcode other than NOERROR and NXDOMAIN, SERVFAIL
//     above all. It is a reply for a Client, and a reason to ask the next server for
//     a Pool.
//   - A server is capable if it passes on what a validator needs: keys, signatures,
//     and proofs that a name does not exist.
//   - A server is passed over if it was of no use for a query. Reply.PassedOver says
//     which ones were, and why.
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
// *CapabilityError. The same holds for a network that answers in place of the servers
// that a Recursor asks, if the Recursor is in a Pool, be it of one.
//
// # What becomes of faults
//
// The server with the fault is asked alone, and with a good server behind it:
//
//	fault                                alone              before a good one
//	dead (port closed)                   error              next, at once
//	silent, or for one type only         error after 10 s   next, after 5 s or its share; rests
//	silent over UDP only                 answer over TCP    next, after 5 s or its share; rests
//	ten forgeries before each reply      answer             -
//	hundreds of forgeries                answer over TCP    -
//	wrong ID, question, QR or opcode     answer over TCP    next, after 5 s; rests
//	garbage behind the message           answer over TCP    -
//	a record that cannot be read         error              next
//	changes the case of names            answer over TCP    -
//	BADCOOKIE, FORMERR to the cookie     answer             -
//	no cookie after it had one           answer over TCP    -
//	another client's cookie (a cache)    answer over TCP    -
//	a header alone, without the question error              next
//	truncates, or sends more than asked  answer over TCP    -
//	truncates over TCP, too              error              next
//	SERVFAIL, REFUSED, NOTIMP, FORMERR   the refusal        next
//	answers by a referral (lame)         error              next
//	SERVFAIL or FORMERR under DO         *CapabilityError   next
//	swallows queries with DO             *CapabilityError   next, after 5 s or its share
//	SERVFAIL for NXDOMAIN under DO       *CapabilityError   next
//	drops DNSSEC records                 *CapabilityError   next; not asked again for 5 min
//	knows no EDNS                        *CapabilityError   next; not asked again for 5 min
//	does not answer the probe            error              next
//	TLS: certificate of somebody else    error              next, at once; rests
//	HTTPS: no DNS message in the reply   error              next, at once; rests
//	idle connection closed or dead       answer, over another, within 1 s
//
// A server that rests is asked after all others for half a minute. A signed reply
// needs no probe, so a server that drops only some records shows when its answer
// does not validate and the validator names it in Query.Avoid.
//
// A Recursor meets authoritative servers. One of a zone's servers has the fault:
//
//	dead                                 next server, at once
//	silent                               next server, after 1.5 s; asked last for 5 min
//	lame: upward, sideways, empty        next server; asked last for 15 min
//	SERVFAIL, REFUSED                    next server; the refusal, if all do so
//	FORMERR or NOTIMP to EDNS            asked again without
//	the same by a header alone           asked again without, this once, if it never knew EDNS
//	a record that cannot be read         next server; not blamed
//	truncates                            asked again over TCP
//	glue for names of other zones        ignored
//	addresses on loopback and the like   never asked (Recursor.Allow)
//	name servers without glue            three are looked up at once; loops end
//	delegations and queries without end  error after 32 and 64
//	NXDOMAIN for an empty non-terminal   the full name is asked
//	its answer does not validate         another server, by Query.Avoid
//
// # What is trusted
//
// Nothing. Over UDP, IDs, ports and the case of names are random, sockets are connected,
// and servers that know cookies have to show theirs (RFC 7873), so that forgers who are
// not on the path have to guess; those who are can send what they like. A port serves one
// query at a time, and others to the same server for five seconds at most. Over TLS and
// HTTPS the server is always verified, by name, address or pinned key, which keeps
// queries private: it makes no answer true. The AD bit is passed on and means nothing
// here.
//
// # What it does not do yet
//
// A Recursor knows a zone's servers by the
// delegation alone, asks one after the other, and does not share the work of equal
// queries at the same time.
//
// # Specifications
//
// RFC 1034, RFC 1035, RFC 2181, RFC 2308, RFC 4035, RFC 5452, RFC 6891, RFC 7766, RFC
// 7830, RFC 7858, RFC 7873, RFC 8109, RFC 8310, RFC 8467, RFC 8484, RFC 9018, RFC 9156.
package upstream
