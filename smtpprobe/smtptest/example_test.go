package smtptest_test

import (
	"context"
	"fmt"
	"net/smtp"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func ExampleServer() {
	server := smtptest.NewServer()
	defer server.Close()

	client, err := smtp.Dial(server.Addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.StartTLS(server.ClientTLS()); err != nil {
		fmt.Println(err)
		return
	}
	client.Mail("alice@example.org")
	client.Rcpt("bob@mail.example")
	w, err := client.Data()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(w, "Subject: hello\r\n\r\nHello\r\n")
	w.Close()
	client.Quit()

	for _, m := range server.Messages() {
		fmt.Printf("from %s to %v, over TLS: %t\n%q\n", m.From, m.To, m.TLS, m.Data)
	}
	// Output:
	// from alice@example.org to [bob@mail.example], over TLS: true
	// "Subject: hello\r\n\r\nHello\r\n"
}

func ExampleServer_Dial() {
	server := smtptest.NewUnstartedServer()
	server.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "220 mx.example ready"}
	defer server.Close()

	conn, err := server.Dial(context.Background(), "tcp", "192.0.2.25:25")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	line := make([]byte, 80)
	n, _ := conn.Read(line)
	fmt.Printf("%v: %s", conn.RemoteAddr(), line[:n])
	// Output: 192.0.2.25:25: 220 mx.example ready
}

// A mail server that wants to be told later.
func ExampleNewUnstartedServer() {
	server := smtptest.NewUnstartedServer()
	server.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtMail: smtptest.Temporary}
	server.Start()
	defer server.Close()

	client, err := smtp.Dial(server.Addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Mail("alice@example.org") != nil, len(server.Messages()))
	fmt.Println(server.Sessions()[0].Commands)
	// Output:
	// true 0
	// [EHLO localhost MAIL FROM:<alice@example.org> BODY=8BITMIME]
}
