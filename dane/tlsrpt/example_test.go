package tlsrpt_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A delivery attempt, and what tlsrpt-reporter gets of it.
func ExampleReporter_Begin() {
	internet := danetest.NewInternet(danetest.Domain{ // in production: the network
		Name: "old.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1 0011223344556677889900112233445566778899001122334455667788990011"}}},
		Zone: dnssectest.Zone{Records: `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@old.example"`},
	})
	defer internet.Close()
	socket, collector := listen() // in production: tlsrpt-reporter
	defer collector.Close()

	v := internet.Verifier()
	reporter := &tlsrpt.Reporter{Socket: socket, Verifier: v}

	ctx, delivery := reporter.Begin(context.Background())
	d, err := v.LookupMX(ctx, "old.example")
	if err != nil {
		fmt.Println(err)
	}
	for _, mx := range d.MX {
		conn, err := v.Connect(ctx, v.LookupHost(ctx, d, mx))
		if err != nil {
			fmt.Println("the message stays queued")
			continue
		}
		defer conn.Close() // and here it would be sent
	}
	if err := delivery.Send(ctx); err != nil {
		fmt.Println(err)
	}

	payload := make([]byte, 1<<16)
	n, _ := collector.Read(payload)
	fmt.Println(string(payload[:n]))
	// Output:
	// the message stays queued
	// {"dpv":"1","d":"old.example","pr":"v=TLSRPTv1; rua=mailto:tls@old.example","policies":[{"policy-type":1,"policy-domain":"mail.old.example","policy-string":["3 1 1 0011223344556677889900112233445566778899001122334455667788990011"],"failure-details":[{"c":203,"f":"no certificate matches","h":"mail.old.example","n":"mail.old.example","r":"192.0.2.1","s":"127.0.0.1"}],"t":1,"f":1}]}
}

// listen plays the collector.
func listen() (socket string, collector *net.UnixConn) {
	dir, err := os.MkdirTemp("", "tlsrpt")
	if err != nil {
		panic(err)
	}
	socket = filepath.Join(dir, "socket")
	if collector, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket}); err != nil {
		panic(err)
	}
	return socket, collector
}
