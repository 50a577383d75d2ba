package smtptest

import "strings"

// A Stage is a part of a session in which the server says or does something: those that a
// smtpprobe.Stage is of the client, but for the connection itself, and those of a mail
// transaction.
type Stage string

// Step is the earlier name of Stage, for tests and worlds that are written with it.
//
// Deprecated: Use [Stage].
type Step = Stage

// The stages of a session.
const (
	AtGreeting  Stage = "greeting"
	AtHello     Stage = "EHLO"          // before TLS; HELO has no faults
	AtHelloTLS  Stage = "EHLO over TLS" // each one after the handshake
	AtStartTLS  Stage = "STARTTLS"
	AtHandshake Stage = "handshake" // after the reply to STARTTLS
	AtMail      Stage = "MAIL"
	AtRcpt      Stage = "RCPT"
	AtData      Stage = "DATA"
	AtMessage   Stage = "message" // after the dot that ends it
	AtQuit      Stage = "QUIT"
)

// A Fault is something that a server does at a [Stage] instead of what it should. The
// zero Fault means that it does what it should.
type Fault uint8

// The faults of a server.
const (
	// Hang: it says nothing any more, and keeps the connection open.
	Hang Fault = iota + 1
	// Close: it closes the connection; in the handshake, once the client has spoken.
	Close
	// Temporary: it refuses with 454, or with 421 in the greeting and closes. In the
	// handshake it does so in clear, where the client expects TLS.
	Temporary
	// Permanent: it refuses with 554, in the handshake likewise.
	Permanent
	// Endless: its reply has no last line. In the handshake it sends that in clear.
	Endless
	// EndlessLine: its reply has no end of line, likewise.
	EndlessLine
	// Inject: after its reply it says something more that nobody asked for, in the
	// same packet. After STARTTLS that is what an attacker would add in clear
	// (CVE-2011-0411). In the handshake it does nothing.
	Inject
)

// injected is what Inject adds.
const injected = "250 2.0.0 Injected\r\n"

// refusal returns the reply of Temporary or Permanent.
func refusal(stage Stage, fault Fault) string {
	switch {
	case fault == Permanent:
		return "554 5.7.0 Refused"
	case stage == AtGreeting:
		return "421 4.3.2 Not now"
	}
	return "454 4.7.0 Not now"
}

// verbatim is a reply of the test author as it is sent.
func verbatim(reply string) string {
	if strings.HasSuffix(reply, "\n") {
		return reply
	}
	return reply + "\r\n"
}

// agrees reports whether a reply says that what was asked is done.
func agrees(reply string) bool { return reply != "" && (reply[0] == '2' || reply[0] == '3') }
