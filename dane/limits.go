package dane

import "time"

// smtpPort is where mail servers listen (RFC 5321 §4.5.4.2).
const smtpPort = 25

// What DNS data may make a sender do. A domain that has more is shown with what
// is left out.
const (
	// MX hosts that are looked up. The largest providers publish five to ten.
	maxHosts = 16
	// Octets of a policy in JSON that is read: tens of thousands of destinations.
	maxPolicy = 16 << 20
	// Addresses of one host and family. RFC 5321 §5.1 asks to try several.
	maxAddresses = 8
	// The work of one Verify, in budgets of lookups (dnssec.WithBudget): so much for the MX
	// lookup and what it asks for ahead, and so much for all hosts, each of which has an equal
	// share of its own. So a zone that makes validation expensive fails for its own hosts only.
	// With 16 hosts each has two, for A, AAAA, CNAME and two TLSA lookups; a lookup that begins
	// with an empty cache takes a quarter of one.
	lookupsForMX    = 8
	lookupsForHosts = 32
	// Addresses of one host that Verify connects to, so that a host with many dead
	// ones leaves time for the next. RFC 5321 §5.1 asks for two at least.
	maxAttemptsPerHost = 4
	// Hosts and connections that Verify works on at a time. The largest providers have
	// five MX hosts with two addresses each; more at once would look like an attack.
	defaultParallel = 8
)

// What is shown of one reply of a mail server: more than servers announce, and no
// more than a screen.
const (
	maxShownLines  = 32
	maxShownOctets = 256 // of a line
)

// maxReserve is what Verify keeps of its time, a quarter at most, to find out whether
// the DNS servers are alive when a lookup gets no answer.
const maxReserve = 2 * time.Second

// defaultAttemptTimeout bounds one connection of Verify where the caller does not: what
// senders wait for the greeting alone (RFC 5321 §4.5.3.2.1).
const defaultAttemptTimeout = 5 * time.Minute

// busyPause is how long Verify waits before it tries a server again, once, that has answered
// 421: some count a connection for as long as it takes them to see that it is closed.
const busyPause = time.Second

// maxSilence is how long a client that sets no deadlines waits for a server to say something,
// or to take something: as long as for the reply to a message (RFC 5321 §4.5.3.2.6).
const maxSilence = 10 * time.Minute

// maxAnswer is how long such a client waits for all that a server says to what was written to it
// at once: several replies, each of several lines.
const maxAnswer = time.Hour

// maxGoodbye is how long the reply to QUIT is waited for, as smtpprobe does.
const maxGoodbye = 5 * time.Second
