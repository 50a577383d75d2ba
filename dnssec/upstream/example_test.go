package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// listen starts a DNS with a signed root on the loopback address. What tamper does
// to replies, a server on the way may do.
func listen(tamper func(dns.Question, *dns.Msg)) (internet *dnssectest.Internet, address string) {
	internet = dnssectest.NewInternet(
		dnssectest.Zone{Name: "signed.example.", Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "unsigned.example.", Unsigned: true, Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "broken.example.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.BadSignature}},
	)
	internet.Tamper = tamper
	address, err := internet.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return internet, address
}

// strip is what container and router stubs do.
func strip(_ dns.Question, reply *dns.Msg) {
	for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
		var kept []dns.RR
		for _, rr := range *section {
			switch rr.Header().Rrtype {
			case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
			default:
				kept = append(kept, rr)
			}
		}
		*section = kept
	}
}

func ExampleServers() {
	stub, stubAddress := listen(strip)
	defer stub.Close()
	internet, address := listen(nil)
	defer internet.Close()

	// In order of priority; the port is 53 unless there is another one.
	servers, err := upstream.Servers(stubAddress, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	resolver := &dnssec.Resolver{Exchanger: servers, Anchors: internet.Anchors()}
	answer, err := resolver.Lookup(context.Background(), "signed.example", dns.TypeMX)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, "by the second server:", answer.Exchanges()[0].Server == address)
	// Output: secure by the second server: true
}

func ExampleServers_addresses() {
	_, err := upstream.Servers("192.0.2.1", "dns.example")
	fmt.Println(err)
	// Output: upstream: address "dns.example": want an IP address, with or without a port
}

func ExampleClient() {
	internet, address := listen(nil)
	defer internet.Close()

	msg := new(dns.Msg)
	msg.SetQuestion("signed.example.", dns.TypeMX)
	client := &upstream.Client{Address: address}
	reply, err := client.Exchange(context.Background(), &upstream.Query{Msg: msg})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Network, len(reply.Msg.Answer), reply.Server == address)
	// Output: udp 1 true
}

func ExamplePool() {
	internet, address := listen(nil)
	defer internet.Close()

	// Servers makes one like this. Any Exchanger can be in it, with settings of its own.
	pool := &upstream.Pool{Exchangers: []upstream.Exchanger{
		&upstream.Client{Address: "tcp://" + address},
		internet,
	}}
	msg := new(dns.Msg)
	msg.SetQuestion("signed.example.", dns.TypeMX)
	msg.SetEdns0(1232, true)
	reply, err := pool.Exchange(context.Background(), &upstream.Query{Msg: msg})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Network)

	// Had it not validated, another server could be asked.
	reply, err = pool.Exchange(context.Background(), &upstream.Query{Msg: msg, Avoid: []string{reply.Server}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Server)
	// Output:
	// tcp
	// internet
}

func ExampleProbe() {
	stub, address := listen(strip)
	defer stub.Close()

	capability := upstream.Probe(context.Background(), &upstream.Client{Address: address}, ".")
	fmt.Println(capability.Capable())
	for _, cause := range capability.Causes {
		fmt.Println(cause)
	}
	// Output:
	// false
	// drops DNSSEC records; common for container and router stubs
	// drops the proofs that a name does not exist
}

func ExampleCapabilityError() {
	stub, address := listen(strip)
	defer stub.Close()

	servers, err := upstream.Servers(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	resolver := &dnssec.Resolver{Exchanger: servers, Anchors: stub.Anchors()}
	_, err = resolver.Lookup(context.Background(), "signed.example", dns.TypeMX)
	if incapable, ok := errors.AsType[*upstream.CapabilityError](err); ok {
		for _, server := range incapable.Servers {
			fmt.Println(strings.Replace(server.Server, address, "the only server", 1), server)
		}
	}
	// Output: the only server drops DNSSEC records; common for container and router stubs; drops the proofs that a name does not exist
}

// The zero dnssec.Resolver has an Auto. This example has no output, which would
// depend on the machine.
func ExampleAuto() {
	resolver := &dnssec.Resolver{Exchanger: &upstream.Auto{}}
	answer, err := resolver.Lookup(context.Background(), "example.org", dns.TypeMX)
	fmt.Println(answer.Authenticated(), err)
}
