package dane_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// What is written without encoding/json is what that writes.
func TestJSONOfLookups(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 123_000_000, time.FixedZone("", 3600))
	var all strings.Builder
	odd := "a \"b\" \\ <c> & \n \x00 é \u2028"
	reason := dnssec.Reason{Code: 6, Zone: "z.", Name: odd, Type: dns.TypeMX, KeyTag: 7, Text: odd}
	for _, tt := range []struct {
		name   string
		lookup dane.Lookup
	}{
		{"the zero one", dane.Lookup{}},
		{"a secure one", dane.Lookup{
			Name: "example.org", Type: dns.TypeMX, Status: dnssec.Secure, Records: []string{"10 mx.example.org.", odd}, Expires: at, Elapsed: 1234567 * time.Nanosecond,
			Exchanges: []dnssec.Exchange{{Name: "example.org.", Type: dns.TypeMX, Server: "192.0.2.1:53", Network: "udp", Elapsed: time.Microsecond}},
			Chain: []dnssec.Link{
				{Zone: ".", Name: ".", Type: dns.TypeDNSKEY, Status: dnssec.Secure, Anchor: true, KeyTag: 20326, Algorithm: 8, OriginalTTL: 86400, Inception: at, Expiration: at.UTC().Truncate(time.Second), Server: odd},
				{Name: "example.org.", Type: 65280, Status: dnssec.Insecure},
			},
		}},
		{"one that failed", dane.Lookup{
			Name: odd, Type: 65280, Status: dnssec.Bogus, RCode: dns.RcodeServerFailure, Reason: reason, Err: errors.New(odd), Elapsed: time.Hour,
			Exchanges: []dnssec.Exchange{{Name: odd, RCode: -1, Err: errors.New(odd), PassedOver: []error{errors.New("one"), errors.New(odd)}}},
		}},
		{"one with aliases and an unknown rcode", dane.Lookup{
			Name: "example.org", Type: dns.TypeA, Status: dnssec.Insecure, RCode: 4000,
			Aliases: []dnssec.Alias{{Name: "example.org.", Target: "example.net.", Type: dns.TypeCNAME, Status: dnssec.Secure}, {}},
		}},
		{"one with more links than are written", dane.Lookup{Name: "example.org", Chain: make([]dnssec.Link, 100)}},
	} {
		result := &dane.Result{Name: "example.org", Domain: &dane.Domain{Name: "example.org", Lookup: tt.lookup}, Started: at}
		text, err := result.MarshalJSON()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		all.Write(text)
		want, err := dane.ByReflection(text)
		if diff := cmp.Diff(string(want), string(text)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
	for _, key := range dane.JSONKeysOfLookups() {
		if key != "local_lack" && !strings.Contains(all.String(), `"`+key+`":`) {
			t.Errorf("%q is never written", key)
		}
	}
	never := &dane.Result{Domain: &dane.Domain{Lookup: dane.Lookup{Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}}
	if text, err := never.MarshalJSON(); err == nil {
		t.Errorf("an instant that JSON cannot hold: %s", text)
	}
	if text, err := new(dane.Result).MarshalJSON(); err != nil {
		t.Errorf("the zero result: %s, %v", text, err)
	}
}
