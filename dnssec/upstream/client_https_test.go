package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

func TestHTTPS(t *testing.T) {
	t.Parallel()
	var redirected atomic.Bool
	for _, tt := range []struct {
		about   string
		handler http.HandlerFunc
		ttl     uint32 // of the answer
		err     string // in its text; empty means a reply
	}{
		{about: "a good server", handler: answerHTTPS, ttl: 60},
		{about: "another media type", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<p>Please log in"))
		}, err: `not of the type application/dns-message, but of "text/html"`},
		{about: "no media type", handler: func(w http.ResponseWriter, r *http.Request) {}, err: "not of the type"},
		{about: "a parameter behind the media type", handler: func(w http.ResponseWriter, r *http.Request) {
			answerHTTPS(typed{w}, r)
		}, ttl: 60},
		{about: "not found", handler: http.NotFound, err: "HTTP status 404 Not Found"},
		{about: "an error of the server", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }, err: "HTTP status 503"},
		{about: "a redirect", handler: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/dns-query" {
				redirected.Store(true)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, err: "HTTP status 307"},
		{about: "a body without an end", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			for _, err := w.Write(make([]byte, 1000)); err == nil; _, err = w.Write(make([]byte, 1000)) {
			}
		}, err: "larger than 65535 octets"},
		{about: "an empty body", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
		}, err: "not a reply"},
		{about: "the query comes back", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			io.Copy(w, r.Body)
		}, err: "not a reply"},
		{about: "20 seconds old", handler: aged("20"), ttl: 40},
		{about: "older than its TTL", handler: aged("61"), ttl: 0},
		{about: "older than the world", handler: aged("99999999999999999999"), ttl: 0},
		{about: "of an age that is none", handler: aged("-3 or so"), ttl: 60},
	} {
		t.Run(tt.about, func(t *testing.T) {
			t.Parallel()
			server := serveHTTPS(t, tt.handler)
			client := &Client{Address: server.URL + "/dns-query", TLS: roots(server)}
			defer client.CloseIdleConnections()
			reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if tt.err == "" {
				wantAnswer(t, reply, err, client.String()+" https")
				if got := reply.Msg.Answer[0].Header().Ttl; got != tt.ttl {
					t.Errorf("the TTL is %d, want %d", got, tt.ttl)
				}
				if opt := reply.Msg.IsEdns0(); opt == nil || opt.UDPSize() != wireform.UDPSize || !opt.Do() {
					t.Errorf("the OPT record is %v", opt)
				}
				return
			}
			if e, ok := errors.AsType[*Error](err); !ok || e.Server != client.String() || e.Network != "https" || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, %v; want an error with %q", reply, err, tt.err)
			}
		})
	}
	if redirected.Load() {
		t.Error("a redirect was followed")
	}
}

func TestHTTPSRequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	server := serveHTTPS(t, func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		io.Copy(&body, r.Body)
		r.Body = io.NopCloser(&body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Method, r.Host+r.URL.String(), r.Proto, r.Header.Get("Content-Type"), r.Header.Get("Accept"), r.UserAgent(), r.Header.Get("Cookie"))
		if n := body.Len(); n%paddingBlock != 0 || body.Bytes()[0] != 0 || body.Bytes()[1] != 0 {
			t.Errorf("a body of %d octets with the ID %x", n, body.Bytes()[:2])
		}
		if key := r.Header["Idempotency-Key"]; key != nil {
			t.Errorf("the key %q", key)
		}
		w.Header().Set("Set-Cookie", "who=you")
		answerHTTPS(w, r)
	})
	var dialled string
	var dials atomic.Int32
	client := &Client{Address: "https://Example.COM", TLS: roots(server), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = network + " " + address
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer client.CloseIdleConnections()
	want := []string{"POST", "example.com/dns-query", "HTTP/2.0", mediaType, mediaType, "", ""}
	for range 2 {
		reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		wantAnswer(t, reply, err, "https://example.com/dns-query https")
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(append(want, want...), got); diff != "" || dialled != "tcp example.com:443" || dials.Load() != 1 {
		t.Errorf("dialled %s, %d times; want - got +\n%s", dialled, dials.Load(), diff)
	}
}

// aged answers from a cache.
func aged(age string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Age", age)
		answerHTTPS(w, r)
	}
}

type typed struct{ http.ResponseWriter }

func (w typed) Write(body []byte) (int, error) {
	w.Header().Set("Content-Type", "Application/DNS-Message; charset=x")
	return w.ResponseWriter.Write(body)
}

func TestHTTPSManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{true, false} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(answerHTTPS))
		server.EnableHTTP2 = http2
		server.StartTLS()
		defer server.Close()
		var dials atomic.Int32
		client := &Client{Address: server.URL, TLS: roots(server), Dial: counted(new(net.Dialer).DialContext, nil, &dials)}
		defer client.CloseIdleConnections()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
				if err != nil || len(reply.Msg.Answer) == 0 {
					t.Errorf("got %v, %v", reply, err)
				}
			})
		}
		all.Wait()
		if got := dials.Load(); got > maxConns {
			t.Errorf("HTTP/2 %t: %d connections", http2, got)
		}
	}
}

func TestHTTPSVerifies(t *testing.T) {
	t.Parallel()
	server := serveHTTPS(t, answerHTTPS)
	for name, config := range map[string]*tls.Config{
		"not other.test":    roots(server),
		"unknown authority": nil,
		"not other.test ":   {RootCAs: roots(server).RootCAs, InsecureSkipVerify: true, ServerName: "example.com"},
	} {
		client := &Client{Address: "https://other.test", TLS: config, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}}
		_, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) && config != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestHTTPSEndsWithTheContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := serveHTTPS(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	client := &Client{Address: server.URL, TLS: roots(server), Timeout: 50 * time.Millisecond}
	q := &Query{Msg: question("signed.test.", dns.TypeA)}
	if _, err := client.Exchange(t.Context(), q); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no reply in time") {
		t.Errorf("got %v", err)
	}
	client = &Client{Address: server.URL, TLS: roots(server)}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := client.Exchange(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A server whose connections fall silent while a query is on its way does not reply in time, and
// that is what the error says. HTTP/2 has pings by which it might say otherwise, and earlier.
func TestHTTPSConnectionsThatFallSilent(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int32{"the first query": 0, "the next one": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mortal := &mortalDial{dial: new(net.Dialer).DialContext}
			var asked atomic.Int32
			release := make(chan struct{})
			server := serveHTTPS(t, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) <= before {
					answerHTTPS(w, r)
					return
				}
				mortal.die(silently)
				<-release
			})
			defer close(release)
			client := &Client{Address: server.URL, TLS: roots(server), Dial: mortal.Dial, Timeout: 2 * time.Second}
			q := &Query{Msg: question("signed.test.", dns.TypeA)}
			for range before {
				if _, err := client.Exchange(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			_, err := client.Exchange(t.Context(), q)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no reply in time") {
				t.Errorf("got %v", err)
			}
			if n := asked.Load(); n != before+2 {
				t.Errorf("%d requests: it was not retried once", n)
			}
		})
	}
}
