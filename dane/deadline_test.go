package dane_test

import (
	"context"
	"errors"
	"net/smtp"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// Two hosts that hang do not take the time of the third, whatever the deadline is.
func TestHostsThatHang(t *testing.T) {
	t.Parallel()
	hangs := failing(smtptest.AtGreeting, smtptest.Hang)
	for _, limit := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mx1", Server: hangs}, {Name: "mx2", Server: hangs}, {Name: "mx3"}}})
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := deliver(ctx, internet.Verifier(), "a.example", func(client *smtp.Client) error { return sendMessage(client, "you@a.example") })
			if got := len(internet.Servers["mx3.a.example"].Messages()); err != nil || got != 1 {
				t.Errorf("%v: %d messages, %v", limit, got, err)
			}
		})
	}
}

// An attempt that takes too long is not the end of the caller's context, unless it is.
func TestWhoseDeadline(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{0, time.Minute, time.Hour} {
		for _, step := range []smtptest.Stage{smtptest.AtGreeting, smtptest.AtHello, smtptest.AtStartTLS, smtptest.AtHandshake, smtptest.AtHelloTLS} {
			synctest.Test(t, func(t *testing.T) {
				internet := danetest.New(t, oneHost("3 1 1", failing(step, smtptest.Hang)))
				v, ctx := internet.Verifier(), t.Context()
				h := firstHost(t, v, "a.example")
				if limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, limit)
					defer cancel()
				}
				_, err := v.Connect(ctx, h)
				text := os.ErrDeadlineExceeded.Error()
				if ctx.Err() != nil {
					text = context.DeadlineExceeded.Error()
				}
				if own := errors.Is(err, context.DeadlineExceeded); own != (ctx.Err() != nil) || own == errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), text) || !isA[*smtpprobe.Error](err) {
					t.Errorf("%s, after %v: %v", step, limit, err)
				}
			})
		}
	}
}

// After the end of the context nobody is asked, and no name server is blamed for it.
func TestLookupsAfterTheEnd(t *testing.T) {
	t.Parallel()
	v := danetest.New(t).Verifier()
	d, err := v.LookupMX(t.Context(), "good.example")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, failed := v.LookupMX(ctx, "nodane.example")
	for _, err := range []error{failed, v.LookupHost(ctx, d, d.MX[0]).Err} {
		f := dane.Classify(err)
		if !errors.Is(err, context.Canceled) || f.Code != "4.4.3" || f.Reason != "" || f.ResultType != "" || !strings.HasSuffix(f.Text, "lookup failed: context canceled") {
			t.Errorf("%v: %+v", err, f)
		}
	}
}
