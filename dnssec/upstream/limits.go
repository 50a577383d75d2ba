package upstream

import "time"

// Sizes and counts.
const (
	// headerSize is the length of the header of a message (RFC 1035 §4.1.1).
	headerSize = 12
	// maxName is the length of the longest name in wire form (RFC 1035 §3.1).
	maxName = 255
	// minUDPSize is what a server may send to those who offer nothing larger
	// (RFC 1035 §4.2.1, RFC 6891 §6.2.3).
	minUDPSize = 512
	// maxMessage is the largest message that TCP can carry (RFC 1035 §4.2.2). It is
	// more than a UDP datagram can, so a read into it cuts nothing off.
	maxMessage = 65535
	// maxIgnored is how many packets that do not match the query are read before it is
	// sent over TCP instead. Ten forgeries are noise; hundreds are somebody guessing, who
	// has one chance in 65536 with each.
	maxIgnored = 256
	// maxRecorded bounds the exchanges that a Recorder keeps, and maxRecordedSize their
	// memory, in octets. The verdict on a domain with the most hosts that package dane looks
	// at takes less.
	maxRecorded, maxRecordedSize = 4096, 32 << 20
	// maxZones bounds the anchor zones at which the capability of one server is
	// remembered. Callers have one or two.
	maxZones = 16
)

// maxTimeout and maxAttempts are the longest timeout, in seconds, and the most attempts
// that resolv.conf may ask for (resolv.conf(5)).
const maxTimeout, maxAttempts = 30, 5

// Durations.
const (
	// defaultTimeout is how long a Client waits for a reply (resolv.conf(5) has the
	// same default).
	defaultTimeout = 5 * time.Second
	// defaultAttempts is how often it waits that long; see Client.Attempts.
	defaultAttempts = 2
	// maxTry bounds what a Pool lets one server take for a query: time for a Client
	// to wait over UDP and then over TCP.
	maxTry = 2 * defaultTimeout
	// maxRecursion bounds what a Pool lets a Recursor take for a query.
	maxRecursion = 3 * maxTry
	// backoffTime is how long a server that did not reply is in backoff: it is asked after
	// all others.
	backoffTime = 30 * time.Second

	// probeDelay is how long a query with the DO bit may go without a reply before the
	// server is probed, and dnssecGrace how long the probe waits for replies with DNSSEC
	// once there is one without. Both together are less than maxTry.
	probeDelay  = 3 * time.Second
	dnssecGrace = 6 * time.Second
	// tcpGrace is how much longer a probe waits for the reply over TCP than for the
	// others.
	tcpGrace = time.Second
	// probeTimeout bounds the queries that find out what a server is capable of.
	probeTimeout = maxTry
	// capableLife and incapableLife are how long the result of a probe is kept. The
	// network of a daemon may change, and with it what is behind an address, so the
	// server is probed again: three queries each time.
	capableLife   = 10 * time.Minute
	incapableLife = 5 * time.Minute
	// systemLife is how long an Auto does not look whether the file with the system's servers
	// has changed, as package net.
	systemLife = 5 * time.Second
	// transientLife is for results that may well change soon: no reply, or SERVFAIL.
	transientLife = 15 * time.Second
)

// Limits of a Recursor: of one Exchange, all lookups of name servers included.
const (
	// maxResolutionQueries bounds the queries sent (NXNSAttack, CVE-2020-8616). Each takes five
	// packets at most to a server that is silent; one that answers can have it sent with another
	// cookie, without one, and over TCP. A cold name below zones without glue takes about twenty.
	maxResolutionQueries = 64
	// maxTries bounds them together with attempts to reach addresses to which no packet
	// can be sent.
	maxTries = 4 * maxResolutionQueries
	// maxLookedUp is how many name servers' addresses are looked for at once, unless that
	// takes long, and maxLookups how many in all.
	maxLookedUp, maxLookups = 3, 24
	// maxReferrals bounds the delegations and the minimised names on one way down. A
	// name has at most 127 labels (RFC 1035 §3.1); few have more than six.
	maxReferrals = 32
	// maxDepth bounds name servers whose address depends on that of another one, and
	// so on (TsuNAME).
	maxDepth = 5
	// maxServersAsked bounds the servers of one zone that are asked one question.
	// maxSilentAsked bounds those of them that do not reply, which takes time, and
	// maxAskedAgain those that are asked a second time.
	maxServersAsked, maxSilentAsked, maxAskedAgain = 16, 8, 2
	// maxMinimisedAsked bounds the servers that give no answer to a minimised question:
	// then the full one is asked (RFC 9156 §2.3).
	maxMinimisedAsked = 2
	// maxMinimised is how many labels a zone's servers are asked for one by one
	// (MAX_MINIMISE_COUNT in RFC 9156 §2.3).
	maxMinimised = 10
	// minAnsweringLabels: only a zone with so many labels is taken to answer for all
	// names below it once it did for one; the root and top-level domains delegate.
	minAnsweringLabels = 2
)

// Limits of what a Recursor reads and keeps.
const (
	// maxNameServers bounds the name servers of a delegation, and maxServerAddresses
	// the addresses of each. The root has thirteen with two each.
	maxNameServers, maxServerAddresses = 13, 4
	// maxServerNamesSize bounds the names of a delegation's servers, in octets: more than
	// thirteen of the longest there are (RFC 1035 §3.1).
	maxServerNamesSize = 4 << 10
	// maxProofSize bounds what is kept of a DS RRset, or of its denial by up to three NSEC3
	// records (RFC 5155 §7.2.4), with signatures, in octets: those of RSA keys of 4096 bits
	// are of 512 octets each.
	maxProofSize = 4 << 10
	// maxLame bounds the servers that are remembered not to serve one zone.
	maxLame = maxServersAsked
	// maxDelegationsSize bounds the delegations that are kept, in octets. A common one takes
	// one or two thousand: it is enough for the zones of 10,000 domains.
	maxDelegationsSize = 16 << 20
	// maxServersSize bounds what is known of servers, in octets: 12,483 of them.
	maxServersSize = 8 << 20
	// maxFailuresSize bounds the cache of resolution failures, in octets, and
	// maxFailureText the error that is kept of each.
	maxFailuresSize, maxFailureText = 1 << 20, 512
	// maxIdleStreams bounds the connections over TCP that are kept for the next query. Each
	// is one of the files that a process may have open, and takes some 20 kB.
	maxIdleStreams = 64
	// maxHints bounds the records of a file of root hints, and maxHintsFile its size. The
	// root servers have 39 in 3 kB.
	maxHints, maxHintsFile = 1000, 1 << 20
	// maxPrimed is how many root servers are asked for the list of all (RFC 8109 §3.2
	// would have one).
	maxPrimed = 3
)

// Durations of a Recursor.
const (
	// maxDelegationLife caps the TTL of a delegation, so that a zone that has moved is
	// found again even if its old servers still answer; the NS records of most top-level domains have one or two days.
	maxDelegationLife = 24 * time.Hour
	// minDelegationLife lets a delegation with a TTL of zero serve for one lookup: for the
	// keys, DS records and data of a chain of zones. What the servers of the zone say has
	// its own TTL.
	minDelegationLife = 30 * time.Second
	// staleDelegation is the age from which a delegation is asked for again if none of the
	// zone's servers gives an answer. It is as long as a failure may be remembered at most
	// (RFC 9520 §3.2), so that the zones above see no more of a broken zone than of others.
	staleDelegation = 5 * time.Minute
	// sweepInterval is how long delegations that have expired take memory at most where
	// there are new ones.
	sweepInterval = time.Hour
	// minAddressLife lets an address with a TTL of zero serve for one resolution.
	minAddressLife = time.Minute
	// notFoundLife is how long a name server without address is not looked for
	// again (RFC 9520 §3.2 wants from one second to five minutes).
	notFoundLife = 30 * time.Second

	// serverTimeout is how long an authoritative server is waited for before the next
	// one is asked: more than the round trips there are, with two packets lost.
	serverTimeout = 1500 * time.Millisecond
	// unknownRoundTrip is what servers that were not asked yet are taken to need:
	// those that are nearer are kept, and others are tried in place of those that
	// are not.
	unknownRoundTrip = 100 * time.Millisecond
	// silentPenalty puts a server that did not answer behind those that did, for
	// silentLife; lamePenalty one that does not serve the zone behind even that, for
	// lameLife (unbound's infra-host-ttl).
	silentPenalty, silentLife = 5 * time.Second, 5 * time.Minute
	lamePenalty, lameLife     = time.Minute, 15 * time.Minute
	// addressGrace is how long the addresses of the second family are waited for when
	// those of the first are there.
	addressGrace = 500 * time.Millisecond
	// dropsMinimisedLife is how long a server is taken to drop minimised questions.
	dropsMinimisedLife = 15 * time.Minute
	// primingRetry is how long to wait after a priming query that failed.
	primingRetry = time.Minute
	// failureLife is how long a resolution failure is cached: a zone's servers are not
	// asked the same question again (RFC 9520 §3.2 wants from one second to five minutes).
	failureLife = 5 * time.Second
	// primingGrace is how long a resolution waits at its end for the list of root
	// servers, which in general comes sooner than its own answer.
	primingGrace = 100 * time.Millisecond
	// noEDNSLife is how long a server is taken not to know EDNS for a zone.
	noEDNSLife = 15 * time.Minute
)
