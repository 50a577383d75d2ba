package smtptest

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// maxCommand bounds a line from the client. RFC 5321 §4.5.3.1.4 has 512 octets;
// extensions need more.
const maxCommand = 4096

var (
	errClosed     = errors.New("smtptest: server closed")
	errFault      = errors.New("smtptest: ended by a fault of the server")
	errInjection  = errors.New("smtptest: plaintext from the client after STARTTLS")
	errNoQuit     = errors.New("smtptest: connection ended without QUIT")
	errLongLine   = errors.New("smtptest: line too long")
	errHandshake  = errors.New("smtptest: handshake failed")
	errNotAllowed = errors.New("smtptest: client was refused and had to go")
)

// A session is a connection that is served.
type session struct {
	server *Server
	conn   net.Conn // TLS, once that is up
	in     *bufio.Reader
	inTLS  bool
	mail   transaction
	record Session // guarded by server.mu
}

func newSession(server *Server, conn net.Conn) *session {
	return &session{
		server: server, conn: conn, in: bufio.NewReaderSize(conn, maxCommand),
		record: Session{RemoteAddr: conn.RemoteAddr(), LocalAddr: conn.LocalAddr()},
	}
}

// note changes the record.
func (x *session) note(change func(*Session)) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	change(&x.record)
}

// run goes through the session until its end.
func (x *session) run() {
	err := x.converse()
	x.note(func(s *Session) { s.Ended, s.Err = true, err })
	if conn, ok := x.conn.(*tls.Conn); ok && err == nil {
		conn.Close()
	}
}

// converse returns nil after QUIT.
func (x *session) converse() error {
	greeted, err := x.say(AtGreeting, "220 "+x.server.name()+" ESMTP")
	if err != nil {
		return err
	}
	for {
		line, err := x.readLine()
		if err != nil {
			return err
		}
		x.note(func(s *Session) { s.Commands = append(s.Commands, line) })
		verb, argument, _ := strings.Cut(line, " ")
		switch verb = strings.ToUpper(verb); {
		case verb == "QUIT":
			if _, err := x.say(AtQuit, "221 2.0.0 Bye"); err != nil {
				return err
			}
			if !greeted {
				return errNotAllowed
			}
			return nil
		case !greeted: // RFC 5321 §3.1: after 554 there is only QUIT
			err = x.write("503 5.5.1 Bad sequence of commands\r\n")
		case verb == "EHLO":
			err = x.hello(argument)
		case verb == "HELO":
			x.mail = transaction{greeted: true}
			err = x.write("250 " + x.server.name() + "\r\n")
		case verb == "STARTTLS" && !x.server.NoStartTLS:
			err = x.startTLS()
		default:
			err = x.transact(verb, argument)
		}
		if err != nil {
			return err
		}
	}
}

// readLine reads a command, without its end.
func (x *session) readLine() (string, error) {
	line, err := x.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return "", errLongLine
	case err == io.EOF:
		return "", errNoQuit
	case err != nil:
		return "", err
	}
	return string(bytes.TrimRight(line, "\r\n")), nil
}

func (x *session) hello(name string) error {
	stage := AtHello
	if x.inTLS {
		stage = AtHelloTLS
	}
	lines := append([]string{x.server.name()}, x.server.extensions(x.inTLS)...)
	var reply strings.Builder
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		fmt.Fprintf(&reply, "250%s%s\r\n", sep, line)
	}
	agreed, err := x.say(stage, reply.String())
	if agreed {
		x.mail = transaction{greeted: name != ""}
	}
	return err
}

func (x *session) startTLS() error {
	if x.inTLS {
		return x.write("503 5.5.1 TLS is up already\r\n")
	}
	agreed, err := x.say(AtStartTLS, "220 2.0.0 Ready to start TLS")
	if err != nil || !agreed {
		return err
	}
	if x.in.Buffered() > 0 {
		return errInjection // RFC 3207 §4.2
	}
	if fault := x.server.Faults[AtHandshake]; fault != 0 && fault != Inject {
		x.conn.Read(make([]byte, maxCommand)) // the client speaks first in TLS
		_, err := x.say(AtHandshake, "")
		return cmp.Or(err, errFault)
	}
	time.Sleep(x.server.Delays[AtHandshake])
	conn := tls.Server(x.conn, x.tlsConfig())
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("%w: %w", errHandshake, err)
	}
	state := conn.ConnectionState()
	x.note(func(s *Session) { s.TLS = &state })
	x.conn, x.in = conn, bufio.NewReaderSize(conn, maxCommand)
	x.inTLS, x.mail = true, transaction{} // RFC 3207 §4.2: all that was said before is void
	return nil
}

// tlsConfig returns the server's configuration, with a look at the server name,
// which is of interest even if the handshake fails.
func (x *session) tlsConfig() *tls.Config {
	config := x.server.tlsConfig()
	next := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		x.note(func(s *Session) { s.ServerName = hello.ServerName })
		if next == nil {
			return nil, nil
		}
		return next(hello)
	}
	return config
}

// say sends the reply of a stage, or does what its fault is, and reports whether
// the server does what it was asked. The error ends the session.
func (x *session) say(stage Stage, reply string) (agreed bool, err error) {
	time.Sleep(x.server.Delays[stage])
	if own, ok := x.server.Replies[stage]; ok {
		reply = own
	}
	fault := x.server.Faults[stage]
	switch fault {
	case Hang:
		io.Copy(io.Discard, x.in)
		return false, errFault
	case Close:
		return false, errFault
	case Temporary, Permanent:
		reply = refusal(stage, fault)
	case Endless, EndlessLine:
		return false, x.sayEndlessly(fault)
	}
	reply = verbatim(reply)
	if fault == Inject {
		reply += injected
	}
	if err := x.write(reply); err != nil {
		return false, err
	}
	if strings.HasPrefix(reply, "421") { // RFC 5321 §3.8
		return false, errNotAllowed
	}
	return agrees(reply), nil
}

// sayEndlessly talks until the client has gone.
func (x *session) sayEndlessly(fault Fault) error {
	part := "250-And so on\r\n"
	if fault == EndlessLine {
		part = "and so on "
		if err := x.write("250 "); err != nil {
			return errFault
		}
	}
	for x.write(part) == nil {
	}
	return errFault
}

func (x *session) write(text string) error {
	_, err := io.WriteString(x.conn, text)
	return err
}
