package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
)

// mail is one message to one recipient.
type mail struct {
	from, to string
	text     *bytes.Reader
	log      *slog.Logger
}

// deliver tries the hosts in order.
func (m *mail) deliver(ctx context.Context, v *dane.Verifier) error {
	at := strings.LastIndex(m.to, "@") // a local part in quotes may have others
	if at < 0 {
		return &dane.Error{Domain: m.to, Permanent: true, Err: dane.ErrName}
	}
	d, err := v.LookupMX(ctx, m.to[at+1:])
	if err != nil {
		return err // RFC 7672 §2.1.2: no fallback to the domain's address
	}
	for _, mx := range d.MX {
		conn, failed := v.Connect(ctx, v.LookupHost(ctx, d, mx))
		if failed == nil {
			failed = conn.MessageError(m.send(conn))
			if failed == nil || dane.Classify(failed).Permanent {
				return failed
			}
		}
		m.log.Info("next", "mx", mx.Host, "code", dane.Classify(failed).Code, "err", failed)
		err = errors.Join(err, failed)
	}
	return err
}

// send sends the message over a connection, and closes that.
func (m *mail) send(conn *dane.Conn) error {
	defer conn.Close()
	client := smtp.NewClient(conn)
	if err := client.Hello(hostname()); err != nil {
		return err
	}
	if err := client.Mail(m.from, nil); err != nil {
		return err
	}
	if err := client.Rcpt(m.to, nil); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	m.text.Seek(0, io.SeekStart)
	if _, err := m.text.WriteTo(data); err != nil {
		return err // without the end of the message, so that it is not taken
	}
	if err := data.Close(); err != nil {
		return err
	}
	client.Quit() // the message is delivered, whatever becomes of QUIT
	return nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
