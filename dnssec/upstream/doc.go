// Package upstream sends queries to the DNS and brings replies back. Everything that does
// so is an [Exchanger], and one can be made of others: a [Pool] of a [Client] for each
// server, for instance.
//
//	servers, err := upstream.Servers("192.0.2.1", "tls://192.0.2.2#dns.example", "https://dns.example/dns-query")
//	if err != nil {
//		return err // an address that is not one
//	}
//	resolver := &dnssec.Resolver{Exchanger: servers}
//	answer, err := resolver.Lookup(ctx, "example.org", dns.TypeMX)
//	if incapable, ok := errors.AsType[*upstream.CapabilityError](err); ok {
//		fmt.Println(incapable) // no server passes signatures on
//	}
//	for _, e := range answer.Exchanges() {
//		fmt.Println(e.Server, e.Network, e.Elapsed, e.PassedOver)
//	}
//
// # Which one to use
//
//   - [Servers], if you have DNS servers to ask, one or several. It returns a Pool, which
//     goes on to the next server if one fails or is not fit for DNSSEC.
//   - [Recursor], if you have none. It asks the servers of the zones themselves, from the
//     root down.
//   - [Auto], if you do not know. It asks the system's servers while they are fit for
//     DNSSEC, and otherwise has a Recursor. The zero dnssec.Resolver has it.
//   - [Authority], if you want to know what one name server of a zone says.
//   - [Client] asks one server and returns whatever comes. Most users want a Pool of one.
//
// [System] returns a Pool of the servers in /etc/resolv.conf. [Probe] says what is wrong
// with a server. A [Recorder] keeps what came back, and a [Recording] answers from it later,
// so that a verdict can be computed again.
//
// # Terms
//
//   - A reply is a message that answers the query: same ID, question and opcode,
//     well-formed and whole. Anybody can send something else, so other packets are ignored,
//     and the wait goes on.
//   - A suspect reply has the ID and the port of the query, but another letter case or
//     another cookie, no question, or records that cannot be read. It may be forged, or the
//     server may be like that. The query goes over TCP as well, and the first good reply
//     counts.
//   - A refusal is a reply with an rcode other than NOERROR and NXDOMAIN, above all
//     SERVFAIL. A Client returns it; a Pool asks the next server.
//   - A server is capable if it passes on what a validator needs: keys, signatures, and
//     proofs that a name does not exist.
//   - A server is in backoff for a while after it did not reply: it is asked after all
//     others.
//   - A server is passed over if it was of no use for a query. Reply.PassedOver says which
//     ones were, and why.
//
// # Capability
//
// Many servers that work well for others drop DNSSEC records. A validator that believes
// them finds the whole Internet broken. So a Pool probes its servers, but only when it
// matters: a reply to a query with the DO bit that has no signature at all is held back
// until a probe has shown whether the server would have passed signatures on. So signed
// zones cost no extra queries, and others a probe each ten minutes. No zone ever looks
// unsigned or broken because of a server: the server is passed over, and if none is left
// the error is a [*CapabilityError]. To find out networks that answer in place of the
// servers that a Recursor asks, put the Recursor into a Pool, as its only Exchanger.
//
// # What becomes of faults
//
// The table has a server of a Pool with a fault, asked alone and with a good server behind
// it:
//
//	fault                                alone              before a good one
//	dead (port closed)                   error              next, at once
//	silent, or for one type only         error after 10 s   next, after 5 s or its share; backoff
//	silent over UDP only                 answer over TCP    next, after 5 s or its share; backoff
//	ten forgeries before each reply      answer             -
//	hundreds of forgeries                answer over TCP    -
//	wrong ID, question, QR or opcode     answer over TCP    next, after 5 s; backoff
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
//	drops queries with DO                *CapabilityError   next, after 5 s or its share
//	SERVFAIL for NXDOMAIN under DO       *CapabilityError   next
//	drops DNSSEC records                 *CapabilityError   next; not asked again for 5 min
//	knows no EDNS                        *CapabilityError   next; not asked again for 5 min
//	does not answer the probe            error              next
//	TLS: certificate of somebody else    error              next, at once; backoff
//	HTTPS: no DNS message in the reply   error              next, at once; backoff
//	idle connection closed or dead       answer, over another, within 1 s
//
// A server that drops only some DNSSEC records needs no probe for its signed replies. It
// shows when an answer does not validate, and the validator names it in Query.Avoid.
//
// A Recursor asks authoritative servers. Here one of a zone's servers has the fault:
//
//	dead                                 next server, at once
//	silent                               next server, after 1.5 s; asked last for 5 min
//	lame: upward, sideways, empty        next server; asked last for 15 min
//	SERVFAIL, REFUSED                    next server; the refusal, if all do so
//	all of them fail: the zone moved     the zone above is asked again, once in 5 min
//	FORMERR or NOTIMP to EDNS            asked again without
//	the same by a header alone           asked again without, this once, if TCP brings the same
//	                                     or it never knew EDNS
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
// and servers that know cookies have to show theirs (RFC 7873). So forgers who are not on
// the path have to guess; those who are on it can send what they like. A port serves one
// query at a time, and others to the same server for five seconds at most. Over TLS and
// HTTPS the server is always verified, by name, address or pinned key. That keeps queries
// private, and makes no answer true. The AD bit is passed on and means nothing here.
//
// # What it does not do yet
//
// A Recursor knows a zone's servers by the delegation alone. It asks one after the other,
// and does not share the work of equal queries at the same time.
//
// # Specifications
//
// RFC 1034, RFC 1035, RFC 2181, RFC 2308, RFC 4035, RFC 5452, RFC 6891, RFC 7766, RFC
// 7830, RFC 7858, RFC 7873, RFC 8109, RFC 8310, RFC 8467, RFC 8484, RFC 9018, RFC 9156.
package upstream
