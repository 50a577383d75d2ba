package clients

import (
	"net/smtp"

	"github.com/danesmtp/danesmtp/dane"
)

// NetSMTP sends by net/smtp. Its Client says "localhost" in EHLO unless it is told another name,
// and has no deadlines of its own: those of the Conn hold.
func NetSMTP(hello, from, to string, text []byte) Send {
	return func(conn *dane.Conn) error {
		client, err := smtp.NewClient(conn, conn.Host.Name)
		if err != nil {
			return err
		}
		if err := client.Hello(hello); err != nil {
			return err
		}
		if err := client.Mail(from); err != nil {
			return err
		}
		if err := client.Rcpt(to); err != nil {
			return err
		}
		data, err := client.Data()
		if err != nil {
			return err
		}
		if _, err := data.Write(text); err != nil {
			return err
		}
		if err := data.Close(); err != nil {
			return err
		}
		client.Quit() // the message is delivered, whatever becomes of QUIT
		return nil
	}
}
