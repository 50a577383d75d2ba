package traffic

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"
)

// TestServer asks a server that answers with what it was asked, near, far away, and over
// a network that loses everything.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, network string
		settings      url.Values
		waits         bool
		lost          bool
		atLeast       time.Duration
	}{
		{name: "UDP", network: "udp"},
		{name: "UDP, waiting for others", network: "udp", waits: true},
		{name: "UDP with a round trip", network: "udp", settings: url.Values{"rtt": {"30ms"}}, atLeast: 30 * time.Millisecond},
		{name: "UDP is lost", network: "udp", settings: url.Values{"loss": {"100"}}, lost: true},
		{name: "TCP", network: "tcp"},
		{name: "TCP takes a round trip for the handshake", network: "tcp", settings: url.Values{"rtt": {"30ms"}}, atLeast: 60 * time.Millisecond},
		{name: "TCP is not lost", network: "tcp", settings: url.Values{"loss": {"100"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			meter := new(Meter)
			if err := meter.reset(tt.settings); err != nil {
				t.Fatal(err)
			}
			server := &Server{Meter: meter, Waits: tt.waits, Respond: func(query []byte, network string) []byte {
				return append([]byte(network), query...)
			}}
			packets, listener, err := Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- server.Serve(ctx, packets, listener) }()

			start := time.Now()
			reply := exchange(t, tt.network, listener.Addr().String(), tt.lost)
			elapsed := time.Since(start)
			if want := tt.network + "hello"; (reply == want) == tt.lost {
				t.Errorf("reply %q", reply)
			}
			if elapsed < tt.atLeast {
				t.Errorf("it took %v, want at least %v", elapsed, tt.atLeast)
			}
			if got := meter.queries.Load(); got != 1 {
				t.Errorf("%d queries counted", got)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// exchange says hello, and returns the reply or "".
func exchange(t *testing.T, network, address string, lost bool) string {
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	limit := 10 * time.Second
	if lost {
		limit = 100 * time.Millisecond
	}
	conn.SetDeadline(time.Now().Add(limit))
	if network == "tcp" {
		WriteMessage(conn, []byte("hello"))
		reply, _ := ReadMessage(conn)
		return string(reply)
	}
	conn.Write([]byte("hello"))
	reply := make([]byte, 100)
	n, _ := conn.Read(reply)
	return string(reply[:n])
}
