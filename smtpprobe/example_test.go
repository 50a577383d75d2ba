package smtpprobe_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func ExampleProber_Probe() {
	server := smtptest.NewServer()
	defer server.Close()

	var p smtpprobe.Prober
	result, err := p.Probe(context.Background(), server.Addr, server.ClientTLS())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Greeting)
	fmt.Println(result.Extensions)
	fmt.Println(smtpprobe.ProtocolName(result.TLS.Version), result.TLS.PeerCertificates[0].DNSNames)
	// Output:
	// 220 mail.example ESMTP
	// [8BITMIME ENHANCEDSTATUSCODES SIZE 16777216 STARTTLS]
	// TLSv1.3 [mail.example]
}

// The error says at which stage the probe ended, and the Result has what was seen
// until then.
func ExampleError() {
	server := smtptest.NewUnstartedServer()
	server.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtStartTLS: smtptest.Temporary}
	defer server.Close()

	p := smtpprobe.Prober{Dial: server.Dial, Hello: "client.example"}
	result, err := p.Probe(context.Background(), "192.0.2.25:25", server.ClientTLS())
	if e, ok := errors.AsType[*smtpprobe.Error](err); ok {
		fmt.Println(e.Stage, e.Reply.Code)
	}
	fmt.Println(err)
	fmt.Print(result)
	// Output:
	// starttls 454
	// smtpprobe: 192.0.2.25:25: starttls: 454 4.7.0 Not now
	// S: 220 mail.example ESMTP
	// C: EHLO client.example
	// S: 250-mail.example
	// S: 250-8BITMIME
	// S: 250-ENHANCEDSTATUSCODES
	// S: 250-SIZE 16777216
	// S: 250 STARTTLS
	// C: STARTTLS
	// S: 454 4.7.0 Not now
	// C: QUIT
	// S: 221 2.0.0 Bye
}

func ExampleCipherName() {
	fmt.Println(smtpprobe.ProtocolName(0x0303), smtpprobe.CipherName(0xc030))
	// Output: TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384
}
