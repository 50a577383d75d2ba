package clients

import (
	"bytes"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
)

// GoSMTP sends by github.com/emersion/go-smtp. The client is made by NewClient, and not by
// NewClientStartTLS.
func GoSMTP(hello, from, to string, text []byte) Send {
	return func(conn *dane.Conn) error {
		client := smtp.NewClient(conn)
		if err := client.Hello(hello); err != nil {
			return err
		}
		if err := client.SendMail(from, []string{to}, bytes.NewReader(text)); err != nil {
			return err
		}
		client.Quit() // the message is delivered, whatever becomes of QUIT
		return nil
	}
}
