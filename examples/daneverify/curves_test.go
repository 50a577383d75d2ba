package main

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

// A countingConn keeps the size of the largest write: the first message of TLS is one.
type countingConn struct {
	net.Conn
	largest *int
}

func (c countingConn) Write(p []byte) (int, error) {
	*c.largest = max(*c.largest, len(p))
	return c.Conn.Write(p)
}

// Without ML-KEM the first message of the client fits into any packet.
func TestCurves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args     []string
		want     []tls.CurveID
		min, max int // octets of the first message
	}{
		{[]string{"good.example"}, nil, 1400, 1600},
		{[]string{"-curves", "x25519, P-256", "good.example"}, []tls.CurveID{tls.X25519, tls.CurveP256}, 200, 400},
		{[]string{"-curves", "X25519MLKEM768,secp384r1", "good.example"}, []tls.CurveID{tls.X25519MLKEM768, tls.CurveP384}, 1400, 1600},
	} {
		o, err := parse(tt.args)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, o.curves); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", tt.args, diff)
		}
		internet, largest := danetest.New(t), 0
		v := internet.Verifier()
		v.TLS = o.tlsConfig()
		v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := internet.Dial(ctx, network, address)
			return countingConn{conn, &largest}, err
		}
		result, err := (&dane.Checker{Verifier: v}).Verify(t.Context(), "good.example")
		if err != nil || result.Outcome != dane.OutcomeSuccess || largest < tt.min || largest > tt.max {
			t.Errorf("%q: %d octets, want %d to %d\n%s", tt.args, largest, tt.min, tt.max, result)
		}
		t.Logf("%q: %d octets", tt.args, largest)
	}
}
