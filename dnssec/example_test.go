package dnssec_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func ExampleResolver() {
	world := dnssectest.NewInternet(
		dnssectest.Zone{Name: "signed.example.", Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "unsigned.example.", Unsigned: true, Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "broken.example.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.BadSignature}},
	)
	// The zero Resolver asks the system's DNS servers and trusts the root's keys.
	resolver := &dnssec.Resolver{Exchanger: world, Anchors: world.Anchors()}
	for _, name := range []string{"signed.example", "unsigned.example", "broken.example"} {
		answer, err := resolver.Lookup(context.Background(), name, dns.TypeMX)
		if e, ok := errors.AsType[*dnssec.Error](err); ok {
			fmt.Println(name, e.Status, "-", e.Reason.Code)
			continue
		}
		fmt.Println(name, answer.Status, len(answer.Records), "found,", len(answer.Authenticated()), "authenticated")
	}
	// Output:
	// signed.example secure 1 found, 1 authenticated
	// unsigned.example insecure 1 found, 0 authenticated
	// broken.example bogus - DNSSEC Bogus
}

func ExampleResolver_Lookup_aliases() {
	world := dnssectest.NewInternet(
		dnssectest.Zone{Name: "example.", Records: "www CNAME host.test."},
		dnssectest.Zone{Name: "test.", Unsigned: true, Records: "host A 192.0.2.1"},
	)
	answer, err := world.Resolver().Lookup(context.Background(), "www.example", dns.TypeA)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, alias := range answer.Aliases {
		fmt.Println(alias.Name, "→", alias.Target, alias.Status)
	}
	fmt.Println(answer.Name, answer.Status)
	// Output:
	// www.example. → host.test. secure
	// host.test. insecure
}

func ExampleWithBudget() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail"})
	// All lookups with this context share the work that two lookups may do.
	ctx := dnssec.WithBudget(context.Background(), 2)
	_, err := world.Resolver().Lookup(ctx, "example", dns.TypeMX)
	fmt.Println(err)
	// Output: <nil>
}

// The addresses of the mail servers are on their way before it is known whether the MX
// records are genuine, which is what the error of the first lookup is about.
func ExampleWithAhead() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail\nmail A 192.0.2.25"})
	resolver := world.Resolver()
	ctx := dnssec.WithAhead(context.Background(), func(reply *dns.Msg) []dns.Question {
		var next []dns.Question
		for _, rr := range reply.Answer {
			if mx, ok := rr.(*dns.MX); ok {
				next = append(next, dns.Question{Name: mx.Mx, Qtype: dns.TypeA, Qclass: dns.ClassINET})
			}
		}
		return next
	})
	hosts, err := resolver.Lookup(ctx, "example", dns.TypeMX)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rr := range hosts.Records {
		addresses, err := resolver.Lookup(ctx, rr.(*dns.MX).Mx, dns.TypeA)
		fmt.Println(addresses.Name, addresses.Records[0].(*dns.A).A, addresses.Status, err)
	}
	// Output: mail.example. 192.0.2.25 secure <nil>
}
