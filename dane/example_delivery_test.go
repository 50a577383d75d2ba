package dane_test

import (
	"context"
	"errors"
	"fmt"
	"net/smtp"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

// deliver sends a message to the first host of a domain that is fit for it and takes it.
func deliver(ctx context.Context, v *dane.Verifier, domain string, send func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute) // a host that hangs leaves time to the next
	defer cancel()
	d, err := v.LookupMX(ctx, domain)
	if err != nil {
		return err // dane.Classify says of every error whether to bounce or to try again later
	}
	for _, mx := range d.MX {
		conn, failed := v.Connect(ctx, v.LookupHost(ctx, d, mx))
		if failed == nil { // the connection is as safe as it must be
			failed = conn.MessageError(sendOver(conn, send))
			if failed == nil || dane.Classify(failed).Permanent {
				return failed
			}
		}
		err = errors.Join(err, failed) // the next host may take it
	}
	return err
}

func sendOver(conn *dane.Conn, send func(*smtp.Client) error) error {
	defer conn.Close()
	client, err := smtp.NewClient(conn, conn.Host.Name)
	if err == nil {
		err = client.Hello("sender.example") // your name; net/smtp says "localhost" otherwise
	}
	if err == nil {
		err = send(client)
	}
	if err == nil {
		client.Quit() // the message is delivered, whatever becomes of QUIT
	}
	return err
}

// printing is a context with a hook that prints which hosts were no good.
func printing() context.Context {
	return dane.WithTrace(context.Background(), &dane.Trace{Attempt: func(h *dane.Host, a dane.Attempt) {
		if a.Err != nil {
			fmt.Println("not by", h.Name, h.Classify(a.Err).ResultType)
		}
	}})
}

// The delivery loop of a mail server.
func ExampleVerifier_Connect() {
	internet := danetest.NewInternet() // in production: the zero Verifier, and the network
	defer internet.Close()
	v := internet.Verifier()
	for _, domain := range []string{"good.example", "backup.example", "unsigned.example", "mismatch.example", "nostarttls.example", "nullmx.example"} {
		err := deliver(printing(), v, domain, func(client *smtp.Client) error {
			return sendMessage(client, "postmaster@"+domain)
		})
		switch failure := dane.Classify(err); {
		case err == nil:
			fmt.Println("message for", domain, "sent")
		case failure.Permanent:
			fmt.Println("message for", domain, "bounces:", failure.Code)
		default:
			fmt.Println("message for", domain, "stays queued:", failure.Code)
		}
	}
	// Output:
	// message for good.example sent
	// not by mail.backup.example certificate-not-trusted
	// message for backup.example sent
	// message for unsigned.example sent
	// not by mail.mismatch.example certificate-not-trusted
	// message for mismatch.example stays queued: 4.7.5
	// not by mail.nostarttls.example starttls-not-supported
	// message for nostarttls.example stays queued: 4.7.4
	// message for nullmx.example bounces: 5.1.10
}
