package dane_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
)

func ExampleVerify() {
	// The zero Verifier uses the system's DNS servers and the root's keys. It
	// refuses names that are none before it asks anybody.
	_, err := dane.Verify(context.Background(), "not a domain")
	fmt.Println(errors.Is(err, dane.ErrName))
	// Output: true
}

func ExampleChecker_Verify() {
	internet := danetest.NewInternet() // see ExampleVerify for the real one
	defer internet.Close()
	result, err := internet.Checker().Verify(context.Background(), "bogus.example")
	if err != nil {
		fmt.Println(err) // nothing is known about the domain
		return
	}
	fmt.Print(result)
	fmt.Println(result.Outcome, result.Failure().Code, result.Failure().ResultType)
	fmt.Println(result.Lookups()[0].Reason.Code)
	// Output:
	// BOGUS MX record found for bogus.example
	// DANE FAILED for bogus.example
	// DANE verification completed.
	// failure 4.7.5 dnssec-invalid
	// Signature Expired
}

func ExampleResult_MarshalJSON() {
	internet := danetest.NewInternet()
	defer internet.Close()
	result, _ := internet.Checker().Verify(context.Background(), "good.example")
	text, _ := json.Marshal(result)
	var decoded struct {
		Domain, Outcome string
		Lookups         []struct{ Name, Type, Status string }
	}
	fmt.Println(json.Unmarshal(text, &decoded), decoded.Domain, decoded.Outcome)
	for _, l := range decoded.Lookups {
		fmt.Println(l.Name, l.Type, l.Status)
	}
	// Output:
	// <nil> good.example success
	// good.example MX secure
	// mail.good.example A secure
	// mail.good.example AAAA secure
	// _25._tcp.mail.good.example TLSA secure
}

// fake is a resolver for unit tests: what is not in it does not exist.
type fake map[string][]dns.RR

func (f fake) Lookup(_ context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	answer := &dnssec.Answer{Name: name, Type: qtype, Status: dnssec.Secure, RCode: dns.RcodeSuccess}
	answer.Records = f[name+" "+dns.TypeToString[qtype]]
	return answer, nil
}

func ExampleResolver() {
	v := &dane.Verifier{Resolver: fake{
		"example. MX":                 {&dns.MX{Preference: 10, Mx: "mail.example."}},
		"mail.example. A":             {&dns.A{A: []byte{192, 0, 2, 25}}},
		"_25._tcp.mail.example. TLSA": {&dns.TLSA{Usage: 3, Selector: 1, MatchingType: 1, Certificate: hex.EncodeToString(make([]byte, 32))}},
	}}
	d, err := v.LookupMX(context.Background(), "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	h := v.LookupHost(context.Background(), d, d.MX[0])
	fmt.Println(h.Name, h.Action, h.Addrs, "cleartext:", h.MayCleartext())
	// Output: mail.example must-authenticate [192.0.2.25] cleartext: false
}
