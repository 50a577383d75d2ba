// Package nsupdate changes one set of records in a zone by a dynamic update (RFC 2136) that
// is signed with a shared key (TSIG, RFC 8945), and only if the set still is what it was.
//
// [ReadKey] reads the key files of BIND, Knot and others. A [Client] asks the primary server
// of the zone, and sends it a [Change].
//
// Everything goes over TCP. A datagram may be lost with its reply, and has to be sent again;
// the second copy of an update that has been done fails by its own condition, and looks as if
// somebody else had changed the set. Sets with a whole certificate in them do not fit into a
// datagram, either.
package nsupdate
