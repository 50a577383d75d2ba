package dnssec_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A TTL is worth no more than the signature says (RFC 4035 §5.3.3).
func TestTTLIsThatOfTheSignature(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www 300 A 192.0.2.1"})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			rr.Header().Ttl = 1 << 30
		}
	}
	answer, err := lookup(t, world, "www.test. A")
	if err != nil || answer.Status != dnssec.Secure || time.Until(answer.Expires) > 300*time.Second || answer.Records[0].Header().Ttl > 300 {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		ahead  time.Duration // of the resolver's clock
		skew   time.Duration
		status dnssec.Status
	}{
		{"the clock is right", 0, 0, dnssec.Secure},
		{"a little late, and no skew", 30*24*time.Hour + time.Minute, 0, dnssec.Bogus},
		{"a little late", 30*24*time.Hour + time.Minute, time.Hour, dnssec.Secure},
		{"too late", 30*24*time.Hour + 2*time.Hour, time.Hour, dnssec.Bogus},
		{"a little early, and no skew", -24*time.Hour - time.Minute, 0, dnssec.Bogus},
		{"a little early", -24*time.Hour - time.Minute, time.Hour, dnssec.Secure},
		{"too early", -26 * time.Hour, time.Hour, dnssec.Bogus},
		{"no more than a day", 32 * 24 * time.Hour, 100 * 24 * time.Hour, dnssec.Bogus},
		{"less than nothing is nothing", 0, -100 * 24 * time.Hour, dnssec.Secure},
	} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.1"})
		now := time.Now().Add(tt.ahead)
		resolver := &dnssec.Resolver{Exchanger: world, Anchors: world.Anchors(), Time: func() time.Time { return now }, ClockSkew: tt.skew}
		answer, err := lookupBy(t.Context(), resolver, "www.test. A")
		if answer.Status != tt.status || err == nil && !answer.Expires.After(now) {
			t.Errorf("%s: %s until %s, %v", tt.name, answer.Status, answer.Expires, err)
		}
	}
}
