package embedtest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// What becomes of a message.
const (
	Encrypted = "encrypted"
	Clear     = "clear"
	Queued    = "queued"
	Bounced   = "bounced"
)

// world has a server of each kind, and what becomes of a message to it.
var world = []struct {
	name   string // of the domain
	tlsa   string
	server func(*smtptest.Server)
	zone   dnssectest.Zone
	want   string
}{
	{"good", "3 1 1", nil, dnssectest.Zone{}, Encrypted},
	{"ta", "2 1 1", nil, dnssectest.Zone{}, Encrypted},
	{"mismatch", "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", nil, dnssectest.Zone{}, Queued},
	{"stripped", "3 1 1", noTLS, dnssectest.Zone{}, Queued},
	{"refused", "3 1 1", says(smtptest.AtStartTLS, "454 4.7.0 TLS not available"), dnssectest.Zone{}, Queued},
	{"weak", "3 1 1", old, dnssectest.Zone{}, Queued},
	{"unusable", "0 0 1", nil, dnssectest.Zone{}, Encrypted},
	{"unusable-and-stripped", "0 0 1", noTLS, dnssectest.Zone{}, Queued},
	{"forged", "3 1 1", noTLS, dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.BadSignature}}, Queued},
	{"blocked", "3 1 1", noTLS, dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.ServFail}}, Queued},
	{"bogus", "", nil, dnssectest.Zone{Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Expired}}, Queued},
	{"unsigned", "3 1 1 00", noTLS, dnssectest.Zone{Unsigned: true}, Clear},
	{"opportunistic", "", nil, dnssectest.Zone{}, Encrypted},
	{"plain", "", noTLS, dnssectest.Zone{}, Clear},
	{"old", "", old, dnssectest.Zone{}, Encrypted},
	{"broken", "", breaks(smtptest.AtHandshake), dnssectest.Zone{}, Clear},
	{"refused-in-clear", "", says(smtptest.AtStartTLS, "454 4.7.0 TLS not available"), dnssectest.Zone{}, Clear},
	{"closed", "", breaks(smtptest.AtGreeting), dnssectest.Zone{}, Queued},
	{"busy", "3 1 1", says(smtptest.AtGreeting, "554 5.7.1 Go away"), dnssectest.Zone{}, Queued},
	{"greylisting", "3 1 1", says(smtptest.AtRcpt, "450 4.7.1 Greylisted"), dnssectest.Zone{}, Queued},
	{"nobody", "3 1 1", says(smtptest.AtRcpt, "550 5.1.1 No such user"), dnssectest.Zone{}, Bounced},
	{"rude", "3 1 1", breaks(smtptest.AtQuit), dnssectest.Zone{}, Encrypted},
}

func noTLS(s *smtptest.Server) { s.NoStartTLS = true }

func old(s *smtptest.Server) {
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
}

func says(stage smtptest.Stage, text string) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{stage: text} }
}

func breaks(stage smtptest.Stage) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{stage: smtptest.Close} }
}

// Deliveries checks, in subtests, what becomes of a message to servers of each kind. deliver sends
// one to a domain by whatever is tested.
func Deliveries(t *testing.T, deliver func(ctx context.Context, internet *danetest.Internet, domain string) (permanent bool, err error)) {
	for _, tt := range world {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				host := danetest.Host{Name: "mail", Server: tt.server}
				if tt.tlsa != "" {
					host.TLSA = []string{tt.tlsa}
				}
				domain := tt.name + ".example"
				internet := danetest.New(t, danetest.Domain{Name: domain, Hosts: []danetest.Host{host}, Zone: tt.zone})
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
				defer cancel()
				permanent, err := deliver(ctx, internet, domain)
				messages := internet.Servers["mail."+domain].Messages()
				var got string
				switch {
				case err == nil && len(messages) == 1 && messages[0].TLS:
					got = Encrypted
				case err == nil && len(messages) == 1:
					got = Clear
				case err != nil && len(messages) == 0 && permanent:
					got = Bounced
				case err != nil && len(messages) == 0:
					got = Queued
				}
				if got != tt.want {
					t.Errorf("%q, %d messages, %v; want %q", got, len(messages), err, tt.want)
				}
			})
		})
	}
}

// LookupMX is how a queue looks MX records up by a resolver that it trusts.
func LookupMX(internet *danetest.Internet) func(ctx context.Context, domain string) ([]*net.MX, bool, error) {
	resolver := internet.DNS.Resolver()
	return func(ctx context.Context, domain string) (mx []*net.MX, authentic bool, err error) {
		answer, err := resolver.Lookup(ctx, domain, dns.TypeMX)
		if err != nil {
			return nil, false, err
		}
		for _, rr := range answer.Records {
			r, ok := rr.(*dns.MX)
			if !ok {
				return nil, false, errors.New("a record that is not MX")
			}
			mx = append(mx, &net.MX{Pref: r.Preference, Host: r.Mx})
		}
		return mx, answer.Status == dnssec.Secure, nil
	}
}
