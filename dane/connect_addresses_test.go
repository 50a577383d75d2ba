package dane_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// The addresses are tried in order. What fails is in the Conn, in the error, and told to the
// hooks.
func TestConnectTriesAddresses(t *testing.T) {
	t.Parallel()
	const records = "mail A 192.0.2.101\nmail A 192.0.2.102\n"
	for _, tt := range []struct {
		name  string
		takes map[byte]time.Duration // to connect, by the last octet
		limit time.Duration
		want  string
	}{
		{"the first is there", map[byte]time.Duration{1: 0}, time.Minute, "1 ok"},
		{"the first hangs, and there is half of the time left", map[byte]time.Duration{101: 0}, time.Minute, "1 failed, 101 ok after 30s"},
		{"both hang", map[byte]time.Duration{102: 0}, time.Minute, "1 failed, 101 failed, 102 ok after 45s"},
		{"all hang", nil, time.Minute, "1 failed, 101 failed, 102 failed after 1m0s: 4.4.1"},
		{"without a deadline each has its own", map[byte]time.Duration{102: 0}, 0, "1 failed, 101 failed, 102 ok after 10m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				domain := oneHost("3 1 1", nil)
				domain.Zone.Records = records
				internet := danetest.New(t, domain)
				n := &network{internet: internet, takes: tt.takes}
				v := internet.Verifier()
				v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := n.dial(ctx, network, address)
					if err != nil && ctx.Err() == nil { // the host is at all of them
						return internet.Dial(ctx, network, "192.0.2.1:25")
					}
					return conn, err
				}
				h := firstHost(t, v, "a.example")
				var got strings.Builder
				ctx := dane.WithTrace(t.Context(), &dane.Trace{Attempt: func(_ *dane.Host, a dane.Attempt) {
					if got.Len() > 0 {
						got.WriteString(", ")
					}
					fmt.Fprint(&got, a.Addr.Addr().As4()[3], map[bool]string{true: " ok", false: " failed"}[a.Err == nil])
				}})
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				began := time.Now()
				conn, err := v.Connect(ctx, h)
				if took := time.Since(began); took > 0 {
					fmt.Fprint(&got, " after ", took)
				}
				if err != nil {
					fmt.Fprint(&got, ": ", dane.Classify(err).Code)
				} else {
					if len(conn.Failed) != strings.Count(tt.want, "failed") {
						t.Errorf("%d failed", len(conn.Failed))
					}
					conn.Close()
				}
				if diff := cmp.Diff(tt.want, got.String()); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

// A host with many addresses that refuse leaves time for the next one, and says nothing for good.
func TestConnectIsBounded(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		domain := oneHost("", saying(smtptest.AtGreeting, "554 5.7.1 Go away"))
		for i := range n {
			domain.Zone.Records += fmt.Sprintf("mail A 192.0.2.%d\n", 101+i)
		}
		internet := danetest.New(t, domain)
		v, dialled := internet.Verifier(), 0
		v.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			dialled++
			return internet.Dial(ctx, network, "192.0.2.1:25")
		}
		_, err := v.Connect(t.Context(), firstHost(t, v, "a.example"))
		e, _ := errors.AsType[*dane.Error](err)
		if want := min(n+1, 4); dialled != want || len(e.Attempts) != want || e.Permanent != (n+1 <= 4) {
			t.Errorf("%d addresses: %d connections, %d attempts, permanent: %v", n+1, dialled, len(e.Attempts), e.Permanent)
		}
	}
}

// Hosts that Connect must not connect to.
func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domains()...)
	v := internet.Verifier()
	good := firstHost(t, v, "good.example")
	loopback, elsewhere, empty, unknown := *good, *good, *good, *good
	loopback.Addrs = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	empty.Addrs = nil
	unknown.Action = 99
	narrow := internet.Verifier()
	narrow.Allow = func(netip.Addr) bool { return false }
	for _, tt := range []struct {
		name     string
		verifier *dane.Verifier
		host     *dane.Host
		want     error
	}{
		{"nil", v, nil, dane.ErrSkipped},
		{"the zero Host", v, new(dane.Host), dane.ErrSkipped},
		{"one that is skipped", v, firstHost(t, v, "bogustlsa.example"), nil},
		{"an action that does not exist", v, &unknown, dane.ErrSkipped},
		{"an address of this machine", v, &loopback, dane.ErrRefusedAddress},
		{"one that Allow refuses", narrow, &elsewhere, dane.ErrRefusedAddress},
		{"no address", v, &empty, dane.ErrNoAddress},
	} {
		refusing := *tt.verifier
		refusing.Dial = func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s: connects", tt.name)
			return nil, net.ErrClosed
		}
		conn, err := refusing.Connect(t.Context(), tt.host)
		if conn != nil || !isA[*dane.Error](err) || tt.want != nil && !errors.Is(err, tt.want) || dane.Classify(err).Permanent {
			t.Errorf("%s: %v, %v", tt.name, conn, err)
		}
	}
}

// LocalAddr, Hello and Port say how a connection is made, and without Dial it is made by the
// network.
func TestConnectByNetwork(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	addr := netip.MustParseAddrPort(server.Addr)
	h := &dane.Host{Domain: "a.example", Name: "mail.a.example", Action: dane.MayEncrypt, Addrs: []netip.Addr{addr.Addr()}}
	v := &dane.Verifier{AllowAll: true, LocalAddr: netip.MustParseAddr("127.0.0.2"), Hello: "me.example", Port: addr.Port()}
	conn, err := v.Connect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	server.Close()
	session := server.Sessions()[0]
	if from := session.RemoteAddr.(*net.TCPAddr).AddrPort().Addr().String(); from != "127.0.0.2" || session.Commands[0] != "EHLO me.example" || session.TLS == nil {
		t.Errorf("from %s: %q", from, session.Commands)
	}
	v.LocalAddr = netip.IPv6Loopback()
	if _, err := v.Connect(t.Context(), h); dane.Classify(err).Code != "4.4.1" {
		t.Errorf("from another family: %v", err)
	}
}
