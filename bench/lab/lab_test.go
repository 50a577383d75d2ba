package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/authority"
	"github.com/danesmtp/danesmtp/bench/lab/internal/traffic"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// serveHere serves zones on a port of its own until the test ends.
func serveHere(t *testing.T, zones *authority.Server) (address string) {
	t.Helper()
	conn, listener, err := traffic.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &traffic.Server{Respond: zones.Respond, Meter: new(traffic.Meter)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, conn, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// world generates domains, serves them, and returns the folder and a resolver.
func world(t *testing.T, n int) (dir string, resolver *dnssec.Resolver) {
	t.Helper()
	dir = t.TempDir()
	if err := run(t.Context(), []string{"make", "-n", fmt.Sprint(n), dir}, nil); err != nil {
		t.Fatal(err)
	}
	servers, err := readServers(dir)
	if err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	for address, server := range servers {
		ports[address+":53"] = serveHere(t, server)
	}
	hints, err := upstream.ReadHints(filepath.Join(dir, "root.hints"))
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := anchor.ReadFile(filepath.Join(dir, "root.ds"))
	if err != nil {
		t.Fatal(err)
	}
	recursor := &upstream.Recursor{Hints: hints, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, ports[address])
	}}
	return dir, &dnssec.Resolver{Exchanger: recursor, Anchors: anchors}
}

// TestEveryDomainIsWhatItsLineSays validates all kinds of domains from the root down.
func TestEveryDomainIsWhatItsLineSays(t *testing.T) {
	t.Parallel()
	dir, resolver := world(t, 100)
	list, err := os.ReadFile(filepath.Join(dir, "domains.txt"))
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]dnssec.Status{"secure": dnssec.Secure, "insecure": dnssec.Insecure, "bogus": dnssec.Bogus}
	seen := map[string]int{}
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line) // name, class, algorithm, TLSA
		class, _, _ := strings.Cut(fields[1], "-")
		seen[class]++
		mx, _ := resolver.Lookup(t.Context(), fields[0], dns.TypeMX)
		tlsa, _ := resolver.Lookup(t.Context(), "_25._tcp.mx."+fields[0], dns.TypeTLSA)
		for _, answer := range []*dnssec.Answer{mx, tlsa} {
			if answer == nil || answer.Status != statuses[class] {
				t.Errorf("%s: %+v", strings.TrimSpace(line), answer)
			}
		}
		if class == "bogus" || tlsa == nil {
			continue
		}
		if got, want := len(tlsa.Records) > 0, fields[3] != "none"; got != want {
			t.Errorf("%s: TLSA records: %v", strings.TrimSpace(line), tlsa.Records)
		}
	}
	if diff := cmp.Diff(map[string]int{"secure": 90, "insecure": 6, "bogus": 4}, seen); diff != "" {
		t.Errorf("domains (-want +got):\n%s", diff)
	}
}

// TestDenials validates what the zones say does not exist, with NSEC and NSEC3.
func TestDenials(t *testing.T) {
	t.Parallel()
	_, resolver := world(t, 2) // the first with NSEC, the second with NSEC3
	for _, tt := range []struct {
		name, question string
		kind           uint16
		rcode          int
		status         dnssec.Status
	}{
		{"a name that does not exist, NSEC", "a.b.d0000.test", dns.TypeA, dns.RcodeNameError, dnssec.Secure},
		{"a name that does not exist, NSEC3", "a.b.d0001.test", dns.TypeA, dns.RcodeNameError, dnssec.Secure},
		{"a type that does not exist, NSEC", "mx.d0000.test", dns.TypeAAAA, dns.RcodeSuccess, dnssec.Secure},
		{"a type that does not exist, NSEC3", "mx.d0001.test", dns.TypeAAAA, dns.RcodeSuccess, dnssec.Secure},
		{"an empty non-terminal, NSEC", "_tcp.mx.d0000.test", dns.TypeA, dns.RcodeSuccess, dnssec.Secure},
		{"an empty non-terminal, NSEC3", "_tcp.mx.d0001.test", dns.TypeA, dns.RcodeSuccess, dnssec.Secure},
		{"a top-level domain that does not exist", "example", dns.TypeMX, dns.RcodeNameError, dnssec.Secure},
		// Opt-out: a delegation without DS may be there (RFC 5155 §9.2).
		{"a domain that does not exist", "absent.test", dns.TypeMX, dns.RcodeNameError, dnssec.Insecure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := resolver.Lookup(t.Context(), tt.question, tt.kind)
			if err != nil || answer.Status != tt.status || answer.RCode != tt.rcode || len(answer.Records) > 0 {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
}

// TestMail checks the mail servers' certificates by their TLSA records.
func TestMail(t *testing.T) {
	t.Parallel()
	dir, resolver := world(t, 9)
	issuer, err := readIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- acceptMail(ctx, listener, &tls.Config{GetCertificate: issuer.certificate}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for usage, domain := range map[string]string{"3 1 1": "d0000.test", "2 1 1": "d0008.test"} {
		t.Run(usage, func(t *testing.T) { probeMail(t, resolver, domain, listener.Addr().String(), usage) })
	}
}

// probeMail connects to a domain's mail server, and accepts a certificate that its TLSA
// records match.
func probeMail(t *testing.T, resolver *dnssec.Resolver, domain, address, usage string) {
	answer, err := resolver.Lookup(t.Context(), "_25._tcp.mx."+domain, dns.TypeTLSA)
	if err != nil || answer.Status != dnssec.Secure || len(answer.Records) != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	record, err := tlsa.Parse(strings.TrimPrefix(answer.Records[0].String(), answer.Records[0].Header().String()))
	if err != nil || !strings.HasPrefix(record.String(), usage) {
		t.Fatalf("%v, %v", record, err)
	}
	verifier := tlsa.Verifier{Records: []tlsa.Record{record}, Names: []string{"mx." + domain}}
	result, err := new(smtpprobe.Prober).Probe(t.Context(), address, verifier.TLSConfig(nil))
	if err != nil || result.TLS == nil {
		t.Errorf("%+v, %v", result, err)
	}
}

// hostZone serves a root with one host in it.
func hostZone(t *testing.T) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.zone")
	text := ". 1 SOA a. b. 1 1 1 1 1\n. 1 NS ns.example.\nns.example. 1 A 192.0.2.1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	records, err := readZone(path)
	if err != nil {
		t.Fatal(err)
	}
	return serveHere(t, authority.NewServer(authority.NewZone(records)))
}

func TestPassOn(t *testing.T) {
	t.Parallel()
	address := hostZone(t)
	query, err := new(dns.Msg).SetQuestion("ns.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"udp", "tcp"} {
		reply := new(dns.Msg)
		if err := reply.Unpack(passOn(address)(query, network)); err != nil || len(reply.Answer) != 1 {
			t.Errorf("%s: %v, %v", network, reply, err)
		}
	}
}

// TestOverTLS asks over TLS, from far away. Only who trusts the laboratory believes the server.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := writeIssuer(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	issuer, err := readIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	meter := new(traffic.Meter)
	meter.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/reset?rtt=30ms", nil))
	server := &traffic.Server{Respond: passOn(hostZone(t)), Meter: meter}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.ServeTLS(ctx, listener, &tls.Config{GetCertificate: issuer.certificate}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	text, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	query := &upstream.Query{Msg: new(dns.Msg).SetQuestion("ns.example.", dns.TypeA)}
	for _, tt := range []struct {
		name    string
		roots   *x509.CertPool
		answers bool
		atLeast time.Duration
	}{
		{"the laboratory is trusted", roots, true, 90 * time.Millisecond}, // two handshakes and a query
		{"it is not", x509.NewCertPool(), false, 60 * time.Millisecond},
	} {
		client := &upstream.Client{Address: "tls://" + listener.Addr().String() + "#forwarder.test", TLS: &tls.Config{RootCAs: tt.roots}}
		start := time.Now()
		reply, err := client.Exchange(t.Context(), query)
		if elapsed := time.Since(start); elapsed < tt.atLeast {
			t.Errorf("%s: it took %v, less than %v", tt.name, elapsed, tt.atLeast)
		}
		if (err == nil) != tt.answers || err == nil && len(reply.Msg.Answer) != 1 {
			t.Errorf("%s: %+v, %v", tt.name, reply, err)
		}
		client.CloseIdleConnections()
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), []string{"wait", hostZone(t)}, nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := run(ctx, []string{"wait", "127.0.0.1:1"}, nil); err == nil {
		t.Error("nobody is there, and the wait has ended well")
	}
}

// TestControl sets a meter as the scripts do, and reads what it counted.
func TestControl(t *testing.T) {
	t.Parallel()
	meter := new(traffic.Meter)
	meter.Count("udp", make([]byte, 30), make([]byte, 400))
	server := httptest.NewServer(meter)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"control", address, "stats"}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "{\"BytesIn\":30,\"BytesOut\":400,\"Queries\":1,\"TCP\":0}\n"; out.String() != want {
		t.Errorf("stats: %s, want %s", &out, want)
	}
	for _, tt := range []struct {
		path string
		lost bool
	}{
		{"reset?rtt=20ms&loss=100", true},
		{"reset", false}, // and the round trip stays
	} {
		err := run(t.Context(), []string{"control", address, tt.path}, &out)
		if err != nil || meter.RTT() != 20*time.Millisecond || meter.Lost() != tt.lost {
			t.Errorf("%s: round trip %v, lost %t, %v", tt.path, meter.RTT(), meter.Lost(), err)
		}
	}
	for _, path := range []string{"reset?rtt=fast", "reset?loss=101", "reset?rtt=-1s", "reset?lag=1s", "other"} {
		if err := run(t.Context(), []string{"control", address, path}, &out); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
}
