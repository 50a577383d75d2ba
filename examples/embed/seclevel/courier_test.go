package seclevel

import (
	"context"
	"fmt"
	"net/smtp"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/examples/embed/internal/embedtest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func courier(internet *danetest.Internet) *Courier {
	v := internet.Verifier()
	v.RootCAs = internet.CA.Pool()
	return &Courier{Verifier: v, Hello: "sender.example", Levels: new(Levels), LookupMX: embedtest.LookupMX(internet), Dial: internet.Dial}
}

func send(client *smtp.Client) error {
	if err := client.Mail("me@sender.example"); err != nil {
		return err
	}
	if err := client.Rcpt("you@example"); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "Subject: test\r\n\r\nHello.\r\n"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	client.Quit() // the message is delivered
	return nil
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	embedtest.Deliveries(t, func(ctx context.Context, internet *danetest.Internet, domain string) (bool, error) {
		return courier(internet).Deliver(ctx, domain, send)
	})
}

func TestLevels(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	c := courier(internet)
	for domain, want := range map[string]Level{"good.example": Authenticated, "nodane.example": Encrypted} {
		if _, err := c.Deliver(t.Context(), domain, send); err != nil {
			t.Fatal(err)
		}
		for level := Clear; level <= Authenticated; level++ {
			if got := c.Levels.Allow(domain, level); got != (level >= want) {
				t.Errorf("%s: %s is allowed: %t, want at least %s", domain, level, got, want)
			}
		}
	}
}

// What has been better gets nothing, until it is better again.
func TestNothingIsSentWithLess(t *testing.T) {
	t.Parallel()
	plain := func(s *smtptest.Server) { s.NoStartTLS = true }
	for best, want := range map[Level]bool{Clear: true, Encrypted: false, Authenticated: false} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", Server: plain}}})
		c := courier(internet)
		c.Levels.Raise("a.example", best)
		permanent, err := c.Deliver(t.Context(), "a.example", send)
		if sent := len(internet.Servers["mail.a.example"].Messages()) == 1; sent != want || (err == nil) != want || permanent {
			t.Errorf("has been %s: sent %t, permanent %t, %v", best, sent, permanent, err)
		}
	}
}

// An enforced MTA-STS policy counts where DANE does not apply, and nowhere else.
func TestSTS(t *testing.T) {
	t.Parallel()
	const otherKey = "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	plain := func(s *smtptest.Server) { s.NoStartTLS = true }
	for name, tt := range map[string]struct {
		host danetest.Host
		mx   string
		want bool
	}{
		"the host is listed, and has a certificate":        {danetest.Host{}, "mail.a.example", true},
		"the host is not listed":                           {danetest.Host{}, "other.example", false},
		"the host has no STARTTLS":                         {danetest.Host{Server: plain}, "mail.a.example", false},
		"DANE applies, and the host is not listed":         {danetest.Host{TLSA: []string{"3 1 1"}}, "other.example", true},
		"DANE does not match, and the certificate is good": {danetest.Host{TLSA: []string{otherKey}}, "mail.a.example", false},
	} {
		tt.host.Name = "mail"
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{tt.host}})
		c := courier(internet)
		c.STS = func(context.Context, string) ([]string, bool) { return []string{tt.mx}, true }
		_, err := c.Deliver(t.Context(), "a.example", send)
		if sent := len(internet.Servers["mail.a.example"].Messages()) == 1; sent != tt.want || (err == nil) != tt.want {
			t.Errorf("%s: sent %t, %v", name, sent, err)
		}
	}
}
