package monitor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// day is when all is checked: no test depends on the clock.
var day = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// A world answers a Check from a table: reports by domain.
type world map[string]diagnosis.Report

func (w world) check(_ context.Context, domain string) (*dane.Result, diagnosis.Report) {
	report, ok := w[domain]
	if !ok {
		panic("no domain " + domain)
	}
	return &dane.Result{Name: domain, Domain: &dane.Domain{Name: domain}}, report
}

func found(state diagnosis.State, findings ...diagnosis.Finding) diagnosis.Report {
	return diagnosis.Report{State: state, Findings: findings}
}

func finding(code diagnosis.Code, severity diagnosis.Severity, host, text string) diagnosis.Finding {
	return diagnosis.Finding{Code: code, Severity: severity, Host: host, Text: text, Actor: diagnosis.MailHost}
}

// standard has a domain for each state.
var standard = world{
	"good.example": found(diagnosis.StateOK),
	"soon.example": found(diagnosis.StateWarning,
		finding(diagnosis.CodeNoNextKey, diagnosis.Warning, "mx.soon.example", "There is one record for one key."),
		finding(diagnosis.CodeTLSAWasteful, diagnosis.Note, "mx.soon.example", "It is long.")),
	"broken.example": found(diagnosis.StateBroken,
		diagnosis.Finding{Code: diagnosis.CodeTLSAMismatch, Severity: diagnosis.Broken, Host: "mx.broken.example", Text: "Another key.",
			Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
		finding(diagnosis.CodeNoNextKey, diagnosis.Warning, "mx.broken.example", "One record.")),
	"plain.example":   found(diagnosis.StateNone, finding(diagnosis.CodeMXUnsigned, diagnosis.Note, "", "The zone is not signed.")),
	"unknown.example": found(diagnosis.StateUnknown, finding(diagnosis.CodeNoResolver, diagnosis.Unknown, "", "No DNS server.")),
}

// hang ends with its context: nobody has answered until then.
func hang(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
	<-ctx.Done()
	return &dane.Result{Name: domain, Domain: &dane.Domain{Lookup: dane.Lookup{Err: ctx.Err()}}},
		found(diagnosis.StateBroken, finding(diagnosis.CodeDNSFailed, diagnosis.Broken, "", "No answer."))
}

// deaf returns a check that does not even heed its context.
func deaf(release <-chan struct{}) Check {
	return func(context.Context, string) (*dane.Result, diagnosis.Report) {
		<-release
		return nil, diagnosis.Report{}
	}
}

// detailed is a result with all that is measured.
func detailed(domain string) *dane.Result {
	cert := func(from, until time.Time) *x509.Certificate {
		return &x509.Certificate{NotBefore: from, NotAfter: until}
	}
	attempt := func(addr string, usage tlsa.Usage, depth int, chain ...*x509.Certificate) dane.Attempt {
		return dane.Attempt{Addr: netip.MustParseAddrPort(addr), Authenticated: true, Match: tlsa.Match{Record: tlsa.Record{Usage: usage}, Depth: depth},
			Session: &smtpprobe.Result{TLS: &tls.ConnectionState{PeerCertificates: chain}}}
	}
	link := func(zone string, days int) dnssec.Link {
		return dnssec.Link{Zone: zone, Status: dnssec.Secure, Inception: day.AddDate(0, 0, -14), Expiration: day.AddDate(0, 0, days)}
	}
	return &dane.Result{
		Name: domain, Outcome: dane.OutcomeSuccess, Started: day,
		Domain: &dane.Domain{Name: domain, Lookup: dane.Lookup{Chain: []dnssec.Link{link(".", 10), link("Example.", 6), link(domain+".", 30)}}},
		Hosts: []dane.HostResult{
			{Host: &dane.Host{Name: "mx1." + domain, Action: dane.MustAuthenticate, Lookups: []dane.Lookup{{Chain: []dnssec.Link{link(domain+".", 2)}}}}, Attempts: []dane.Attempt{
				attempt("192.0.2.1:25", tlsa.DANEEE, 0, cert(day.AddDate(0, 0, -80), day.AddDate(0, 0, 10))),
				attempt("[2001:db8::1]:25", tlsa.DANETA, 1, cert(day.AddDate(0, 0, -30), day.AddDate(0, 0, 60)), cert(day.AddDate(-5, 0, 0), day.AddDate(0, 0, 20)), cert(day, day)),
			}},
			{Host: &dane.Host{Name: "mx2." + domain, Action: dane.Skip}},
		},
	}
}

func TestParseDomain(t *testing.T) {
	t.Parallel()
	long := "a23456789.a23456789.a23456789.a23456789.a23456789.a23456789."
	for _, tt := range []struct{ why, text, want string }{
		{"a domain", "example.org", "example.org"},
		{"case and the final dot make no other domain", "Example.ORG.", "example.org"},
		{"letters beyond ASCII are A-labels", "Bücher.example", "xn--bcher-kva.example"},
		{"underscores are there in DNS", "_x.example", "_x.example"},
		{"a top-level domain by its final dot", "ai.", "ai"},
		{"as long as a name may be", long + long + long + long + "12345.example", long + long + long + long + "12345.example"},

		{"nothing", "", ""},
		{"the root", ".", ""},
		{"a word", "localhost", ""},
		{"an empty label", "a..example", ""},
		{"an address", "192.0.2.1", ""},
		{"an address of IPv6", "2001:db8::1", ""},
		{"an address as in a mail address", "[192.0.2.1]", ""},
		{"a port", "example.org:25", ""},
		{"a path", "example.org/x", ""},
		{"white space", "exa mple.org", ""},
		{"a line end", "example.org\n", ""},
		{"a bar", "example.org|x", ""},
		{"octets that are not UTF-8", "\xff.example", ""},
		{"a letter that IDNA refuses", "\u200b\u202e.example", ""},
		{"a label that is too long", long[:60] + "a23456789.example" + string(make([]byte, 0)), long[:60] + "a23456789.example"},
		{"a longer name", long + long + long + long + "123456.example", ""},
		{"a much longer text", string(make([]byte, 1<<20)), ""},
	} {
		got, err := ParseDomain(tt.text)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %.300q, %v; want %q", tt.why, got, err, tt.want)
		}
	}
}
