package upstream_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// serveEncrypted serves a DNS over TLS and over HTTPS on the loopback address. The
// configuration is that of a client who knows the authority; the certificate is for
// example.com.
func serveEncrypted() (address, url string, config *tls.Config, done func()) {
	internet := dnssectest.NewInternet(dnssectest.Zone{Name: "signed.example.", Records: "@ MX 10 mail"})
	answer := func(query *dns.Msg) *dns.Msg {
		reply, err := internet.Exchange(context.Background(), &upstream.Query{Msg: query})
		if err != nil {
			return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
		}
		reply.Msg.Id = query.Id
		return reply.Msg
	}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		query := new(dns.Msg)
		if err := query.Unpack(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		wire, _ := answer(query).Pack()
		w.Header().Set("Content-Type", "application/dns-message")
		w.Write(wire)
	}))
	web.EnableHTTP2 = true
	web.StartTLS()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &dns.Server{
		Listener: tls.NewListener(listener, &tls.Config{Certificates: web.TLS.Certificates}),
		Handler:  dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) { w.WriteMsg(answer(query)) }),
	}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go server.ActivateAndServe() // ends with done
	<-started
	config = web.Client().Transport.(*http.Transport).TLSClientConfig
	return listener.Addr().String(), web.URL, config, func() { server.Shutdown(); web.Close() }
}

// DNS over TLS: the certificate has to be for the name behind "#".
func ExampleClient_tls() {
	address, _, config, done := serveEncrypted()
	defer done()

	msg := new(dns.Msg)
	msg.SetQuestion("signed.example.", dns.TypeMX)
	for _, name := range []string{"example.com", "example.net"} {
		client := &upstream.Client{Address: "tls://" + address + "#" + name, TLS: config}
		reply, err := client.Exchange(context.Background(), &upstream.Query{Msg: msg})
		client.CloseIdleConnections()
		if err != nil {
			fmt.Println("not", name)
			continue
		}
		fmt.Println(reply.Network, len(reply.Msg.Answer))
	}
	// Output:
	// tls 1
	// not example.net
}

// DNS over HTTPS. Without a TLS configuration of its own, a Client has the roots of
// the system.
func ExampleClient_https() {
	_, url, config, done := serveEncrypted()
	defer done()

	msg := new(dns.Msg)
	msg.SetQuestion("signed.example.", dns.TypeMX)
	client := &upstream.Client{Address: url + "/dns-query", TLS: config}
	defer client.CloseIdleConnections()
	reply, err := client.Exchange(context.Background(), &upstream.Query{Msg: msg})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Network, len(reply.Msg.Answer), reply.Server == client.String())
	// Output: https 1 true
}
