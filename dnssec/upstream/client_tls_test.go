package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	always := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	name := certify(t, "dns.example", always)
	ip := certify(t, "127.0.0.1", always)
	expired := certify(t, "dns.example", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		about  string
		server certificate
		as     string // the part of the address after "#"
		change func(server, base *tls.Config)
		err    string // in its text; empty means a reply
	}{
		{about: "the right name", server: name, as: "#dns.example"},
		{about: "another name", server: name, as: "#other.example", err: "certificate is valid for dns.example, not other.example"},
		{about: "the IP address", server: ip},
		{about: "no IP address in the certificate", server: name, err: "cannot validate certificate for 127.0.0.1"},
		{about: "the right pin", server: name, as: "#" + name.pin},
		{about: "the second of two pins", server: name, as: "#" + ip.pin + "," + name.pin},
		{about: "the pin of another key", server: name, as: "#" + ip.pin, err: "certificate does not match the pin: its key is " + name.pin},
		{about: "the dates of a pinned key do not count", server: expired, as: "#" + expired.pin},
		{about: "a certificate that has expired", server: expired, as: "#dns.example", err: "expired"},
		{about: "an authority that nobody knows", server: name, as: "#dns.example",
			change: func(_, base *tls.Config) { base.RootCAs = ip.roots }, err: "certificate signed by unknown authority"},
		{about: "an old version", server: name, as: "#dns.example",
			change: func(server, base *tls.Config) {
				server.MinVersion, server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
				base.MinVersion = tls.VersionTLS10
			}, err: "protocol version"},
		{about: "TLS 1.2", server: name, as: "#dns.example", change: func(server, _ *tls.Config) { server.MaxVersion = tls.VersionTLS12 }},
		{about: "a base that wants no verification", server: name, as: "#other.example",
			change: func(_, base *tls.Config) { base.InsecureSkipVerify = true }, err: "not other.example"},
		{about: "a base with another name", server: name, as: "#dns.example",
			change: func(_, base *tls.Config) { base.ServerName = "other.example" }},
		{about: "a hook of the base", server: name, as: "#" + name.pin,
			change: func(_, base *tls.Config) {
				base.VerifyConnection = func(tls.ConnectionState) error { return errors.New("the hook says no") }
			}, err: "the hook says no"},
		{about: "a server that speaks something else", server: name, as: "#dns.example",
			change: func(server, _ *tls.Config) { server.NextProtos = []string{"h3"} }, err: "no application protocol"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			t.Parallel()
			server, base := &tls.Config{Certificates: []tls.Certificate{tt.server.Certificate}}, &tls.Config{RootCAs: tt.server.roots}
			if tt.change != nil {
				tt.change(server, base)
			}
			before := base.Clone()
			address, _, _ := serveTLS(t, server, good)
			client := &Client{Address: "tls://" + address + tt.as, TLS: base}
			defer client.CloseIdleConnections()
			reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if base.InsecureSkipVerify != before.InsecureSkipVerify || base.ServerName != before.ServerName || base.MinVersion != before.MinVersion {
				t.Error("the base was changed")
			}
			if tt.err == "" {
				wantAnswer(t, reply, err, client.String()+" tls")
				return
			}
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Server != client.String() || e.Network != "tls" || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, %v; want an error with %q", reply, err, tt.err)
			}
		})
	}
}

func TestTLSConnectionsAreReusedAndResumed(t *testing.T) {
	t.Parallel()
	cert := certify(t, "dns.example", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	padding := func(network string, query *dns.Msg) [][]byte {
		if wire, err := query.Pack(); err != nil || len(wire)%paddingBlock != 0 {
			t.Errorf("a query of %d octets, %v", len(wire), err)
		}
		reply := resolve(query)
		setPadding(reply, 77)
		return [][]byte{pack(network, query, reply)}
	}
	for _, as := range []string{"dns.example", cert.pin} {
		var dials atomic.Int32
		address, queries, resumed := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}, padding)
		client := &Client{Address: "tls://" + address + "#" + as, TLS: &tls.Config{RootCAs: cert.roots}}
		client.Dial = counted(new(net.Dialer).DialContext, nil, &dials)
		for range 2 {
			for range 3 {
				reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
				wantAnswer(t, reply, err, client.String()+" tls")
				if opt := reply.Msg.IsEdns0(); len(opt.Option) != 0 {
					t.Errorf("the padding is there: %v", opt)
				}
			}
			client.CloseIdleConnections()
		}
		if dials.Load() != 2 || queries.Load() != 6 || resumed.Load() != 3 {
			t.Errorf("%s: %d connections, %d queries, %d of them over one that was resumed", as, dials.Load(), queries.Load(), resumed.Load())
		}
	}
}

// TLS in a bubble: the idle connection is closed, and nothing is left.
func TestTLSConnectionsClose(t *testing.T) {
	t.Parallel()
	cert := certify(t, "192.0.2.1", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Hour) // into the validity of the certificate
			var server sync.WaitGroup
			client := &Client{Address: "tls://192.0.2.1", TLS: &tls.Config{RootCAs: cert.roots},
				Dial: func(_ context.Context, network, address string) (net.Conn, error) {
					near, far := net.Pipe()
					if network != "tcp" || address != "192.0.2.1:853" {
						t.Errorf("dialled %s %s", network, address)
					}
					server.Go(func() {
						defer far.Close()
						if silent {
							io.Copy(io.Discard, far)
							return
						}
						secure := tls.Server(far, &tls.Config{
							Certificates: []tls.Certificate{cert.Certificate},
							// They are sent while the client sends, for which a pipe has no room.
							SessionTicketsDisabled: true,
						})
						if query, err := read("tcp", secure); err == nil {
							packet := good("tcp", query)[0]
							secure.Write(append([]byte{byte(len(packet) >> 8), byte(len(packet))}, packet...))
						}
						start := time.Now()
						if _, err := secure.Read(make([]byte, 1)); err != io.EOF || time.Since(start) != idleTimeout {
							t.Errorf("%v after %s, want a polite end", err, time.Since(start))
						}
					})
					return near, nil
				}}
			start := time.Now()
			_, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if silent != errors.Is(err, context.DeadlineExceeded) || silent != (time.Since(start) == defaultTimeout) {
				t.Errorf("got %v after %s", err, time.Since(start))
			}
			server.Wait()
		})
	}
}

func TestPadding(t *testing.T) {
	t.Parallel()
	for _, edns := range []bool{true, false} {
		for length := 1; length < 250; length++ {
			labels := strings.Repeat("a.", length/2) + strings.Repeat("b", length%2) // any length
			msg := plain(dns.Fqdn(labels), dns.TypeA)
			if edns {
				msg = question(dns.Fqdn(labels), dns.TypeA)
				setPadding(msg, 77) // not ours
			}
			m, err := newMessage(msg)
			if err != nil {
				t.Fatal(err)
			}
			padded, err := m.padded()
			if err != nil || edns && len(padded.wire)%paddingBlock != 0 || len(padded.wire) > len(m.wire)+paddingBlock+3 {
				t.Fatalf("EDNS %t: %d octets of %d, %v", edns, len(padded.wire), len(m.wire), err)
			}
			if !edns && !bytes.Equal(padded.wire[2:], m.wire[2:]) {
				t.Fatalf("%v was changed", msg)
			}
		}
	}
}

func setPadding(msg *dns.Msg, n int) {
	opt := msg.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_PADDING{Padding: make([]byte, n)})
}
