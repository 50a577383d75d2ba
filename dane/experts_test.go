package dane_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
)

// What experts found wrong in other implementations, by the issue where they said
// so.
func TestExpertIssues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		issue, why, script string
		profile            dane.Profile
		want               string
	}{
		{"foxcpp/maddy#292", "the denial of AAAA is broken, and IPv4 is good", theHost + "mx.example.org AAAA bogus\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
		{"foxcpp/maddy#292", "a secure alias into an unsigned zone", theHost + "mx.example.org A insecure ->mx.example.net; 192.0.2.1\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
		{"foxcpp/maddy#292", "usages 0 and 1 mean nothing to SMTP", theHost + theTLSA + "secure 0 0 1 " + digest + "; 1 1 1 " + digest, dane.Profile{}, "mx.example.org must-encrypt mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
		{"KumoCorp/kumomta#543", "SERVFAIL of a TLSA lookup is as bad as bogus", theHost + theTLSA + "servfail", dane.Profile{}, "mx.example.org skip\nasked _25._tcp.mx.example.org"},
		{"KumoCorp/kumomta#543", "hosts that are configured are secure by themselves", "relay.example A secure 192.0.2.1\n_25._tcp.relay.example TLSA " + good, dane.Profile{Route: dane.Route{Hosts: []string{"relay.example"}}}, "relay.example must-authenticate relay.example\nasked _25._tcp.relay.example"},
		{"stalwartlabs/stalwart#2328", "no MX record, and that is proven", "example.org A secure 192.0.2.1\n_25._tcp.example.org TLSA " + good, dane.Profile{}, "example.org must-authenticate example.org\nasked _25._tcp.example.org"},
		{"stalwartlabs/stalwart#2328", "an alias of the host", theHost + alias + aTarget + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.net,example.org\nasked _25._tcp.mx.example.net"},
		{"buffrr/letsdane#13", "servers that fail on TLSA queries are not asked where there can be no DANE", theHost + "mx.example.org A insecure 192.0.2.1\n" + theTLSA + "silent", dane.Profile{}, "mx.example.org may-encrypt"},
		{"internetstandards/Internet.nl#385", "an aliased host with records at the alias: they count", theHost + alias + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.net _25._tcp.mx.example.org"},
	} {
		t.Run(tt.issue+" "+tt.why, func(t *testing.T) {
			t.Parallel()
			resolver := parseScript(tt.script)
			v := &dane.Verifier{Resolver: resolver, Policy: policy(t, tt.profile)}
			if diff := cmp.Diff(tt.want, planText(t, v, resolver)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
