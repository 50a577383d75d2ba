package dane_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func policy(t *testing.T, profile dane.Profile) *dane.Policy {
	t.Helper()
	p, err := dane.NewPolicy(profile, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicyIsCheckedWhenBuilt(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a.example: DANE without TLS":            `{"destinations": {"a.example": {"tls": "none"}}}`,
		"the default: DANE without TLS":          `{"default": {"tls": "none", "dane": "mandatory"}}`,
		"a.example is given twice":               `{"destinations": {"a.example": {}, "A.example.": {}}}`,
		"not a host name":                        `{"destinations": {"exa mple": {}}}`,
		"a.example: route":                       `{"destinations": {"a.example": {"route": {"hosts": ["no host"]}}}}`,
		"a.example: a route without hosts":       `{"destinations": {"a.example": {"route": {"port": 587}}}}`,
		"a.example: mandatory DANE that is":      `{"destinations": {"a.example": {"dane": "mandatory", "audit": true}}}`,
		`unknown field "dnae"`:                   `{"default": {"dnae": "mandatory"}}`,
		`DANE "must": want one of`:               `{"default": {"dane": "must"}}`,
		`TLS "required-verify-hosted": want one`: `{"default": {"tls": "required-verify-hosted"}}`,
		"unexpected end":                         `{"default": {`,
	} {
		p, err := dane.ReadPolicy(strings.NewReader(text))
		if p != nil || !errors.Is(err, dane.ErrPolicy) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPolicyByDestination(t *testing.T) {
	t.Parallel()
	p, err := dane.ReadPolicy(strings.NewReader(`{
		"default": {"tls": "required"},
		"destinations": {"A.Example.": {"dane": "none", "tls": "none"}, "bücher.example": {"dane": "mandatory", "route": {"hosts": ["relay.example"], "port": 587}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	mandatory := dane.Profile{DANE: dane.DANEMandatory, Route: dane.Route{Hosts: []string{"relay.example"}, Port: 587}}
	for destination, want := range map[string]dane.Profile{
		"a.example":             {DANE: dane.DANENone, TLS: dane.TLSNone},
		"sub.a.example":         {TLS: dane.TLSRequired},
		"xn--bcher-kva.example": mandatory,
		"Bücher.example":        mandatory,
		"no name":               {TLS: dane.TLSRequired},
	} {
		if diff := cmp.Diff(want, p.For(destination)); diff != "" {
			t.Errorf("%s: %s", destination, diff)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again dane.Policy
	if err := json.Unmarshal(text, &again); err != nil || !cmp.Equal(p.For("bücher.example"), again.For("bücher.example")) {
		t.Errorf("%s: %v", text, err)
	}
	if got := (*dane.Policy)(nil).For("a.example"); !cmp.Equal(got, dane.Profile{}) {
		t.Errorf("a nil policy: %+v", got)
	}
}

// Rows of the TLS settings: how a message goes to a server without DANE.
var tlsTable = []struct {
	level dane.TLSLevel
	// by what the server does; "clear", "TLS", "verified", or "" for the next host
	noStartTLS, handshakeFails, badChain, badName, good string
}{
	{dane.TLSNone, "clear", "clear", "clear", "clear", "clear"},
	{dane.TLSPreferred, "clear", "clear", "TLS", "TLS", "TLS"},
	{dane.TLSRequired, "", "", "TLS", "TLS", "TLS"},
	{dane.TLSPreferredVerify, "clear", "", "TLS", "TLS", "verified"},
	{dane.TLSRequiredVerify, "", "", "", "", "verified"},
	{dane.TLSRequiredVerifyHosted, "", "", "", "", "verified"},
}

func TestTLSSettings(t *testing.T) {
	t.Parallel()
	host := func(names ...string) danetest.Host {
		return danetest.Host{Name: "mail", Certificate: tlsatest.Leaf{Names: names}}
	}
	none, broken := host("mail.a.example"), host("mail.a.example")
	none.Server = func(s *smtptest.Server) { s.NoStartTLS = true }
	broken.Server = func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtHandshake: smtptest.Close}
	}
	for _, row := range tlsTable {
		good := host("mail.a.example")
		if row.level == dane.TLSRequiredVerifyHosted {
			good = host("a.example")
		}
		for name, c := range map[string]struct {
			host      danetest.Host
			strangers bool // another CA is trusted
			want      string
		}{
			"no STARTTLS":     {none, false, row.noStartTLS},
			"handshake fails": {broken, false, row.handshakeFails},
			"bad chain":       {good, true, row.badChain},
			"bad name":        {host("other.example"), false, row.badName},
			"good":            {good, false, row.good},
		} {
			t.Run(row.level.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{c.host}})
				v := internet.Verifier()
				v.Policy = policy(t, dane.Profile{DANE: dane.DANENone, TLS: row.level})
				v.RootCAs = internet.CA.Pool()
				if c.strangers {
					v.RootCAs = tlsatest.NewCA(tlsatest.Authority{}).Pool()
				}
				d, err := v.LookupMX(t.Context(), "a.example")
				if err != nil {
					t.Fatal(err)
				}
				h := v.LookupHost(t.Context(), d, d.MX[0])
				if got := send(t, internet, h); got != c.want {
					t.Errorf("sent %q, want %q", got, c.want)
				}
			})
		}
	}
}

// send does what an MTA does, with all fallbacks that are allowed.
func send(t *testing.T, internet *danetest.Internet, h *dane.Host) string {
	for ; h != nil; h = h.Fallback() {
		if h.Action == dane.SendClear {
			return "clear"
		}
		_, err := (&smtpprobe.Prober{Dial: internet.Dial}).Probe(t.Context(), h.Addrs[0].String()+":25", h.TLSConfig(nil))
		switch {
		case errors.Is(err, smtpprobe.ErrNoStartTLS) && h.MayCleartext():
			return "clear"
		case errors.Is(err, smtpprobe.ErrNoStartTLS):
			return ""
		case err == nil && h.PKIX != "":
			return "verified"
		case err == nil:
			return "TLS"
		}
	}
	return ""
}

// Each row of both tables happens, with the outcome and the reason it has.
func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, level := range []dane.DANELevel{dane.DANEMandatory, dane.DANEOpportunistic} {
		rows := dane.Decisions(level)
		if len(rows) != 13 {
			t.Errorf("%s: %d rows", level, len(rows))
		}
		for _, row := range rows {
			name := level.String() + "/" + strings.Join([]string{string(row.MX), string(row.Address), string(row.TLSA), string(row.Certificate)}, ",")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				internet := danetest.New(t, worldOf(row)...)
				v := internet.Verifier()
				v.Policy = policy(t, dane.Profile{DANE: level})
				result, err := checker(v).Verify(t.Context(), "a.example")
				if err != nil {
					t.Fatal(err)
				}
				if got, ok := result.Decision(); !ok || got != row || result.Outcome != row.Outcome {
					t.Errorf("%+v (%s), want %+v\n%s", got, result.Outcome, row, result)
				}
				if result.Permanent() {
					t.Error("a failure of DANE bounces")
				}
			})
		}
	}
	if dane.Decisions(dane.DANENone) != nil {
		t.Error("there is a table for no DANE")
	}
}

// worldOf builds what a row says: the MX record is in a.example, the host in
// b.example, and its TLSA record behind an alias in c.example.
func worldOf(row dane.Decision) []danetest.Domain {
	record := map[dane.Step]string{dane.StepUnusable: "0 0 1"}[row.TLSA]
	if record == "" {
		record = "3 1 1"
	}
	if row.Certificate == dane.StepMismatch {
		record += " " + digest
	}
	faults := func(step dane.Step, owner string) map[string]dnssectest.Fault {
		if step != dane.StepBogus {
			return nil
		}
		return map[string]dnssectest.Fault{owner: dnssectest.BadSignature}
	}
	mx := danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{
		Records: "@ MX 10 mail.b.example.", Unsigned: row.MX == dane.StepInsecure, Faults: faults(row.MX, "@ MX")}}
	host := danetest.Domain{Name: "b.example", Hosts: []danetest.Host{{Name: "mail"}}, Zone: dnssectest.Zone{
		Unsigned: row.Address == dane.StepInsecure, Faults: faults(row.Address, "mail A")}}
	switch {
	case row.Address == dane.StepAbsent:
		host.Hosts, host.Zone.Records = nil, "mail TXT none"
	case row.TLSA == dane.StepBogus:
		host.Hosts[0].TLSA, host.Zone.Faults = []string{record}, faults(dane.StepBogus, "_25._tcp.mail TLSA")
	case row.TLSA == dane.StepInsecure:
		host.Zone.Records = "_25._tcp.mail CNAME tlsa.c.example."
	case row.TLSA != dane.StepAbsent:
		host.Hosts[0].TLSA = []string{record}
	}
	records := danetest.Domain{Name: "c.example", Zone: dnssectest.Zone{Unsigned: true, Records: "tlsa TLSA 3 1 1 " + digest}}
	return []danetest.Domain{mx, host, records}
}

func TestInsecureMX(t *testing.T) {
	t.Parallel()
	row := dane.Decision{MX: dane.StepInsecure, Address: dane.StepSecure, TLSA: dane.StepSecure}
	for name, tt := range map[string]struct {
		profile dane.Profile
		action  dane.Action
	}{
		"is not used":                  {dane.Profile{}, dane.MayEncrypt},
		"is used for the host":         {dane.Profile{UseInsecureMX: true}, dane.MustAuthenticate},
		"is not enough where it must":  {dane.Profile{DANE: dane.DANEMandatory}, dane.Skip},
		"is not enough, used or not":   {dane.Profile{DANE: dane.DANEMandatory, UseInsecureMX: true}, dane.Skip},
		"does not matter without DANE": {dane.Profile{DANE: dane.DANENone, UseInsecureMX: true}, dane.MayEncrypt},
	} {
		v := danetest.New(t, worldOf(row)...).Verifier()
		v.Policy = policy(t, tt.profile)
		result, err := checker(v).Verify(t.Context(), "a.example")
		if err != nil || result.Hosts[0].Action != tt.action || result.Outcome == dane.OutcomeSuccess {
			t.Errorf("%s: %s, %v, %v", name, result.Hosts[0].Action, result.Outcome, err)
		}
		if tt.action == dane.MustAuthenticate {
			h := result.Hosts[0]
			if !slices.Equal(h.Names, []string{"mail.b.example"}) || !h.Attempts[0].Authenticated {
				t.Errorf("%s: names %v, probes %v", name, h.Names, h.Attempts)
			}
			if line := dane.TLSSuccess(h.Host, *h.Attempts[0].Session.TLS); !strings.HasSuffix(line, " for mail.b.example") {
				t.Errorf("log line %q", line)
			}
		}
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	v.Policy = policy(t, dane.Profile{Audit: true})
	for domain, want := range map[string]dane.Action{
		"good.example": dane.MustAuthenticate, "mismatch.example": dane.MustAuthenticate, "nostarttls.example": dane.MustAuthenticate,
		"unusable.example": dane.MustEncrypt, "bogustlsa.example": dane.Skip, "nodane.example": dane.MayEncrypt,
	} {
		d, err := v.LookupMX(t.Context(), domain)
		if err != nil {
			t.Fatal(err)
		}
		h := v.LookupHost(t.Context(), d, d.MX[0])
		if h.Action != dane.MayEncrypt || len(h.Addrs) == 0 || !h.MTASTS || h.Audited == nil || h.Audited.Action != want {
			t.Errorf("%s: %s, %v", domain, h.Action, h.Audited)
			continue
		}
		session, err := (&smtpprobe.Prober{Dial: internet.Dial}).Probe(t.Context(), h.Addrs[0].String()+":25", h.TLSConfig(nil))
		if domain == "nostarttls.example" {
			continue
		}
		if err != nil {
			t.Errorf("%s: the audit acts: %v", domain, err)
			continue
		}
		_, mismatch := errors.AsType[*tlsa.Error](h.Audited.VerifyConnection(*session.TLS))
		if mismatch != (domain == "mismatch.example") {
			t.Errorf("%s: mismatch is %v", domain, mismatch)
		}
	}
	result, err := checker(v).Verify(t.Context(), "mismatch.example")
	if err != nil || result.Outcome != dane.OutcomeFailure || !result.Profile.Audit {
		t.Errorf("%v, %v", result, err)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	const records = `relay.example A secure 192.0.2.1
		_587._tcp.relay.example TLSA secure 2 0 1 ` + digest + `
		alias.example A secure ->relay.example; 192.0.2.1
		plain.example A secure 192.0.2.2
		unsigned.example A insecure 192.0.2.3
		local.example A secure 127.0.0.1
		a.example MX secure 10 mx.a.example.
		mx.a.example A secure 192.0.2.4`
	for name, tt := range map[string]struct {
		profile dane.Profile
		action  dane.Action
		names   []string
		err     error
		mx      bool
	}{
		"use DNS":                      {dane.Profile{}, dane.MayEncrypt, []string{"mx.a.example", "a.example"}, nil, true},
		"a host with records":          {dane.Profile{Route: dane.Route{Hosts: []string{"relay.example"}, Port: 587}}, dane.MustAuthenticate, []string{"relay.example"}, nil, false},
		"an alias, and both names":     {dane.Profile{Route: dane.Route{Hosts: []string{"Alias.example."}, Port: 587}}, dane.MustAuthenticate, []string{"relay.example", "alias.example"}, nil, false},
		"a host without records":       {dane.Profile{Route: dane.Route{Hosts: []string{"plain.example"}}}, dane.MayEncrypt, []string{"plain.example"}, nil, false},
		"a host without DNSSEC":        {dane.Profile{Route: dane.Route{Hosts: []string{"unsigned.example"}}}, dane.MayEncrypt, []string{"unsigned.example"}, nil, false},
		"mandatory, without records":   {dane.Profile{DANE: dane.DANEMandatory, Route: dane.Route{Hosts: []string{"plain.example"}}}, dane.Skip, nil, dane.ErrNotDANE, false},
		"an address":                   {dane.Profile{Route: dane.Route{Hosts: []string{"[127.0.0.1]"}}}, dane.MayEncrypt, []string{"127.0.0.1"}, nil, false},
		"an address, and mandatory":    {dane.Profile{DANE: dane.DANEMandatory, Route: dane.Route{Hosts: []string{"[192.0.2.9]"}}}, dane.Skip, nil, dane.ErrNotDANE, false},
		"a name of this machine":       {dane.Profile{Route: dane.Route{Hosts: []string{"local.example"}}}, dane.Skip, nil, dane.ErrRefusedAddress, false},
		"TLS is required for the host": {dane.Profile{TLS: dane.TLSRequired, Route: dane.Route{Hosts: []string{"plain.example"}}}, dane.MustEncrypt, []string{"plain.example"}, nil, false},
	} {
		resolver := parseScript(records)
		v := &dane.Verifier{Resolver: resolver, Policy: policy(t, tt.profile)}
		d, err := v.LookupMX(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		h := v.LookupHost(t.Context(), d, d.MX[0])
		if h.Action != tt.action || !errors.Is(h.Err, tt.err) || h.Action != dane.Skip && !slices.Equal(h.Names, tt.names) {
			t.Errorf("%s: %s, %v, names %v", name, h.Action, h.Err, h.Names)
		}
		if slices.Contains(resolver.asked, "a.example MX") != tt.mx || d.Routed == tt.mx {
			t.Errorf("%s: asked %v", name, resolver.asked)
		}
	}
}

func TestAddressLiterals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[192.0.2.1]": "192.0.2.1", "[IPv6:2001:DB8::1]": "2001:db8::1", "[127.0.0.1]": "refused", "[IPv6:::ffff:127.0.0.1]": "refused",
		"[2001:db8::1]": "no name", "[IPv6:192.0.2.1]": "no name", "[192.0.2.1": "no name", "[IPv6:fe80::1%eth0]": "no name",
	} {
		resolver := parseScript("")
		v := &dane.Verifier{Resolver: resolver}
		got := "no name"
		if d, err := v.LookupMX(t.Context(), text); err == nil {
			h := v.LookupHost(t.Context(), d, d.MX[0])
			switch {
			case errors.Is(h.Err, dane.ErrRefusedAddress):
				got = "refused"
			case h.Action == dane.MayEncrypt && h.TLSConfig(nil).ServerName == h.Addrs[0].String():
				got = h.Addrs[0].String()
			}
		} else if !errors.Is(err, dane.ErrName) {
			t.Error(err)
		}
		if got != want || len(resolver.asked) > 0 {
			t.Errorf("%s: %s, want %s; asked %v", text, got, want, resolver.asked)
		}
	}
}

// sendWith returns the error of a handshake, or nothing.
func sendWith(t *testing.T, internet *danetest.Internet, h *dane.Host, base *tls.Config) string {
	_, err := (&smtpprobe.Prober{Dial: internet.Dial}).Probe(t.Context(), h.Addrs[0].String()+":25", h.TLSConfig(base))
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestShuffle(t *testing.T) {
	t.Parallel()
	reverse := func(n int, swap func(i, j int)) {
		for i := range n / 2 {
			swap(i, n-1-i)
		}
	}
	v := &dane.Verifier{Shuffle: reverse, Resolver: parseScript("example.org MX secure 10 a.example.; 10 b.example.; 10 c.example.; 20 d.example.; 20 e.example.")}
	d, err := v.LookupMX(t.Context(), "example.org")
	var got []string
	for _, mx := range d.MX {
		got = append(got, mx.Host[:1])
	}
	if want := "c b a e d"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
}

// By the policy, Verify connects to hosts without DANE, and says what came of it.
func TestVerifyByPolicy(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for _, tt := range []struct {
		domain  string
		level   dane.TLSLevel
		trusted bool
		outcome dane.Outcome
		line    string
	}{
		{"unsigned.example", dane.TLSRequired, false, dane.OutcomeNone, "TLS connection succeeded unsigned.example.\n"},
		{"unsigned.example", dane.TLSRequiredVerify, true, dane.OutcomeNone, "TLS connection succeeded unsigned.example.\n"},
		{"unsigned.example", dane.TLSRequiredVerify, false, dane.OutcomeFailure, "TLS connection failed unsigned.example: x509"},
		{"nodane.example", dane.TLSRequired, false, dane.OutcomeNone, "No TLSA record found"},
		{"unusable.example", dane.TLSPreferredVerify, false, dane.OutcomeNone, "TLS connection succeeded unusable.example.\n"},
		{"unusable.example", dane.TLSRequiredVerify, false, dane.OutcomeFailure, "No usable TLSA record found"},
		{"good.example", dane.TLSRequiredVerifyHosted, false, dane.OutcomeSuccess, "DANE SUCCESS"},
	} {
		v := internet.Verifier()
		v.Policy = policy(t, dane.Profile{TLS: tt.level})
		v.RootCAs = tlsatest.NewCA(tlsatest.Authority{}).Pool()
		if tt.trusted {
			v.RootCAs = internet.CA.Pool()
		}
		result, err := checker(v).Verify(t.Context(), tt.domain)
		if err != nil || result.Outcome != tt.outcome || !strings.Contains(result.String(), tt.line) {
			t.Errorf("%s, %s: %v, want %q in\n%s", tt.domain, tt.level, err, tt.line, result)
		}
		if failure := result.Failure(); tt.level == dane.TLSRequiredVerify && tt.outcome == dane.OutcomeFailure && failure.ResultType != dane.CertificateNotTrusted {
			t.Errorf("%s: %+v", tt.domain, failure)
		}
	}
}

// The caller's configuration counts: its authorities, and its own hook.
func TestVerifiedTLSFromBase(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	v.Policy = policy(t, dane.Profile{TLS: dane.TLSRequiredVerify})
	v.RootCAs = tlsatest.NewCA(tlsatest.Authority{}).Pool()
	d, err := v.LookupMX(t.Context(), "unsigned.example")
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	base := &tls.Config{RootCAs: internet.CA.Pool()}
	if got := sendWith(t, internet, h, base); got != "" {
		t.Errorf("with the authority in base: %s", got)
	}
	base.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not today") }
	if got := sendWith(t, internet, h, base); !strings.Contains(got, "not today") {
		t.Errorf("the hook of base did not run: %q", got)
	}
}

// Verifier.Mandatory is stricter than any policy, and counts.
func TestMandatoryAndPolicy(t *testing.T) {
	t.Parallel()
	v := danetest.New(t).Verifier()
	v.Mandatory = true
	for _, tt := range []struct {
		domain  string
		profile dane.Profile
		action  dane.Action
		sts     bool
	}{
		{"good.example", dane.Profile{}, dane.MustAuthenticate, false},
		{"nodane.example", dane.Profile{}, dane.Skip, false},
		{"nodane.example", dane.Profile{Audit: true}, dane.Skip, false},
		{"nodane.example", dane.Profile{DANE: dane.DANENone}, dane.Skip, false},
		{"nodane.example", dane.Profile{DANE: dane.DANENone, TLS: dane.TLSNone}, dane.Skip, false},
		{"good.example", dane.Profile{DANE: dane.DANENone, TLS: dane.TLSNone}, dane.MustAuthenticate, false},
		{"good.example", dane.Profile{Audit: true}, dane.MustAuthenticate, false},
		{"bogustlsa.example", dane.Profile{}, dane.Skip, false},
	} {
		v.Policy = policy(t, tt.profile)
		d, err := v.LookupMX(t.Context(), tt.domain)
		if err != nil {
			t.Fatal(err)
		}
		if h := v.LookupHost(t.Context(), d, d.MX[0]); h.Action != tt.action || h.MTASTS != tt.sts {
			t.Errorf("%s, %+v: %s, MTA-STS %v", tt.domain, tt.profile, h.Action, h.MTASTS)
		}
	}
}

// An empty list of hosts is no route, in Go and in the JSON that becomes of it.
func TestEmptyRoute(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(policy(t, dane.Profile{Route: dane.Route{Hosts: []string{}}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dane.ReadPolicy(bytes.NewReader(text)); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func TestPoliciesOfEarlierVersions(t *testing.T) {
	p, err := dane.ReadPolicy(strings.NewReader(`{
		"default": {"dane": "opportunistic", "flow": "relay"},
		"destinations": {
			"inside.example": {"flow": "accept", "tls": "required"},
			"routed.example": {"dane": "none", "route": {"hosts": ["relay.example"], "port": 587, "no_dane": true}}
		}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for destination, want := range map[string]dane.Profile{
		"other.example":  {},
		"inside.example": {DANE: dane.DANENone, TLS: dane.TLSRequired},
		"routed.example": {DANE: dane.DANENone, Route: dane.Route{Hosts: []string{"relay.example"}, Port: 587}},
	} {
		if diff := cmp.Diff(want, p.For(destination)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", destination, diff)
		}
	}
}
