package clients

import (
	"context"
	"net"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/danesmtp/danesmtp/dane"
)

// GoMail sends by github.com/wneessen/go-mail.
//
// Its policy is NoTLS: TLS is there already, and with another policy it looks for STARTTLS. Its
// timeout, 15 seconds unless it is set, is for a whole message. The function that it dials by has
// a context that ends when that function returns, so that Connect must not be called with it.
//
// After a message it may return an error that is no matter any more, from RSET or QUIT;
// IsDelivered tells.
func GoMail(hello string, message *mail.Msg) Send {
	return func(conn *dane.Conn) error {
		client, err := mail.NewClient(conn.Host.Name, mail.WithHELO(hello), mail.WithTLSPolicy(mail.NoTLS), mail.WithTimeout(10*time.Minute),
			mail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }))
		if err != nil {
			return err
		}
		if err := client.DialWithContext(context.Background()); err != nil { // the Conn has a context
			return err
		}
		defer client.Close() // says QUIT
		if err := client.Send(message); err != nil && !message.IsDelivered() {
			return err
		}
		return nil
	}
}
