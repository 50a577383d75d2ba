package dnssec_test

import (
	"crypto"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A signature that was verified is not verified again after the TTL, while it is valid;
// another one is, and so is the same over other records, or by another key.
func TestSignaturesAreVerifiedOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Algorithm: dns.RSASHA256, Records: "@ MX 10 mail\nmail A 192.0.2.1"})
	world.Time = func() time.Time { return now }
	resolver := world.Resolver()
	var checked atomic.Int32
	resolver.Algorithms = rrsig.Add(resolver.Algorithms, dns.RSASHA256, counting{rrsig.RSA{Hash: crypto.SHA256, MinBits: 1024}, &checked})
	spoiled := false
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			if mx, ok := rr.(*dns.MX); ok && spoiled {
				mx.Preference++
			}
		}
	}
	for _, tt := range []struct {
		name     string
		question string
		after    time.Duration
		spoil    bool
		status   dnssec.Status
		checked  int32 // of the zone: the root has another algorithm
	}{
		{"the first time", "test. MX", 0, false, dnssec.Secure, 2}, // keys and MX
		{"by the cache", "test. MX", 0, false, dnssec.Secure, 0},
		{"after the TTL", "test. MX", 301 * time.Second, false, dnssec.Secure, 0},
		{"another RRset", "mail.test. A", 0, false, dnssec.Secure, 1},
		{"other records by the same signature", "test. MX", 301 * time.Second, true, dnssec.Bogus, 1},
		{"the right ones again", "test. MX", 301 * time.Second, false, dnssec.Secure, 0},
		{"after the end of the signature", "test. MX", 60 * 24 * time.Hour, false, dnssec.Bogus, 0},
	} {
		now, spoiled = now.Add(tt.after), tt.spoil
		before := checked.Load()
		answer, err := lookupBy(t.Context(), resolver, tt.question)
		if answer.Status != tt.status {
			t.Errorf("%s: %+v, %v", tt.name, answer, err)
		}
		if got := checked.Load() - before; got != tt.checked {
			t.Errorf("%s: %d signatures were checked, want %d", tt.name, got, tt.checked)
		}
	}
}
