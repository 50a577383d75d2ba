package dane_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// courier is a mail server that connects by itself: it dials, and has an SMTP client that starts
// TLS with the configuration that it is given.
type courier struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// connect makes a connection to an address of a host that is ready for mail, and tells what came
// of it.
func (c *courier) connect(ctx context.Context, h *dane.Host, addr netip.Addr) (*smtp.Client, dane.Report) {
	conn, err := c.dial(ctx, "tcp", netip.AddrPortFrom(addr, h.Port).String())
	if err != nil {
		return nil, h.Record(ctx, nil, tls.ConnectionState{}, err)
	}
	client, err := smtp.NewClient(conn, h.Name)
	if err != nil {
		conn.Close()
		return nil, h.Record(ctx, conn, tls.ConnectionState{}, err)
	}
	if offered, _ := client.Extension("STARTTLS"); offered && h.Action != dane.SendClear {
		err = client.StartTLS(h.TLSConfig(nil)) // its hook fails the handshake where DANE does not match
	}
	state, _ := client.TLSConnectionState() // zero if the connection is in clear
	report := h.Record(ctx, conn, state, err)
	if !report.Passed {
		client.Close()
		return nil, report
	}
	return client, report
}

// A mail server that connects by itself, with the weaker way after a handshake that failed, where
// that is allowed. Verifier.Connect does more, and is shorter.
func ExampleHost_Record() {
	broken := func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtHandshake: smtptest.Permanent}
	}
	internet := danetest.NewInternet(append(danetest.Domains(), danetest.Domain{
		Name: "broken.example", About: "without TLSA record, and with a TLS that does not work", Hosts: []danetest.Host{{Name: "mail", Server: broken}},
	})...)
	defer internet.Close()
	var counters dane.Counters
	ctx := dane.WithTrace(context.Background(), counters.Trace())
	v, c := internet.Verifier(), &courier{dial: internet.Dial}
	for _, domain := range []string{"good.example", "mismatch.example", "nostarttls.example", "broken.example"} {
		d, err := v.LookupMX(ctx, domain)
		if err != nil {
			fmt.Println(d.Report(err))
			continue
		}
		h := v.LookupHost(ctx, d, d.MX[0])
		if h.Action == dane.Skip {
			fmt.Println(h.Err)
			continue
		}
		client, report := c.connect(ctx, h, h.Addrs[0])
		fmt.Printf("%s %s passed: %t %q\n", report.Policy.Type, report.MXHost, report.Passed, report.Failure.ResultType)
		if weaker := h.Fallback(); weaker != nil && report.Failure.ResultType != "" {
			client, report = c.connect(ctx, weaker, h.Addrs[0])
			fmt.Println(weaker.Action, "passed:", report.Passed)
		}
		if client != nil {
			client.Close()
		}
	}
	fmt.Println(counters.Attempts.Load(), "attempts,", counters.FailedAttempts.Load(), "failed,", counters.AuthenticatedAttempts.Load(), "authenticated")
	// Output:
	// tlsa mail.good.example passed: true ""
	// tlsa mail.mismatch.example passed: false "certificate-not-trusted"
	// tlsa mail.nostarttls.example passed: false "starttls-not-supported"
	// no-policy-found mail.broken.example passed: false "validation-failure"
	// send-clear passed: true
	// 5 attempts, 3 failed, 1 authenticated
}
