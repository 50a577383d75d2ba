package dane_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// again returns the result that is read from what it writes.
func again(t *testing.T, result *dane.Result) (*dane.Result, string) {
	t.Helper()
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var read dane.Result
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &read, string(text)
}

// What diagnosis needs is in the result, and still there when it is read from JSON.
func TestEvidence(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for domain, want := range map[string]struct {
		certificates int
		problem      tlsa.Problem
		stage        string
	}{
		"good.example":       {2, tlsa.ProblemRollover, ""},
		"mismatch.example":   {2, tlsa.ProblemNoMatch, "handshake"},
		"unusable.example":   {2, tlsa.ProblemPKIX, ""},
		"nostarttls.example": {0, 0, "starttls"},
	} {
		result, err := internet.Checker().Verify(t.Context(), domain)
		if err != nil {
			t.Fatal(err)
		}
		read, _ := again(t, result)
		for how, r := range map[string]*dane.Result{"as found": result, "from JSON": read} {
			a := &r.Hosts[0].Attempts[0]
			if len(a.Chain()) != want.certificates {
				t.Errorf("%s, %s: %d certificates, want %d", domain, how, len(a.Chain()), want.certificates)
			}
			var found tlsa.Problem
			if a.Report != nil && len(a.Report.Findings) > 0 {
				found = a.Report.Findings[0].Problem
			}
			if found != want.problem {
				t.Errorf("%s, %s: %q, want %q", domain, how, found, want.problem)
			}
			stage, failed := a.FailedAt()
			if failed != (want.stage != "") || failed && stage.String() != want.stage {
				t.Errorf("%s, %s: failed %t at %s, want %q", domain, how, failed, stage, want.stage)
			}
		}
		for i, l := range result.Lookups() {
			if len(l.Chain) == 0 || l.Chain[0].Expiration.Before(time.Now()) || l.Chain[0].Records != nil {
				t.Errorf("%s: lookup %d: %+v", domain, i, l.Chain)
			}
			if diff := cmp.Diff(l.Chain, read.Lookups()[i].Chain); diff != "" {
				t.Errorf("%s: lookup %d (-found +read):\n%s", domain, i, diff)
			}
		}
	}
}

// Of a bogus lookup the reason is there in its parts.
func TestCauseInJSON(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	result, err := internet.Checker().Verify(t.Context(), "bogus.example")
	if err != nil {
		t.Fatal(err)
	}
	read, _ := again(t, result)
	want := result.Domain.Lookup.Reason
	if diff := cmp.Diff(want, read.Domain.Lookup.Reason); diff != "" || want.Code != dnssec.EDESignatureExpired || want.KeyTag == 0 {
		t.Errorf("%+v (-found +read):\n%s", want, diff)
	}
}

// A sender pays for no evidence.
func TestNoEvidenceForSenders(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	d, err := internet.Verifier().LookupMX(t.Context(), "good.example")
	if err != nil || d.Lookup.Chain != nil {
		t.Errorf("%d links, %v", len(d.Lookup.Chain), err)
	}
}

func TestCertificatesInJSON(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 33 {
		names = append(names, fmt.Sprintf("n%d.a.example", i))
	}
	long := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{strings.Repeat("a.", 100) + "example", strings.Repeat("x", 9000) + ".example"}})
	for _, tt := range []struct {
		name  string
		more  []*x509.Certificate
		shown int
	}{
		{"as many as are shown", repeat(tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"b.example"}}).Leaf, 7), 8},
		{"one more", repeat(tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"b.example"}}).Leaf, 8), 8},
		{"one that is too large", []*x509.Certificate{long.Leaf}, 1},
	} {
		leaf := tlsatest.SelfSigned(tlsatest.Leaf{Names: names})
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{
			Name: "mail", TLSA: []string{leaf.Record(tlsa.SPKI, tlsa.SHA256).String()},
			Server: func(s *smtptest.Server) { s.Certificates = []tls.Certificate{leaf.TLSWith(tt.more...)} },
		}}})
		result, err := internet.Checker().Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != dane.OutcomeSuccess {
			t.Fatalf("%s: %v, %v", tt.name, err, result.Err)
		}
		read, text := again(t, result)
		if got := len(read.Hosts[0].Attempts[0].Chain()); got != tt.shown {
			t.Errorf("%s: %d are shown, want %d", tt.name, got, tt.shown)
		}
		if strings.Contains(text, `"n32.a.example"`) || !strings.Contains(text, `"n31.a.example"`) {
			t.Errorf("%s: not 32 names are shown", tt.name)
		}
		const head = `"certificates":[`
		first, rest, _ := strings.Cut(text, head)
		certificate := rest[:strings.Index(rest, "}")+1]
		nine := first + head + strings.Repeat(certificate+",", 8) + certificate + rest[strings.Index(rest, "]"):]
		if err := json.Unmarshal([]byte(nine), new(dane.Result)); err == nil && strings.Count(nine, `"der"`) == 9 {
			t.Errorf("%s: nine certificates are read", tt.name)
		}
	}
}

func repeat(cert *x509.Certificate, n int) (all []*x509.Certificate) {
	for range n {
		all = append(all, cert)
	}
	return all
}

func TestChainInJSON(t *testing.T) {
	t.Parallel()
	for links, ok := range map[int]bool{64: true, 65: false} {
		chain := strings.TrimSuffix(strings.Repeat(`{"name":"a.example.","type":"MX","status":"secure"},`, links), ",")
		text := `{"version":1,"lookups":[{"name":"a.example","type":"MX","status":"secure","elapsed_ms":1,"chain":[` + chain + `]}],"destination":{"expanded":"a.example","status":"secure"}}`
		var read dane.Result
		if err := json.Unmarshal([]byte(text), &read); (err == nil) != ok {
			t.Errorf("%d links: %v", links, err)
		}
	}
	// A name 11 aliases away, each in a zone of its own, has more.
	var zones []dnssectest.Zone
	for i := range 11 {
		zones = append(zones, dnssectest.Zone{Name: fmt.Sprintf("a.b.c.z%d.", i), Records: fmt.Sprintf("www CNAME www.a.b.c.z%d.", i+1)},
			dnssectest.Zone{Name: fmt.Sprintf("b.c.z%d.", i)}, dnssectest.Zone{Name: fmt.Sprintf("c.z%d.", i)}, dnssectest.Zone{Name: fmt.Sprintf("z%d.", i)})
	}
	zones = append(zones, dnssectest.Zone{Name: "z11.", Records: "www.a.b.c MX 10 www.a.b.c"})
	world := dnssectest.New(t, zones...)
	v := &dane.Verifier{Resolver: world.Resolver(), Dial: noNetwork}
	result, err := checker(v).Verify(t.Context(), "www.a.b.c.z0")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := world.Resolver().Lookup(t.Context(), "www.a.b.c.z0", 15)
	if got := len(result.Domain.Lookup.Chain); err != nil || len(answer.Chain()) <= 64 || got != 64 {
		t.Errorf("%d links are kept of %d, %v", got, len(answer.Chain()), err)
	}
}

// An attempt that no error names the stage of has none.
func TestFailedAt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   error
		stage smtpprobe.Stage
		ok    bool
	}{
		{nil, 0, false},
		{dane.ErrNoTLS, 0, false},
		{&smtpprobe.Error{Stage: smtpprobe.StageHello}, smtpprobe.StageHello, true},
	} {
		a := dane.Attempt{Err: tt.err}
		if stage, ok := a.FailedAt(); stage != tt.stage || ok != tt.ok {
			t.Errorf("%v: %s, %t", tt.err, stage, ok)
		}
	}
	if chain := new(dane.Attempt).Chain(); chain != nil {
		t.Errorf("%d certificates without a connection", len(chain))
	}
}
