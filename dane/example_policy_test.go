package dane_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

func ExampleReadPolicy() {
	policy, err := dane.ReadPolicy(strings.NewReader(`{
		"default": {"dane": "opportunistic", "tls": "preferred"},
		"destinations": {"nodane.example": {"dane": "mandatory"}, "unsigned.example": {"tls": "required"}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	internet := danetest.NewInternet()
	defer internet.Close()
	v := internet.Verifier()
	v.Policy = policy
	for _, domain := range []string{"good.example", "nodane.example", "unsigned.example"} {
		d, _ := v.LookupMX(context.Background(), domain)
		h := v.LookupHost(context.Background(), d, d.MX[0])
		fmt.Printf("%s %s %q\n", domain, h.Action, h.Classify(h.Err).Code)
	}
	// Output:
	// good.example must-authenticate ""
	// nodane.example skip "4.7.5"
	// unsigned.example must-encrypt ""
}

func ExampleNewPolicy() {
	_, err := dane.NewPolicy(dane.Profile{}, map[string]dane.Profile{"example.org": {TLS: dane.TLSNone}})
	fmt.Println(err)
	// Output: dane: wrong policy: example.org: DANE without TLS
}

func ExampleWithTrace() {
	internet := danetest.NewInternet()
	defer internet.Close()
	ctx := dane.WithTrace(context.Background(), &dane.Trace{
		Host: func(h *dane.Host) { fmt.Println(h.Name, h.Action) },
	})
	internet.Checker().Verify(ctx, "backup.example")
	// Output:
	// mail.backup.example must-authenticate
	// backup.backup.example must-authenticate
}

func ExampleLogTrace() {
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}))
	internet := danetest.NewInternet()
	defer internet.Close()
	internet.Checker().Verify(dane.WithTrace(context.Background(), dane.LogTrace(log)), "nodane.example")
	// Output: level=INFO msg="DANE none" domain=nodane.example outcome=none code=""
}
