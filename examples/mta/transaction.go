package main

import (
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
)

// quitTimeout is how long a server may think about QUIT. The message is delivered then,
// or not, whatever becomes of it.
const quitTimeout = 10 * time.Second

// send goes through one transaction for all recipients over a connection, and closes that. What
// is said of one recipient is about that one only; the others get the message.
func (m *mailer) send(conn *dane.Conn, msg *message, recipients []*result, domain string) map[*result]error {
	defer conn.Close()
	client := smtp.NewClient(conn)
	errs := make(map[*result]error)
	err := client.Hello(m.helloName(conn))
	if err == nil {
		err = client.Mail(msg.from, &smtp.MailOptions{Size: msg.size})
	}
	if err == nil {
		accepted := false
		for _, r := range recipients {
			local, _ := split(r.to)
			errs[r] = client.Rcpt(local+"@"+domain, nil) // in the one form that a domain has
			accepted = accepted || errs[r] == nil
		}
		if accepted {
			err = sendText(client, msg)
		}
	}
	for _, r := range recipients {
		if errs[r] == nil {
			errs[r] = err
		}
	}
	client.CommandTimeout = quitTimeout
	client.Quit()
	return errs
}

// sendText sends the message. It is the server's as soon as its reply has come, and not before.
func sendText(client *smtp.Client, msg *message) error {
	text, err := msg.open()
	if err != nil {
		return err
	}
	defer text.Close()
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(data, text); err != nil {
		client.Close() // without the end of the message, so that it is not taken
		return err
	}
	return data.Close()
}

// helloName is the name for EHLO, or the address where that is no name of the Internet
// (RFC 5321 §4.1.4).
func (m *mailer) helloName(conn net.Conn) string {
	if strings.Contains(m.hello, ".") {
		return m.hello
	}
	addr, ok := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case addr.IP.To4() == nil:
		return "[IPv6:" + addr.IP.String() + "]"
	}
	return "[" + addr.IP.String() + "]"
}
