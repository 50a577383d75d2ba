package aftertls

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/examples/embed/internal/embedtest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// A client stands for the SMTP client of the queue.
type client struct {
	*smtp.Client
	conn net.Conn
}

func (c client) Conn() net.Conn { return c.conn }

func (c client) State() tls.ConnectionState {
	state, _ := c.TLSConnectionState()
	return state
}

func (c client) Send() error {
	if err := c.Mail("me@sender.example"); err != nil {
		return err
	}
	if err := c.Rcpt("you@example"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "Subject: test\r\n\r\nHello.\r\n"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.Quit() // the message is delivered
	return nil
}

// connect verifies nobody, as such clients do for hosts that they know nothing about.
func connect(internet *danetest.Internet) func(context.Context, netip.AddrPort, string, bool) (Client, error) {
	return func(ctx context.Context, addr netip.AddrPort, serverName string, noTLS bool) (_ Client, err error) {
		conn, err := internet.Dial(ctx, "tcp", addr.String())
		if err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				conn.Close()
			}
		}()
		c, err := smtp.NewClient(conn, "mail")
		if err != nil {
			return nil, &smtpprobe.Error{Stage: smtpprobe.StageGreeting, Addr: addr, Err: err}
		}
		if err := c.Hello("sender.example"); err != nil {
			return nil, &smtpprobe.Error{Stage: smtpprobe.StageHello, Addr: addr, Err: err}
		}
		if offered, _ := c.Extension("STARTTLS"); offered && !noTLS {
			if err := c.StartTLS(&tls.Config{ServerName: serverName, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}); err != nil {
				return nil, &smtpprobe.Error{Stage: smtpprobe.StageHandshake, Addr: addr, Err: err}
			}
		}
		return client{c, conn}, nil
	}
}

func queue(internet *danetest.Internet) *Queue {
	return &Queue{Verifier: internet.Verifier(), LookupMX: embedtest.LookupMX(internet), Connect: connect(internet)}
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	embedtest.Deliveries(t, func(ctx context.Context, internet *danetest.Internet, domain string) (bool, error) {
		return queue(internet).Deliver(ctx, domain)
	})
}

// The next host gets what the first one may not have, or does not take for now.
func TestNextHost(t *testing.T) {
	t.Parallel()
	const otherKey = "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	greylisting := func(s *smtptest.Server) {
		s.Replies = map[smtptest.Stage]string{smtptest.AtRcpt: "450 4.7.1 Greylisted"}
	}
	for name, first := range map[string]danetest.Host{
		"has another key":     {Name: "first", TLSA: []string{otherKey}},
		"offers no STARTTLS":  {Name: "first", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.NoStartTLS = true }},
		"does not take it":    {Name: "first", TLSA: []string{"3 1 1"}, Server: greylisting},
		"takes no connection": {Name: "first", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.Close() }},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{first, {Name: "second", TLSA: []string{"3 1 1"}}}})
		if _, err := queue(internet).Deliver(t.Context(), "a.example"); err != nil {
			t.Errorf("the first host %s: %v", name, err)
		}
		if got := len(internet.Servers["first.a.example"].Messages()); got != 0 {
			t.Errorf("the first host %s, and has %d messages", name, got)
		}
	}
}

// Counters see what came of the handshakes.
func TestRecord(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	var counters dane.Counters
	ctx := dane.WithTrace(t.Context(), counters.Trace())
	for _, domain := range []string{"good.example", "mismatch.example", "nodane.example"} {
		queue(internet).Deliver(ctx, domain)
	}
	got := []uint64{uint64(counters.Attempts.Load()), uint64(counters.FailedAttempts.Load()), uint64(counters.AuthenticatedAttempts.Load())}
	if fmt.Sprint(got) != "[3 1 1]" {
		t.Errorf("attempts, failed and authenticated: %d", got)
	}
}

// Without an answer to its MX lookup a message stays where it is; a null MX bounces it.
func TestWithoutHosts(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	q := queue(internet)
	for domain, want := range map[string]bool{"bogus.example": false, "nullmx.example": true} {
		if permanent, err := q.Deliver(t.Context(), domain); err == nil || permanent != want {
			t.Errorf("%s: permanent %t, %v", domain, permanent, cmp.Or(err, errors.New("no error")))
		}
	}
}
