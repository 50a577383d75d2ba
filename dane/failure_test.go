package dane_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// What an SMTP client may return, by library where it has types of its own.
type goMailError struct{}

func (goMailError) Error() string              { return "client_send: RCPT TO failed" }
func (goMailError) ErrorCode() int             { return 550 }
func (goMailError) EnhancedStatusCode() string { return "5.1.1" }

// goSMTPError has the shape of go-smtp's *SMTPError.
type goSMTPError struct {
	Code         int
	EnhancedCode [3]int
	Message      string
}

func (e *goSMTPError) Error() string { return fmt.Sprintf("SMTP error %03d: %s", e.Code, e.Message) }

// RFC 8460 §4.3: a TLS report counts what TLS negotiation gave, and nothing else.
func TestFailureOfClients(t *testing.T) {
	t.Parallel()
	reply := func(code int, text string) error { return &textproto.Error{Code: code, Msg: text} }
	_, noHost := (&net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }}).LookupHost(t.Context(), "mx.example.")
	for _, tt := range []struct {
		name string
		err  error
		want string // code and type
	}{
		{"greylisted", reply(450, "4.2.0 try again in five minutes"), "4.2.0 "},
		{"no such user", reply(550, "5.1.1 no such user"), "5.1.1 "},
		{"no such user, on two lines", reply(550, "5.1.1 no such user\n5.1.1 really"), "5.1.1 "},
		{"out of space at MAIL", reply(451, "4.3.0 later"), "4.3.0 "},
		{"busy at the greeting", reply(421, "mail.example not now"), "4.0.0 "},
		{"a greeting that refuses", reply(554, "5.7.1 your address is blocked"), "5.7.1 "},
		{"an enhanced code that contradicts the reply", reply(550, "4.7.1 what now?"), "5.0.0 "},
		{"an enhanced code that is none", reply(450, "4.7 x"), "4.0.0 "},
		{"STARTTLS not available", reply(454, "4.7.0 TLS not available"), "4.7.4 starttls-not-supported"},
		{"STARTTLS not available, without a code", reply(454, "TLS not available due to temporary reason"), "4.7.4 starttls-not-supported"},
		{"STARTTLS not available, as Sendmail says", reply(454, "4.3.3 TLS not available after start"), "4.7.4 starttls-not-supported"},
		{"Postfix does not relay", reply(454, "4.7.1 <b@b.example>: Relay access denied"), "4.7.1 "},
		{"authentication fails for now", reply(454, "4.7.0 Temporary authentication failure"), "4.7.0 "}, // RFC 4954 §6
		{"a refusal that speaks of STARTTLS", reply(550, "5.7.1 your host does not support STARTTLS"), "5.7.1 "},
		{"a refusal that speaks of certificates", reply(550, "5.7.1 x509: negative serial number"), "5.7.1 "},
		{"a refusal in words of go-smtp's", reply(450, "SMTP error 550: 5.1.1 no such user"), "4.0.0 "},
		{"no reply, but words of go-smtp's", textproto.ProtocolError("invalid response code: SMTP error 550: 5.1.1 no such user"), "4.4.2 "},
		{"no reply, but words of crypto/x509's", textproto.ProtocolError("short response: x509: negative serial number"), "4.4.2 "},
		{"the same in a probe", &smtpprobe.Error{Stage: smtpprobe.StageHello, Err: fmt.Errorf("%w: x509: negative serial number", smtpprobe.ErrReply)}, "4.4.2 "},
		{"STARTTLS not implemented", reply(502, "5.5.1 command not implemented"), "4.7.4 starttls-not-supported"},
		{"go-smtp without STARTTLS", errors.New("smtp: server doesn't support STARTTLS"), "4.7.4 starttls-not-supported"},
		{"go-mail without STARTTLS", errors.New(`STARTTLS mode set to: "TLSMandatory", but target host does not support STARTTLS`), "4.7.4 starttls-not-supported"},
		{"go-smtp's reply", errors.New("SMTP error 550: no such user"), "5.0.0 "},
		{"go-smtp's reply with a code", &goSMTPError{450, [3]int{4, 2, 0}, "later"}, "4.2.0 "},
		{"the same, in wrappers", fmt.Errorf("mx.example: %w", &goSMTPError{550, [3]int{5, 1, 1}, "no such user"}), "5.1.1 "},
		{"go-smtp's reply without a code", &goSMTPError{450, [3]int{-1, -1, -1}, "later"}, "4.0.0 "},
		{"go-smtp's reply with a code of another class", &goSMTPError{550, [3]int{4, 2, 0}, "what now?"}, "5.0.0 "},
		{"go-smtp, and Postfix does not relay", &goSMTPError{454, [3]int{4, 7, 1}, "<b@b.example>: Relay access denied"}, "4.7.1 "},
		{"go-smtp without TLS for now", &goSMTPError{454, [3]int{4, 7, 0}, "TLS not available"}, "4.7.4 starttls-not-supported"},
		{"go-mail's reply", goMailError{}, "5.1.1 "},
		{"a reply in wrappers", fmt.Errorf("mx.example: %w", reply(550, "5.1.1 no such user")), "5.1.1 "},
		{"connection refused", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "4.4.1 "},
		{"no route", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}, "4.4.1 "},
		{"reset", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "4.4.2 "},
		{"the end of the connection", io.EOF, "4.4.2 "},
		{"in the middle of a line", io.ErrUnexpectedEOF, "4.4.2 "},
		{"a deadline", context.DeadlineExceeded, "4.4.2 "},
		{"a connection of one's own that is closed", net.ErrClosed, "4.4.2 "},
		{"the system's resolver", noHost, "4.4.3 "},
		{"anything else", errors.New("out of cheese"), "4.0.0 "},
		{"another name", x509.HostnameError{Host: "a.example", Certificate: new(x509.Certificate)}, "4.7.5 certificate-host-mismatch"},
		{"another authority", x509.UnknownAuthorityError{}, "4.7.5 certificate-not-trusted"},
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, "4.7.5 certificate-expired"},
		{"verified by crypto/tls", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "4.7.5 certificate-not-trusted"},
		{"an alert", &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, "4.7.5 validation-failure"},
		{"no TLS where TLS should be", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "4.7.5 validation-failure"},
		{"what crypto/tls has no type for", errors.New("tls: server selected unsupported protocol version 301"), "4.7.5 validation-failure"},
		{"the same, in wrappers", fmt.Errorf("mx.example: %w", errors.New("tls: no supported versions satisfy MinVersion and MaxVersion")), "4.7.5 validation-failure"},
	} {
		for _, host := range []*dane.Host{{}, {Action: dane.MayEncrypt}, {Action: dane.MustAuthenticate}} {
			got, want := host.Classify(tt.err), tt.want
			if host.Action == dane.MustAuthenticate {
				want = "4" + want[1:] // nobody knows who has said it
			}
			if got.Code+" "+string(got.ResultType) != want || got.Permanent != strings.HasPrefix(want, "5") {
				t.Errorf("%s: %s: %+v, want %s", host.Action, tt.name, got, want)
			}
		}
	}
	if got := (&dane.Host{}).Classify(nil); got != (dane.Failure{}) {
		t.Errorf("no error: %+v", got)
	}
}

// net/smtp itself, step by step, with a server that refuses at each.
func TestFailureOfNetSMTP(t *testing.T) {
	t.Parallel()
	for step, want := range map[smtptest.Stage]string{
		smtptest.AtGreeting: "5.7.0 ", smtptest.AtStartTLS: "5.7.0 ", smtptest.AtMail: "5.7.0 ", smtptest.AtRcpt: "5.7.0 ",
	} {
		s := smtptest.NewUnstartedServer()
		s.Faults = map[smtptest.Stage]smtptest.Fault{step: smtptest.Permanent}
		err := sendByNetSMTP(t.Context(), s)
		if got := new(dane.Host).Classify(err); got.Code+" "+string(got.ResultType) != want || !got.Permanent {
			t.Errorf("%s: %+v, want %s", step, got, want)
		}
		s.Close()
	}
}

func sendByNetSMTP(ctx context.Context, s *smtptest.Server) error {
	conn, err := s.Dial(ctx, "tcp", "192.0.2.1:25")
	if err != nil {
		return err
	}
	client, err := smtp.NewClient(conn, "mail.example")
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.StartTLS(s.ClientTLS()); err != nil {
		return err
	}
	if err := client.Mail("a@a.example"); err != nil {
		return err
	}
	return client.Rcpt("b@b.example")
}

// The words of the server decide the code (RFC 3463), and whether mail bounces; but not where
// nobody knows yet who says them, although it should be known.
func TestFailureByTheServersReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step      smtptest.Stage
		reply     string
		code      string // of a host that must be encrypted
		protected string // of one that must be authenticated
	}{
		{smtptest.AtGreeting, "451 4.7.1 greylisted", "4.7.1", "4.7.1"},
		{smtptest.AtGreeting, "554 5.7.1 your address is blocked", "5.7.1", "4.7.1"},
		{smtptest.AtGreeting, "554-5.7.1 your address\r\n554 5.7.1 is blocked", "5.7.1", "4.7.1"},
		{smtptest.AtGreeting, "421 busy", "4.0.0", "4.0.0"},
		{smtptest.AtHelloTLS, "554 5.7.1 who are you?", "5.7.1", "5.7.1"},
		{smtptest.AtHelloTLS, "450 4.7.25 who are you?", "4.7.25", "4.7.25"},
	} {
		for record, want := range map[string]string{"0 0 1": tt.code, "3 1 1": tt.protected} {
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{record},
				Server: func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{tt.step: tt.reply} }}}})
			result, err := internet.Checker().Verify(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			failure := result.Failure()
			if failure.Code != want || failure.ResultType != "" || failure.Permanent != (want[0] == '5') || result.Permanent() != failure.Permanent {
				t.Errorf("%s %q, TLSA %s: %+v, want %s", tt.step, tt.reply, record, failure, want)
			}
			if words := tt.reply[strings.LastIndex(tt.reply, " ")+1:]; !strings.Contains(failure.Text, words) {
				t.Errorf("%s %q: the text %q has not the server's words", tt.step, tt.reply, failure.Text)
			}
		}
	}
}

// An MTA that does SMTP by itself says the stage. The reply in the error of its client counts as
// one of package smtpprobe does.
func TestFailureOfClientsWithStage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		stage     smtpprobe.Stage
		code      int
		text      string
		want      string // code and type
		protected string // of a host that must be authenticated
	}{
		{smtpprobe.StageGreeting, 554, "5.7.1 your address is blocked", "5.7.1 ", "4.7.1 "},
		{smtpprobe.StageHello, 450, "4.7.25 who are you?", "4.7.25 ", "4.7.25 "},
		{smtpprobe.StageStartTLS, 454, "4.7.0 not now", "4.7.4 starttls-not-supported", "4.7.4 starttls-not-supported"},
		{smtpprobe.StageStartTLS, 554, "5.7.0 never", "4.7.4 starttls-not-supported", "4.7.4 starttls-not-supported"},
		{smtpprobe.StageStartTLS, 421, "4.3.2 going down", "4.3.2 ", "4.3.2 "},
		{smtpprobe.StageHandshake, 454, "4.7.0 not now", "4.7.4 starttls-not-supported", "4.7.4 starttls-not-supported"}, // net/smtp: STARTTLS and handshake in one call
		{smtpprobe.StageHandshake, 421, "4.3.2 going down", "4.3.2 ", "4.3.2 "},
		{smtpprobe.StageHelloTLS, 554, "5.7.1 your address is blocked", "5.7.1 ", "4.7.1 "}, // TLS, and who knows with whom
	} {
		for _, err := range []error{&textproto.Error{Code: tt.code, Msg: tt.text}, fmt.Errorf("SMTP error %d: %s", tt.code, tt.text)} {
			for action, want := range map[dane.Action]string{dane.MayEncrypt: tt.want, dane.MustAuthenticate: tt.protected} {
				got := (&dane.Host{Action: action}).Classify(&smtpprobe.Error{Stage: tt.stage, Err: err})
				if got.Code+" "+string(got.ResultType) != want || got.Permanent != (want[0] == '5') {
					t.Errorf("%s: %s: %v: %+v, want %s", action, tt.stage, err, got, want)
				}
			}
		}
	}
}

// A domain bounces only if each of its hosts does.
func TestPermanentOfSeveralHosts(t *testing.T) {
	t.Parallel()
	refusing := danetest.Host{Name: "mx1", TLSA: []string{"0 0 1"}, Server: func(s *smtptest.Server) {
		s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "554 5.7.1 no"}
	}}
	closing := danetest.Host{Name: "mx2", TLSA: []string{"0 0 1"}, Server: func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtGreeting: smtptest.Close}
	}}
	other := refusing
	other.Name = "mx2"
	for want, hosts := range map[bool][]danetest.Host{false: {refusing, closing}, true: {refusing, other}} {
		result, err := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: hosts}).Checker().Verify(t.Context(), "a.example")
		if failure := result.Failure(); err != nil || failure.Permanent != want || result.Permanent() != want || (failure.Code == "5.7.1") != want {
			t.Errorf("%v: %+v", err, failure)
		}
	}
}

// One address that may take the message later, or has not been tried, is enough to keep it.
func TestPermanentAtEachAddress(t *testing.T) {
	t.Parallel()
	no := &smtpprobe.Error{Stage: smtpprobe.StageHelloTLS, Reply: &smtpprobe.Reply{Code: 554, Lines: []string{"5.7.1 no"}}}
	broken := &smtpprobe.Error{Stage: smtpprobe.StageDial, Err: io.EOF}
	for _, tt := range []struct {
		name                       string
		probes                     []dane.Attempt
		omittedHosts, omittedAddrs int
		want                       bool
	}{
		{"each says no", []dane.Attempt{{Authenticated: true, Err: no}, {Authenticated: true, Err: no}}, 0, 0, true},
		{"and one of them may be anybody", []dane.Attempt{{Authenticated: true, Err: no}, {Err: no}}, 0, 0, false},
		{"one cannot be reached", []dane.Attempt{{Authenticated: true, Err: no}, {Err: broken}}, 0, 0, false},
		{"addresses are left out", []dane.Attempt{{Authenticated: true, Err: no}}, 0, 1, false},
		{"hosts are left out", []dane.Attempt{{Authenticated: true, Err: no}}, 1, 0, false},
	} {
		h := &dane.Host{Domain: "a.example", Name: "mail.a.example", Action: dane.MustAuthenticate, Omitted: tt.omittedAddrs}
		result := dane.Result{
			Outcome: dane.OutcomeFailure, Domain: &dane.Domain{Name: h.Domain, Omitted: tt.omittedHosts},
			Err: &dane.Error{Domain: h.Domain, Host: h.Name, Permanent: true, Attempts: tt.probes[:1]}, Hosts: []dane.HostResult{{Host: h, Attempts: tt.probes}},
		}
		if got := result.Failure(); got.Permanent != tt.want || (got.Code == "5.7.1") != tt.want || result.Permanent() != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// RFC 8460 §4.3.2.1: a TLSA lookup that is blocked is one without valid records where a chain
// says that there are signed ones, or a signed denial.
func TestFailureOfBlockedTLSA(t *testing.T) {
	t.Parallel()
	for _, fault := range []dnssectest.Fault{dnssectest.ServFail, dnssectest.Refused, dnssectest.Silent, dnssectest.NoSignature} {
		synctest.Test(t, func(t *testing.T) { testBlockedTLSA(t, fault) }) // silence takes its time
	}
}

func testBlockedTLSA(t *testing.T, fault dnssectest.Fault) {
	for question, want := range map[string]string{"_25._tcp.mail TLSA": "4.7.5 dnssec-invalid", "mail A": "4.4.3 "} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{question: fault}}})
		result, err := internet.Checker().Verify(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		if fault == dnssectest.NoSignature {
			want = "4.7.5 dnssec-invalid" // bogus, whatever it is
		}
		if failure := result.Failure(); failure.Code+" "+string(failure.ResultType) != want || failure.Permanent {
			t.Errorf("fault %d of %s: %+v, want %s", fault, question, failure, want)
		}
	}
}

// Code, permanence and type of joined errors agree, and one that may pass makes all temporary.
func TestFailureOfJoinedErrors(t *testing.T) {
	t.Parallel()
	gone := &dane.Error{Domain: "a.example", Permanent: true, Err: dane.ErrNoDomain}
	later := &dane.Error{Domain: "b.example", Err: &dnssec.Error{Name: "b.example.", Status: dnssec.Bogus}}
	silent := &smtpprobe.Error{Stage: smtpprobe.StageGreeting, Err: io.EOF}
	for _, tt := range []struct {
		name string
		err  error
		want dane.Failure // without text
	}{
		{"permanent alone", errors.Join(gone), dane.Failure{Code: "5.1.2", Permanent: true}},
		{"permanent twice", errors.Join(gone, gone), dane.Failure{Code: "5.1.2", Permanent: true}},
		{"permanent first", errors.Join(gone, later), dane.Failure{ResultType: dane.DNSSECInvalid, Code: "4.7.5"}},
		{"permanent last", errors.Join(later, gone), dane.Failure{ResultType: dane.DNSSECInvalid, Code: "4.7.5"}},
		{"permanent, and a connection that broke", errors.Join(gone, silent), dane.Failure{Code: "4.4.2"}},
		{"permanent, and a host that failed for a reason that nobody knows", errors.Join(gone, &dane.Error{Host: "mx.example", Err: errors.New("x")}), dane.Failure{Code: "4.0.0"}},
		{"permanent, and a message that was not sent, and nobody knows why", errors.Join(gone, new(dane.Conn).MessageError(errors.New("x"))), dane.Failure{Code: "4.0.0"}},
		{"permanent, in the words of a wrapper", errors.Join(errors.New("x"), gone), dane.Failure{Code: "5.1.2", Permanent: true}},
		{"the same in wrappers", fmt.Errorf("x: %w", errors.Join(fmt.Errorf("y: %w", gone), silent)), dane.Failure{Code: "4.4.2"}},
		{"permanent, in the words of a caller", fmt.Errorf("%w: %w", errors.New("not sent"), gone), dane.Failure{Code: "5.1.2", Permanent: true}},
		{"causes of one handshake", &smtpprobe.Error{Stage: smtpprobe.StageHandshake, Err: errors.Join(errors.New("x"), errors.New("y"))}, dane.Failure{ResultType: dane.ValidationFailure, Code: "4.7.5"}},
		{"causes of one dial", &smtpprobe.Error{Stage: smtpprobe.StageDial, Err: errors.Join(errors.New("x"), errors.New("y"))}, dane.Failure{Code: "4.4.1"}},
		{"causes of one lookup", &dnssec.Error{Type: dns.TypeTLSA, Err: errors.Join(io.EOF, errors.New("y"))}, dane.Failure{ResultType: dane.DNSSECInvalid, Code: "4.7.5"}},
		{"a sentinel that nobody called permanent", dane.ErrNoDomain, dane.Failure{Code: "4.1.2"}},
	} {
		got := new(dane.Host).Classify(tt.err)
		got.Text = ""
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// Classify contradicts no Error that a caller has made: it says permanent only where that does, and
// where the cause is not known to pass.
func TestFailureOfErrorsByHand(t *testing.T) {
	t.Parallel()
	never := &smtpprobe.Error{Stage: smtpprobe.StageGreeting, Reply: &smtpprobe.Reply{Code: 554, Lines: []string{"5.7.1 no"}}}
	for _, tt := range []struct {
		name string
		err  dane.Error
		want string
	}{
		{"a refusal that is not called permanent", dane.Error{Err: never}, "4.7.1"},
		{"one that is", dane.Error{Err: never, Permanent: true}, "5.7.1"},
		{"one that is, in an attempt", dane.Error{Attempts: []dane.Attempt{{Err: never}}, Permanent: true}, "5.7.1"},
		{"one that is not, in an attempt", dane.Error{Attempts: []dane.Attempt{{Err: never}}}, "4.7.1"},
		{"what nobody knows", dane.Error{Err: errors.New("out of cheese")}, "4.0.0"},
		{"what the caller knows", dane.Error{Err: errors.New("out of cheese"), Permanent: true}, "5.0.0"},
		{"no cause", dane.Error{Permanent: true}, "5.0.0"},
		{"a handshake that failed", dane.Error{Err: dane.ErrNoTLS, Permanent: true}, "4.7.4"},
		{"a domain that does not exist", dane.Error{Err: dane.ErrNoDomain}, "4.1.2"},
	} {
		got := dane.Classify(&tt.err)
		if got.Code != tt.want || got.Permanent != (tt.want[0] == '5') {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
		if got := dane.Classify(errors.Join(&tt.err, &dane.Error{Err: dane.ErrNoTLS})); got.Permanent {
			t.Errorf("%s, and one that may pass: %+v", tt.name, got)
		}
	}
}

// RFC 8460 §1.1: mail that is routed is reported under the domain of the host it is routed to.
func TestReportPolicyOfRoutes(t *testing.T) {
	t.Parallel()
	v := danetest.New(t).Verifier()
	v.Policy = policy(t, dane.Profile{Route: dane.Route{Hosts: []string{"mail.nodane.example"}}})
	d, err := v.LookupMX(t.Context(), "recipient.example")
	if err != nil {
		t.Fatal(err)
	}
	want := dane.ReportPolicy{Type: "no-policy-found", Domain: "mail.nodane.example"}
	if diff := cmp.Diff(want, v.LookupHost(t.Context(), d, d.MX[0]).ReportPolicy()); diff != "" {
		t.Error(diff)
	}
}
