package dane_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// deliver sends one message to a domain: to the first host that is fit for it.
func deliver(ctx context.Context, v *dane.Verifier, domain string, send func(*smtp.Client) error) error {
	d, err := v.LookupMX(ctx, domain)
	if err != nil {
		return err // a *dane.Error says whether to bounce or to try again later
	}
	for _, mx := range d.MX {
		h := v.LookupHost(ctx, d, mx)
		if h.Action == dane.Skip {
			err = h.Err // this host must not be delivered to; the next one may
			continue
		}
		for _, addr := range h.Addrs {
			if err = deliverTo(ctx, v, h, addr, send); err == nil {
				return nil
			}
			fmt.Println("not by", h.Name, h.Classify(err).ResultType)
		}
	}
	return fmt.Errorf("%s: try again later: %w", domain, err)
}

func deliverTo(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr, send func(*smtp.Client) error) error {
	dial := v.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", netip.AddrPortFrom(addr, h.Port).String())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // net/smtp knows no contexts
	client, err := smtp.NewClient(conn, h.Name)
	if err != nil {
		return err
	}
	if err := sayEHLO(client); err != nil {
		return err
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		// The hook in the configuration fails the handshake where DANE does not match.
		if err := client.StartTLS(h.TLSConfig(nil)); err != nil {
			return err
		}
	} else if !h.MayCleartext() {
		return smtpprobe.ErrNoStartTLS
	}
	return send(client)
}

// sayEHLO returns the error of a server that refuses EHLO for now: net/smtp would go on with
// HELO, and take the server for one without STARTTLS.
func sayEHLO(client *smtp.Client) error {
	id, err := client.Text.Cmd("EHLO localhost")
	if err != nil {
		return err
	}
	client.Text.StartResponse(id)
	defer client.Text.EndResponse(id)
	if code, _, err := client.Text.ReadResponse(250); code != 500 && code != 502 && code != 504 {
		return err
	}
	return nil // it does not know the command (RFC 5321 §3.2)
}

// The delivery loop of a mail server.
func ExampleHost() {
	internet := danetest.NewInternet() // in production: the zero Verifier, and a net.Dialer
	defer internet.Close()
	v := internet.Verifier()
	for _, domain := range []string{"good.example", "backup.example", "unsigned.example", "mismatch.example", "nostarttls.example"} {
		err := deliver(context.Background(), v, domain, func(client *smtp.Client) error {
			_, encrypted := client.TLSConnectionState()
			fmt.Println("message for", domain, "sent, encrypted:", encrypted)
			client.Quit() // the message is delivered, whatever becomes of QUIT
			return nil
		})
		if err != nil {
			fmt.Println("message for", domain, "stays queued")
		}
	}
	// Output:
	// message for good.example sent, encrypted: true
	// not by mail.backup.example certificate-not-trusted
	// message for backup.example sent, encrypted: true
	// message for unsigned.example sent, encrypted: true
	// not by mail.mismatch.example certificate-not-trusted
	// message for mismatch.example stays queued
	// not by mail.nostarttls.example starttls-not-supported
	// message for nostarttls.example stays queued
}
