package smtpprobe

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// A Stage is a part of a probe. They follow one another in the order of their
// values. The zero Stage is [StageDial].
type Stage uint8

// The stages of a probe.
const (
	StageDial      Stage = iota // the connection is made
	StageGreeting               // the server speaks first
	StageHello                  // EHLO, or HELO if the server does not know that
	StageStartTLS               // the server offers STARTTLS, and agrees to it
	StageHandshake              // TLS, and the verification of the certificate
	StageHelloTLS               // EHLO once more, over TLS
	StageQuit                   // QUIT
)

var stageNames = [...]string{
	StageDial: "dial", StageGreeting: "greeting", StageHello: "hello", StageStartTLS: "starttls",
	StageHandshake: "handshake", StageHelloTLS: "hello-tls", StageQuit: "quit",
}

// String returns the stage in lower case, such as "greeting".
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return fmt.Sprintf("stage(%d)", uint8(s))
}

// A Result is what [Prober.Probe] has seen of a server. What it did not get to is zero.
type Result struct {
	// Addr of the server, as it was given.
	Addr netip.AddrPort
	// LocalAddr of the connection. Zero if there was none, or if what Prober.Dial
	// returned has no IP address.
	LocalAddr netip.AddrPort

	// Greeting, and the replies to EHLO, STARTTLS, EHLO over TLS, and QUIT. Hello is
	// the reply to HELO if that was said. A reply that could not be read to its
	// end has what was read.
	Greeting, Hello, StartTLS, HelloTLS, Quit Reply

	// Extensions that the server announced in clear, and over TLS: keyword and
	// parameters, as they came. Nothing of the first holds once TLS is up (RFC 3207
	// §4.2).
	Extensions, ExtensionsTLS []string
	// OffersStartTLS: STARTTLS is one of Extensions.
	OffersStartTLS bool

	// TLS is set once the server's certificate has come. If it was then turned down,
	// or the server has turned the client down, HandshakeComplete is false.
	TLS *tls.ConnectionState

	// Steps of the probe, with their times.
	Steps []Step

	// Late is what failed once the server had done what was asked, or had failed to:
	// EHLO over TLS, or QUIT. Nil, or of type *Error. A server that accepts the
	// handshake and then refuses EHLO can hardly be sent mail, so whoever wants to
	// know that looks here.
	Late error
}

// A Step is a command with its reply, or what has none: dial and handshake.
type Step struct {
	Stage    Stage
	Command  string        // as sent, without line end
	Reply    Reply         // as far as it was read
	Start    time.Duration // since the probe began
	Duration time.Duration
}

// String returns the conversation, in lines of printable ASCII. Those of the
// client begin with "C: ", those of the server with "S: ", and a line on TLS
// stands where it began. Times are left out.
func (r *Result) String() string {
	var b strings.Builder
	for _, step := range r.Steps {
		if step.Stage == StageHandshake && r.TLS != nil {
			fmt.Fprintf(&b, "TLS: %s %s", ProtocolName(r.TLS.Version), CipherName(r.TLS.CipherSuite))
			if !r.TLS.HandshakeComplete {
				b.WriteString(", not completed")
			}
			b.WriteByte('\n')
		}
		if step.Command != "" {
			fmt.Fprintf(&b, "C: %s\n", escaped(step.Command))
		}
		for i, line := range step.Reply.Lines {
			sep := "-"
			if i == len(step.Reply.Lines)-1 {
				sep = " "
			}
			fmt.Fprintf(&b, "S: %s\n", strings.TrimRight(fmt.Sprintf("%03d%s%s", step.Reply.Code, sep, escaped(line)), " "))
		}
	}
	return b.String()
}

// setReply keeps a reply under its name.
func (r *Result) setReply(stage Stage, reply Reply) {
	switch stage {
	case StageGreeting:
		r.Greeting = reply
	case StageHello:
		r.Hello = reply
	case StageStartTLS:
		r.StartTLS = reply
	case StageHelloTLS:
		r.HelloTLS = reply
	case StageQuit:
		r.Quit = reply
	}
}
