package dane_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/smtp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// ownLoop is a sender's own way to STARTTLS, as it is without Connect. It returns all that is
// known in the end, and makes no use of a fallback.
func ownLoop(ctx context.Context, internet *danetest.Internet, h *dane.Host) (net.Conn, tls.ConnectionState, error) {
	return startTLS(ctx, internet, h, h.TLSConfig(nil))
}

// startTLS goes on to STARTTLS where it is offered, with a configuration, as net/smtp does.
func startTLS(ctx context.Context, internet *danetest.Internet, h *dane.Host, config *tls.Config) (net.Conn, tls.ConnectionState, error) {
	conn, err := internet.Dial(ctx, "tcp", netip.AddrPortFrom(h.Addrs[0], 25).String())
	if err != nil {
		return nil, tls.ConnectionState{}, err
	}
	client, err := smtp.NewClient(conn, h.Name)
	if err != nil {
		return conn, tls.ConnectionState{}, err
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		err = client.StartTLS(config)
	}
	state, _ := client.TLSConnectionState()
	return conn, state, err
}

// Whoever connects by himself gets the same reports as by Connect, and his hooks hear the same.
func TestReports(t *testing.T) {
	t.Parallel()
	noTLS := func(s *smtptest.Server) { s.NoStartTLS = true }
	internet := danetest.New(t, append(danetest.Domains(),
		danetest.Domain{Name: "clear.example", Hosts: []danetest.Host{{Name: "mail", Server: noTLS}}},
		danetest.Domain{Name: "old.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: within(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})}}},
		danetest.Domain{Name: "dead.example", Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail A 192.0.2.200\n_25._tcp.mail TLSA " + otherKey}},
	)...)
	v := internet.Verifier()
	for domain, want := range map[string]struct {
		policy  string
		result  dane.ResultType
		code    string
		passed  bool
		counted [3]int64 // attempts, failed, authenticated
		log     string
	}{
		"good.example":       {"tlsa", "", "", true, [3]int64{1, 0, 1}, "TLS success"},
		"nodane.example":     {"no-policy-found", "", "", true, [3]int64{1, 0, 0}, "TLS success"},
		"clear.example":      {"no-policy-found", dane.STARTTLSNotSupported, "", true, [3]int64{1, 0, 0}, "connection in clear"},
		"unusable.example":   {"tlsa", dane.TLSAInvalid, "", true, [3]int64{1, 0, 0}, "TLS success"},
		"mismatch.example":   {"tlsa", dane.CertificateNotTrusted, "4.7.5", false, [3]int64{1, 1, 0}, "TLS failed"},
		"expired.example":    {"tlsa", dane.CertificateExpired, "4.7.5", false, [3]int64{1, 1, 0}, "TLS failed"},
		"nostarttls.example": {"tlsa", dane.STARTTLSNotSupported, "4.7.4", false, [3]int64{1, 1, 0}, "TLS failed"},
		"old.example":        {"tlsa", dane.ValidationFailure, "4.7.5", false, [3]int64{1, 1, 0}, "TLS failed"},
		"dead.example":       {"tlsa", "", "4.4.1", false, [3]int64{1, 1, 0}, "connection failed"},
		"bogustlsa.example":  {"tlsa", dane.DNSSECInvalid, "4.7.5", false, [3]int64{0, 0, 0}, ""},
	} {
		h := firstHost(t, v, domain)
		for name, deliver := range map[string]func(context.Context) dane.Report{
			"Connect": func(ctx context.Context) dane.Report {
				conn, err := v.Connect(ctx, h)
				if err == nil {
					conn.Close()
					return conn.Report()
				}
				e, _ := errors.AsType[*dane.Error](err)
				for _, a := range e.Attempts {
					return h.Report(a)
				}
				return h.Report(dane.Attempt{})
			},
			"Record": func(ctx context.Context) dane.Report {
				if h.Action == dane.Skip {
					return h.Record(ctx, nil, tls.ConnectionState{}, nil)
				}
				conn, state, err := ownLoop(ctx, internet, h)
				if conn != nil {
					defer conn.Close()
				}
				var opErr *net.OpError
				if conn == nil && !errors.As(err, &opErr) {
					err = &net.OpError{Op: "dial", Err: err} // as a net.Dialer says it
				}
				r := h.Record(ctx, conn, state, err)
				if conn != nil {
					r.MXHello = "mail." + domain // which the caller knows, or not
				}
				return r
			},
		} {
			var counters dane.Counters
			var log bytes.Buffer
			ctx := dane.WithTrace(dane.WithTrace(t.Context(), counters.Trace()), dane.LogTrace(slog.New(slog.NewTextHandler(&log, nil))))
			got := deliver(ctx)
			expected := dane.Report{Domain: domain, Encrypted: want.passed && domain != "clear.example", Policy: h.ReportPolicy(), Failure: dane.Failure{ResultType: want.result, Code: want.code}, Passed: want.passed, MXHost: "mail." + domain}
			expected.Policy.Type = want.policy
			if len(h.Addrs) > 0 && domain != "dead.example" {
				expected.MXHello, expected.Addr, expected.LocalAddr = "mail."+domain, h.Addrs[0], netip.MustParseAddr("127.0.0.1")
			}
			if domain == "dead.example" && name == "Connect" {
				expected.Addr = h.Addrs[0]
			}
			if diff := cmp.Diff(expected, got, cmpopts.IgnoreFields(dane.Failure{}, "Text", "Reason"), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("%s by %s: (-want +got)\n%s", domain, name, diff)
			}
			if counted := [3]int64{counters.Attempts.Load(), counters.FailedAttempts.Load(), counters.AuthenticatedAttempts.Load()}; counted != want.counted {
				t.Errorf("%s by %s: counted %v, want %v", domain, name, counted, want.counted)
			}
			if !strings.Contains(log.String(), want.log) || (want.log == "") != (log.Len() == 0) {
				t.Errorf("%s by %s: no %q in %s", domain, name, want.log, &log)
			}
		}
	}
}

// A failed lookup of the domain has a report, too.
func TestReportsOfLookups(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	for domain, want := range map[string]dane.Report{
		"bogus.example":  {Domain: "bogus.example", Policy: dane.ReportPolicy{Type: "tlsa", Domain: "bogus.example"}, Failure: dane.Failure{ResultType: dane.DNSSECInvalid, Code: "4.7.5", Reason: "Signature Expired"}},
		"Nullmx.example": {Domain: "nullmx.example", Policy: dane.ReportPolicy{Type: "no-policy-found", Domain: "nullmx.example"}, Failure: dane.Failure{Code: "5.1.10", Permanent: true}},
		"not a name":     {Domain: "not a name", Policy: dane.ReportPolicy{Type: "no-policy-found", Domain: "not a name"}, Failure: dane.Failure{Code: "5.1.2", Permanent: true}},
	} {
		var log bytes.Buffer
		ctx := dane.WithTrace(t.Context(), dane.LogTrace(slog.New(slog.NewTextHandler(&log, nil))))
		d, err := v.LookupMX(ctx, domain)
		got := d.Report(err)
		got.Failure.Text = ""
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", domain, diff)
		}
		for _, part := range []string{`msg="no delivery"`, "code=" + want.Failure.Code, want.Policy.Domain} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("%s: no %s in %s", domain, part, &log)
			}
		}
	}
	d, err := dane.NewDomain("good.example", dnssec.Bogus)
	if r := d.Report(err); r.Policy.Domain != "good.example" || r.Policy.Type != "tlsa" || r.Failure.Code != "4.7.5" || r.Failure.ResultType != dane.DNSSECInvalid {
		t.Errorf("%+v", r)
	}
	skipped := v.LookupHost(t.Context(), d, dane.MX{Host: "mail.good.example"}) // the error of NewDomain was not heeded
	if f := skipped.Classify(skipped.Err); skipped.Action != dane.Skip || f.Code != "4.7.5" || f.ResultType != dane.DNSSECInvalid {
		t.Errorf("%+v", f)
	}
}

// A weaker way that went through is a failure of TLS all the same.
func TestReportOfFallback(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, oneHost("", failing(smtptest.AtHandshake, smtptest.Permanent)))
	v := internet.Verifier()
	var log bytes.Buffer
	ctx := dane.WithTrace(t.Context(), dane.LogTrace(slog.New(slog.NewTextHandler(&log, nil))))
	conn, err := v.Connect(ctx, firstHost(t, v, "a.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := conn.Report()
	if !r.Passed || r.Failure.ResultType != dane.ValidationFailure || r.Policy.Type != "no-policy-found" || conn.Host.Action != dane.SendClear {
		t.Errorf("%+v", r)
	}
	if said := log.String(); !strings.Contains(said, "TLS failed") || !strings.Contains(said, "connection in clear") {
		t.Error(said)
	}
	if e, ok := errors.AsType[*smtpprobe.Error](conn.Attempt.FallbackErr); !ok || e.Stage != smtpprobe.StageHandshake {
		t.Error(conn.Attempt.FallbackErr)
	}
}

// Where the policy is to watch only, the message goes, and the log says what DANE would have done.
func TestLogOfAudit(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	v.Policy = policy(t, dane.Profile{Audit: true})
	for domain, want := range map[string]string{
		"good.example": "", "nodane.example": "", "mismatch.example": "code=4.7.5", "nostarttls.example": "code=4.7.4", "bogustlsa.example": "code=4.7.5",
	} {
		var log bytes.Buffer
		ctx := dane.WithTrace(t.Context(), dane.LogTrace(slog.New(slog.NewTextHandler(&log, nil))))
		conn, err := v.Connect(ctx, firstHost(t, v, domain))
		if err != nil {
			t.Errorf("%s: %v", domain, err)
			continue
		}
		conn.Close()
		line := ""
		for l := range strings.Lines(log.String()) {
			if strings.Contains(l, "DANE would have failed") {
				line = l
			}
		}
		if !strings.Contains(line, want) || (want == "") != (line == "") {
			t.Errorf("%s: no %q in %s", domain, want, &log)
		}
	}
}

// Record judges what has no error: a client that says nothing of TLS has not passed.
func TestRecordJudges(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	for domain, want := range map[string]dane.ResultType{
		"good.example": dane.STARTTLSNotSupported, "unusable.example": dane.STARTTLSNotSupported, "nodane.example": dane.STARTTLSNotSupported,
	} {
		h := firstHost(t, v, domain)
		if r := h.Record(t.Context(), nil, tls.ConnectionState{}, nil); r.Failure.ResultType != want || r.Passed != h.MayCleartext() || r.Encrypted {
			t.Errorf("%s: %+v", domain, r)
		}
	}
}

// Where there was no connection, nothing has passed, whatever the host would have allowed.
func TestReportOfNoConnection(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	for _, domain := range []string{"good.example", "nodane.example", "unusable.example", "bogustlsa.example"} {
		h := firstHost(t, v, domain)
		if r := h.Report(dane.Attempt{}); r.Passed || r.Addr.IsValid() || r.MXHost != h.Name {
			t.Errorf("%s: %+v", domain, r)
		}
	}
}
