package dane_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
)

// An SMTP client that does TLS by itself: it takes STARTTLS where it is offered, verifies
// nobody, and leaves it to the caller what that is worth.
func ownClient(ctx context.Context, internet *danetest.Internet, host *dane.Host) (*smtp.Client, error) {
	conn, err := internet.Dial(ctx, "tcp", host.Addrs[0].String()+":25")
	if err != nil {
		return nil, err
	}
	client, err := smtp.NewClient(conn, host.Name)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		err = client.StartTLS(&tls.Config{ServerName: host.Base, InsecureSkipVerify: true}) // it is verified below
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return client, nil
}

// A mail server that walks the MX records itself, and whose SMTP client does TLS by itself,
// asks when the connection is there, before it says MAIL.
func ExampleHost_VerifyConnection() {
	internet := danetest.NewInternet()
	defer internet.Close()
	v, ctx := internet.Verifier(), context.Background()
	for _, domain := range []string{"good.example", "mismatch.example", "nostarttls.example", "nodane.example"} {
		// What the server's own lookup has found, with the AD bit of a resolver that it trusts.
		d, err := dane.NewDomain(domain, dnssec.Secure, dane.MX{Preference: 10, Host: "mail." + domain + "."})
		if err != nil {
			fmt.Println(err)
			continue
		}
		h := v.LookupHost(ctx, d, d.MX[0])
		if h.Action == dane.Skip {
			fmt.Println(h.Err)
			continue
		}
		client, err := ownClient(ctx, internet, h)
		if err != nil {
			fmt.Println(err)
			continue
		}
		state, _ := client.TLSConnectionState() // zero if the connection is in clear
		err = h.VerifyConnection(state)
		if errors.Is(err, dane.ErrNoTLS) && h.MayCleartext() {
			err = nil
		}
		if err != nil {
			fmt.Println(domain, "next host:", h.Classify(err).ResultType)
		} else {
			fmt.Println(domain, "may have the message")
		}
		client.Close()
	}
	// Output:
	// good.example may have the message
	// mismatch.example next host: certificate-not-trusted
	// nostarttls.example next host: starttls-not-supported
	// nodane.example may have the message
}
