package explanation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/explanation"
)

// Why is mail to a domain not delivered? The chain of trust ends at a signature.
func ExampleDomain() {
	internet := danetest.NewInternet()
	defer internet.Close()
	checker := internet.Checker()
	checker.ChainRecords = true
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	result, err := checker.Verify(ctx, "bogustlsa.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	e := explanation.Domain(result, explanation.Options{})
	var show func(zones []*explanation.Zone)
	show = func(zones []*explanation.Zone) {
		for _, z := range zones {
			for _, s := range z.Answers {
				fmt.Println(z.Name, "has signed", s.Name, s.Type)
			}
			for _, end := range z.Ends {
				fmt.Println(z.Name, "has not:", end.Name, end.Type, "is", end.Status, "-", end.Reason.Text)
			}
			show(z.Zones)
		}
	}
	show(e.Zones)
	// Output:
	// bogustlsa.example. has signed bogustlsa.example. MX
	// bogustlsa.example. has signed mail.bogustlsa.example. A
	// bogustlsa.example. has signed mail.bogustlsa.example. AAAA
	// bogustlsa.example. has not: _25._tcp.mail.bogustlsa.example. TLSA is bogus - signature does not verify
}
