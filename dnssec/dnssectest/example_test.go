package dnssectest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func ExampleInternet() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: `
		@             MX 10 mail
		mail          A  192.0.2.25
		_25._tcp.mail TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000`})
	defer world.Close()
	answer, err := world.Resolver().Lookup(context.Background(), "_25._tcp.mail.example", dns.TypeTLSA)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, len(answer.Records))
	// Output: secure 1
}

// The world can be reached by any DNS client, too.
func ExampleInternet_Listen() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail"})
	defer world.Close()
	address, err := world.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	query := new(dns.Msg).SetQuestion("example.", dns.TypeMX)
	reply, err := dns.Exchange(query, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Answer[0].(*dns.MX).Mx)
	// Output: mail.example.
}

// The same world, resolved from its root servers down.
func ExampleInternet_Recursor() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail"})
	resolver := &dnssec.Resolver{Exchanger: world.Recursor(), Anchors: world.Anchors()}
	answer, err := resolver.Lookup(context.Background(), "example", dns.TypeMX)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range answer.Exchanges() {
		fmt.Println(e.Server, e.Name, dns.Type(e.Type))
	}
	// Output:
	// 198.18.0.2:53 example. MX
	// 198.18.0.1:53 by referral example. DS
	// 198.18.0.1:53 . DNSKEY
	// 198.18.0.2:53 example. DNSKEY
}

func TestListenTruncatesAndStrips(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail"})
	address, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(client *dns.Client, do bool) *dns.Msg {
		t.Helper()
		query := new(dns.Msg).SetQuestion("example.", dns.TypeDNSKEY)
		query.SetEdns0(512, do)
		if !do {
			query.SetQuestion("no.example.", dns.TypeA)
		}
		reply, _, err := client.ExchangeContext(t.Context(), query, address)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	if reply := exchange(&dns.Client{Net: "tcp"}, true); reply.Truncated || len(reply.Answer) != 2 {
		t.Errorf("TCP with DO: %v", reply)
	}
	for _, rr := range exchange(&dns.Client{}, false).Ns {
		if rr.Header().Rrtype != dns.TypeSOA {
			t.Errorf("without DO: %v", rr)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	t.Parallel()
	for label, zone := range map[string]dnssectest.Zone{
		"a record that is none":          {Name: "example.", Records: "@ MX ten mail"},
		"a name that is none":            {Name: "a..b."},
		"a record outside the zone":      {Name: "example.", Records: "www.test. A 192.0.2.1"},
		"a fault without type":           {Name: "example.", Faults: map[string]dnssectest.Fault{"@": dnssectest.Expired}},
		"a fault of an unknown type":     {Name: "example.", Faults: map[string]dnssectest.Fault{"@ NONE-SUCH": dnssectest.Expired}},
		"a zone's fault for one RRset":   {Name: "example.", Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.WrongDS}},
		"a fault of an unknown RRset":    {Name: "example.", Faults: map[string]dnssectest.Fault{"www MX": dnssectest.Expired}},
		"an algorithm that is not known": {Name: "example.", Algorithm: 99},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", label)
				}
			}()
			dnssectest.NewInternet(zone).Anchors()
		}()
	}
}
