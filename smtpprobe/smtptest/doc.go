// Package smtptest is a mail server with STARTTLS for tests of programs that
// deliver mail or look at mail servers, in the style of net/http/httptest.
//
//	server := smtptest.NewServer() // or with certificates of one's own
//	defer server.Close()
//	client, err := smtp.Dial(server.Addr)
//	err = client.StartTLS(server.ClientTLS())
//
// It takes mail and keeps it. [Server.Sessions] tells what clients said, which
// server name they asked for, and which TLS they got; [Server.Messages] has the mail.
//
// # Breaking things
//
// [Server.Faults] makes the server hang, close, refuse, or talk too much, at any
// [Stage] of the session. [Server.Replies] replaces its words, [Server.Delays] holds them
// back. [Server.NoStartTLS] hides STARTTLS, and [Server.TLS] sets versions and whatever
// else crypto/tls can do. All are set before the server is used:
//
//	server := smtptest.NewUnstartedServer()
//	server.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtStartTLS: smtptest.Temporary}
//	server.Start()
//
// A server that is busy once, and then well, is two of them, and a dial function of the test's own
// that connects to the first once and then to the second.
//
// # Certificates
//
// Without any, [NewServer] makes a self-signed one for mail.example. [Server.ByName] has
// certificates for single server names (SNI); what they certify need not be that
// name.
//
// # In memory
//
// [Server.Dial] connects to the server without the network. It fits into the Dial
// field of smtpprobe.Prober, and works in a testing/synctest bubble, where minutes
// of timeout take no time. A server that is used in a bubble has to be made there,
// so that its certificate agrees with the bubble's clock. The connection buffers, and
// ends, as one of TCP does: a client that takes leave of TLS when the server has closed
// already sees no error.
//
// [Server.ServeConn] serves a connection that comes from elsewhere. A [net.Pipe] is not
// like TCP: two sides that both write wait for each other, and a write to a side that
// has closed fails.
//
// # What it does not do
//
// It has no authentication, no pipelining and no delivery. Commands are as in
// RFC 5321; it is lenient with their arguments, and strict about the order. Plaintext
// that a client sends after STARTTLS ends the session (RFC 3207 §4.2).
package smtptest
