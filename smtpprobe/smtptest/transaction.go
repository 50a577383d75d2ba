package smtptest

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// maxMessage bounds the size of a message that is kept.
const maxMessage = 16 << 20

// A transaction is the mail that a client is about to send (RFC 5321 §3.3).
type transaction struct {
	greeted bool // with EHLO or HELO
	started bool // with MAIL
	from    string
	to      []string
}

// transact answers the commands of a transaction, and those that do nothing.
func (x *session) transact(verb, argument string) error {
	const sequence = "503 5.5.1 Bad sequence of commands\r\n"
	m := &x.mail
	switch verb {
	case "MAIL":
		path, ok := parsePath(argument, "FROM:")
		switch {
		case !m.greeted || m.started:
			return x.write(sequence)
		case !ok:
			return x.write("501 5.5.4 Want FROM:<address>\r\n")
		}
		agreed, err := x.say(AtMail, "250 2.1.0 OK")
		m.started, m.from, m.to = agreed, path, nil
		return err
	case "RCPT":
		path, ok := parsePath(argument, "TO:")
		switch {
		case !m.started:
			return x.write(sequence)
		case !ok || path == "":
			return x.write("501 5.5.4 Want TO:<address>\r\n")
		}
		agreed, err := x.say(AtRcpt, "250 2.1.5 OK")
		if agreed {
			m.to = append(m.to, path)
		}
		return err
	case "DATA":
		if len(m.to) == 0 {
			return x.write(sequence)
		}
		return x.data()
	case "RSET":
		x.mail = transaction{greeted: m.greeted}
		return x.write("250 2.0.0 OK\r\n")
	case "NOOP":
		return x.write("250 2.0.0 OK\r\n")
	case "VRFY":
		return x.write("252 2.5.0 Try to send some mail\r\n")
	}
	return x.write("500 5.5.1 Command not recognized\r\n")
}

// data takes a message and keeps it.
func (x *session) data() error {
	agreed, err := x.say(AtData, "354 End with a dot on a line by itself")
	if err != nil || !agreed {
		return err
	}
	data, fits, err := readData(x.in)
	if err != nil {
		return err
	}
	m := x.mail
	x.mail = transaction{greeted: true}
	if !fits {
		return x.write("552 5.3.4 Message too big\r\n")
	}
	if x.server.agreesAt(AtMessage) {
		// Kept before the reply, so that a client that has it can look.
		message := Message{From: m.from, To: m.to, Data: data, TLS: x.inTLS}
		x.note(func(s *Session) { s.Messages = append(s.Messages, message) })
	}
	_, err = x.say(AtMessage, "250 2.0.0 Kept")
	return err
}

// readData reads a message up to the line with a dot, and takes away the dots that
// the client added (RFC 5321 §4.5.2). Only CRLF ends a line here (RFC 5321 §2.3.8),
// so that no client gets away with less. A message beyond maxMessage does not fit:
// it is read, and not kept.
func readData(in *bufio.Reader) (data []byte, fits bool, err error) {
	fits = true
	start, cr := true, false // of a line; the last octet was a CR
	for {
		part, err := in.ReadSlice('\n')
		if err == io.EOF {
			return nil, false, errNoQuit
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, false, err
		}
		if start {
			if string(part) == ".\r\n" {
				return data, fits, nil
			}
			part = bytes.TrimPrefix(part, []byte("."))
		}
		if len(part) > 0 {
			start = bytes.HasSuffix(part, []byte("\r\n")) || cr && string(part) == "\n"
			cr = part[len(part)-1] == '\r'
		}
		if fits = fits && len(data)+len(part) <= maxMessage; fits {
			data = append(data, part...)
		}
	}
}

// parsePath reads the argument of MAIL or RCPT, and leaves out parameters.
func parsePath(argument, prefix string) (path string, ok bool) {
	if len(argument) < len(prefix) || !strings.EqualFold(argument[:len(prefix)], prefix) {
		return "", false
	}
	path, ok = strings.CutPrefix(strings.TrimLeft(argument[len(prefix):], " "), "<")
	if !ok {
		return "", false
	}
	end := strings.LastIndexByte(path, '>')
	if end < 0 {
		return "", false
	}
	return path[:end], true
}

// agreesAt reports whether the server does what it is asked at a stage.
func (s *Server) agreesAt(stage Stage) bool {
	fault := s.Faults[stage]
	reply, own := s.Replies[stage]
	return (fault == 0 || fault == Inject) && (!own || agrees(reply))
}
