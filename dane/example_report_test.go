package dane_test

import (
	"context"
	"fmt"
	"net/smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

// Hooks get all that belongs into TLS reports (RFC 8460): of connections, of hosts that are
// skipped, and of domains whose lookup failed.
func ExampleHost_Report() {
	report := func(r dane.Report) {
		fmt.Printf("%s %s passed: %t, failure: %q %q\n", r.Policy.Type, r.Policy.Domain, r.Passed, r.Failure.ResultType, r.Failure.Reason)
	}
	ctx := dane.WithTrace(context.Background(), &dane.Trace{
		Attempt: func(h *dane.Host, a dane.Attempt) { report(h.Report(a)) },
		Host: func(h *dane.Host) {
			if h.Action == dane.Skip {
				report(h.Report(dane.Attempt{}))
			}
		},
		Domain: func(d *dane.Domain, err error) {
			if err != nil {
				report(d.Report(err))
			}
		},
	})
	internet := danetest.NewInternet()
	defer internet.Close()
	for _, domain := range []string{"good.example", "backup.example", "nodane.example", "unusable.example", "nostarttls.example", "bogustlsa.example", "bogus.example"} {
		deliver(ctx, internet.Verifier(), domain, func(client *smtp.Client) error {
			return sendMessage(client, "postmaster@"+domain)
		})
	}
	// Output:
	// tlsa mail.good.example passed: true, failure: "" ""
	// tlsa mail.backup.example passed: false, failure: "certificate-not-trusted" "no certificate matches"
	// tlsa backup.backup.example passed: true, failure: "" ""
	// no-policy-found nodane.example passed: true, failure: "" ""
	// tlsa mail.unusable.example passed: true, failure: "tlsa-invalid" "no usable record"
	// tlsa mail.nostarttls.example passed: false, failure: "starttls-not-supported" ""
	// tlsa mail.bogustlsa.example passed: false, failure: "dnssec-invalid" "DNSSEC Bogus"
	// tlsa bogus.example passed: false, failure: "dnssec-invalid" "Signature Expired"
}
