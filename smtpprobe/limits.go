package smtpprobe

import "time"

// What a server may make a probe do. A reply beyond a limit fails it with ErrReply.
const (
	// maxReplyLine bounds one line of a reply, with its end. RFC 5321 §4.5.3.1.5
	// allows 512 octets; servers exceed that, so we take four times as much.
	maxReplyLine = 4 * 512
	// maxReplyLines bounds the lines of one reply; RFC 5321 has no limit. Servers
	// announce about twenty extensions. Postfix 3.7 keeps 2048 octets of text, which may
	// be as many lines as here.
	maxReplyLines = 1024
	// maxExactLines is the same for the reply to STARTTLS, which has one line.
	maxExactLines = 128
	// maxReplyBytes bounds one reply as a whole: 32 lines of the length that
	// RFC 5321 §4.5.3.1.5 allows.
	maxReplyBytes = 32 * 512
	// maxAnswer bounds what a server says after one write of a client that has a Conn: replies to
	// 64 commands that were sent at once (RFC 2920), each as large as one may be here.
	maxAnswer = 64 * maxReplyBytes
	// maxHello bounds the name in EHLO (RFC 5321 §4.5.3.1.2).
	maxHello = 255
)

const (
	// defaultStageTimeout is what RFC 5321 §4.5.3.2.1 has for the greeting, and
	// RFC 5321 §4.5.3.2.2 for a command.
	defaultStageTimeout = 5 * time.Minute
	// quitTimeout bounds the wait for the reply to QUIT, on which nothing depends.
	quitTimeout = 5 * time.Second
	// maxImplicitTLS is what is left, a tenth of the time for the greeting at most, to
	// find out whether a silent server waits for TLS: some round trips.
	maxImplicitTLS = time.Second
)
