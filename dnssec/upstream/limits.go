package upstream

import "time"

// Sizes and counts.
const (
	// headerSize is the length of the header of a message (RFC 1035 §4.1.1).
	headerSize = 12
	// minUDPSize is what a server may send to those who offer nothing larger
	// (RFC 1035 §4.2.1, RFC 6891 §6.2.3).
	minUDPSize = 512
	// maxMessage is the largest message that TCP can carry (RFC 1035 §4.2.2). It is
	// more than a UDP datagram can, so a read into it cuts nothing off.
	maxMessage = 65535
	// maxIgnored is how many packets that are no reply to the query are read before
	// it is sent over TCP instead. Ten forgeries are noise; hundreds are somebody
	// guessing, who has one chance in 65536 with each.
	maxIgnored = 256
	// maxZones bounds the anchor zones at which the capability of one server is
	// remembered. Callers have one or two.
	maxZones = 16
)

// maxTimeout is the longest timeout that resolv.conf may ask for, in seconds
// (resolv.conf(5)).
const maxTimeout = 30

// Durations.
const (
	// defaultTimeout is how long a Client waits for a reply (resolv.conf(5) has the
	// same default).
	defaultTimeout = 5 * time.Second
	// maxTry bounds what a Pool lets one server take for a query: time for a Client
	// to wait over UDP and then over TCP.
	maxTry = 2 * defaultTimeout
	// restTime is how long a server that did not answer is asked after all others.
	restTime = 30 * time.Second

	// probeTimeout bounds the queries that find out what a server is capable of.
	probeTimeout = maxTry
	// A network changes under a daemon, and what stands behind an address with it,
	// so what is known of a server is renewed: three queries each time.
	capableLife   = 10 * time.Minute
	incapableLife = 5 * time.Minute
	// unsettledLife is for what may well pass: no reply, or SERVFAIL.
	unsettledLife = 15 * time.Second
)
