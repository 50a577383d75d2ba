package upstream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A certificate is a server's, from a CA that nobody else knows.
type certificate struct {
	tls.Certificate
	roots *x509.CertPool
	pin   string // as in addresses
}

// certify makes a certificate for a host name or an IP address.
func certify(t *testing.T, name string, until time.Time) certificate {
	t.Helper()
	make := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, signer = template, key
		}
		template.SerialNumber = big.NewInt(1)
		template.NotBefore = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	ca, signer := make(&x509.Certificate{
		NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true,
	}, nil, nil)
	template := &x509.Certificate{NotAfter: until, DNSNames: []string{name}}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	leaf, key := make(template, ca, signer)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	digest := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return certificate{
		Certificate: tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key},
		roots:       roots, pin: pinPrefix + base64.StdEncoding.EncodeToString(digest[:]),
	}
}

// serveTLS runs a server on real sockets of the loopback address, and counts the
// connections and those of them that were resumed.
func serveTLS(t *testing.T, config *tls.Config, serve behaviour) (address string, conns, resumed *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conns, resumed = new(atomic.Int32), new(atomic.Int32)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				secure := tls.Server(conn, config)
				defer secure.Close()
				for {
					query, err := read("tcp", secure) // does the handshake
					if err != nil {
						return
					}
					if conns.Add(1); secure.ConnectionState().DidResume {
						resumed.Add(1)
					}
					for _, packet := range serve("tcp", query) {
						secure.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), conns, resumed
}

// counted counts the connections that are dialled, by network.
func counted(dial func(context.Context, string, string) (net.Conn, error), udp, tcp *atomic.Int32) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "udp" {
			udp.Add(1)
		} else {
			tcp.Add(1)
		}
		return dial(ctx, network, address)
	}
}

// cookieOf returns the cookie in a query, "" for an option that is empty, and "none".
func cookieOf(query *dns.Msg) string {
	if opt := query.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if cookie, ok := option.(*dns.EDNS0_COOKIE); ok {
				return cookie.Cookie
			}
		}
	}
	return "none"
}

// setCookie puts a cookie into a reply.
func setCookie(reply *dns.Msg, cookie string) {
	opt := reply.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
}

// answerHTTPS answers well.
func answerHTTPS(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	query := new(dns.Msg)
	if err != nil || query.Unpack(body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Write(good("tcp", query)[0])
}

// serveHTTPS runs a server for DNS over HTTPS whose certificate is for example.com
// and 127.0.0.1.
func serveHTTPS(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not like it are the point
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func roots(server *httptest.Server) *tls.Config {
	return server.Client().Transport.(*http.Transport).TLSClientConfig
}

// serveUDP runs a server on real sockets of the loopback address.
func serveUDP(t *testing.T, serve func(from net.Addr, query *dns.Msg) [][]byte) (address string) {
	t.Helper()
	return handleUDP(t, func(server net.PacketConn, from net.Addr, query *dns.Msg) {
		for _, reply := range serve(from, query) {
			server.WriteTo(reply, from)
		}
	}).LocalAddr().String()
}

// handleUDP is serveUDP for servers that reply by themselves, or not at once.
func handleUDP(t *testing.T, handle func(server net.PacketConn, from net.Addr, query *dns.Msg)) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		packet := make([]byte, maxMessage)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			query := new(dns.Msg)
			if query.Unpack(packet[:n]) != nil {
				continue
			}
			handle(conn, from, query)
		}
	}()
	return conn
}

// baking is a good server that has its own mind about cookies: bake says which one
// comes back, "" for none, and with which rcode.
func baking(bake func(network, cookie string) (string, int)) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		cookie, rcode := bake(network, cookieOf(query))
		reply := resolve(query)
		if rcode != dns.RcodeSuccess {
			refusing(rcode)(query, reply)
		}
		if cookie != "" {
			setCookie(reply, cookie)
		}
		return [][]byte{pack(network, query, reply)}
	}
}
