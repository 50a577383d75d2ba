package dane_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// unverified goes on to STARTTLS as an SMTP client that does TLS by itself, and verifies nobody.
func unverified(ctx context.Context, internet *danetest.Internet, h *dane.Host) (net.Conn, tls.ConnectionState, error) {
	return startTLS(ctx, internet, h, &tls.Config{ServerName: h.Base, InsecureSkipVerify: true})
}

// Who must be authenticated, and has not been, cannot make mail bounce: not by a handshake with
// another key, and a refusal over it, which net/smtp returns from StartTLS.
func TestRefusalOverTLS(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]struct{ record, classify string }{
		otherKey: {"4.7.5 certificate-not-trusted", "4.7.1 "}, // nobody knows whom
		"3 1 1":  {"5.7.1 ", "4.7.1 "},                        // Classify is not told that it is known
		"0 0 1":  {"5.7.1 ", "5.7.1 "},                        // nobody need know
		"":       {"5.7.1 ", "5.7.1 "},
	} {
		refusing := oneHost(record, saying(smtptest.AtHelloTLS, "554 5.7.1 go away"))
		internet := danetest.New(t, refusing)
		h := firstHost(t, internet.Verifier(), "a.example")
		conn, state, err := unverified(t.Context(), internet, h)
		if conn == nil || err == nil || !state.HandshakeComplete {
			t.Fatalf("%q: %v", record, err)
		}
		conn.Close()
		for _, err := range []error{err, &smtpprobe.Error{Stage: smtpprobe.StageHelloTLS, Err: err}} {
			if got := h.Classify(err); got.Code+" "+string(got.ResultType) != want.classify || got.Permanent != (want.classify[0] == '5') {
				t.Errorf("TLSA %q: Classify(%v): %+v, want %s", record, err, got, want.classify)
			}
			r := h.Record(t.Context(), conn, state, err)
			failed := h.DeliveryError(state, err)
			if f := dane.Classify(failed); f.Code != r.Failure.Code || f.ResultType != r.Failure.ResultType || !isA[*dane.Error](failed) {
				t.Errorf("TLSA %q: DeliveryError(%v): %v, %+v", record, err, failed, f)
			}
			if got := r.Failure.Code + " " + string(r.Failure.ResultType); r.Passed || r.Failure.Permanent != (want.record[0] == '5') || got != want.record {
				t.Errorf("TLSA %q: Record(%v): %+v, want %s", record, err, r, want.record)
			}
		}
	}
}

// What several hosts have said is put together by what is known of each: before, the last host
// decided whether all of them were to be believed.
func TestDeliveryErrors(t *testing.T) {
	t.Parallel()
	greeting := &smtpprobe.Error{Stage: smtpprobe.StageGreeting, Err: &textproto.Error{Code: 554, Msg: "5.7.0 never"}}
	recipient := &textproto.Error{Code: 550, Msg: "5.1.1 no such user"}
	clear := tls.ConnectionState{}
	internet := danetest.New(t)
	v := internet.Verifier()
	mustAuthenticate, mayEncrypt := firstHost(t, v, "good.example"), firstHost(t, v, "nodane.example")
	conn, over, err := unverified(t.Context(), internet, mustAuthenticate)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", mayEncrypt.DeliveryError(clear, nil), ""},
		{"a refusal in clear by whom nobody has to know", mayEncrypt.DeliveryError(clear, greeting), "5.7.0"},
		{"a refusal by whom somebody has to know", mustAuthenticate.DeliveryError(clear, greeting), "4.7.0"},
		{"the one, then the other", errors.Join(mustAuthenticate.DeliveryError(clear, greeting), mayEncrypt.DeliveryError(clear, greeting)), "4.7.0"},
		{"the other, then the one", errors.Join(mayEncrypt.DeliveryError(clear, greeting), mustAuthenticate.DeliveryError(clear, greeting)), "4.7.0"},
		{"no such user, in clear", mustAuthenticate.DeliveryError(clear, recipient), "4.1.1"},
		{"no such user, over TLS that matches", mustAuthenticate.DeliveryError(over, recipient), "5.1.1"},
		{"454 over TLS, which is not about TLS", mustAuthenticate.DeliveryError(over, &textproto.Error{Code: 454, Msg: "4.7.0 TLS not available"}), "4.7.0"},
		{"no TLS", mustAuthenticate.DeliveryError(clear, dane.ErrNoTLS), "4.7.4"},
		{"a host that is skipped", new(dane.Host).DeliveryError(over, dane.ErrSkipped), "4.4.4"},
		{"its own error", mustAuthenticate.DeliveryError(over, firstHost(t, v, "bogustlsa.example").Err), "4.7.5"},
	} {
		got := dane.Classify(tt.err)
		if e, ok := errors.AsType[*dane.Error](tt.err); got.Code != tt.want || (tt.err != nil) != ok || got.Permanent != strings.HasPrefix(tt.want, "5") || strings.Contains(got.Text, "\n") ||
			!strings.Contains(tt.name, "then") && ok && e.Permanent != got.Permanent {
			t.Errorf("%s: %v: %+v, want %s", tt.name, tt.err, got, tt.want)
		}
	}
}
