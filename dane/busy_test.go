package dane_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// A lonely server takes one connection of a client at a time, and says 421 to others. It counts
// a connection for some time after the client has closed it.
type lonely struct {
	internet *danetest.Internet
	linger   time.Duration

	mu          sync.Mutex
	open, times int
}

func (l *lonely) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times++
	if l.open > 0 {
		busy := smtptest.NewUnstartedServer()
		busy.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "421 4.7.0 Too many connections from you"}
		return busy.Dial(ctx, network, address)
	}
	conn, err := l.internet.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.open++
	return &countedConn{Conn: conn, closed: func() {
		if l.linger == 0 {
			l.forget()
			return
		}
		time.AfterFunc(l.linger, l.forget)
	}}, nil
}

func (l *lonely) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

type countedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// Two names of one server make no second connection to it while there is one, and a server
// that is busy is tried again.
func TestOneConnectionToAnAddress(t *testing.T) {
	t.Parallel()
	for linger, connections := range map[time.Duration]int{0: 2, 900 * time.Millisecond: 3} {
		synctest.Test(t, func(t *testing.T) {
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
				Zone: dnssectest.Zone{Records: "@ MX 20 other\nother A 192.0.2.1\n_25._tcp.other CNAME _25._tcp.mail\n"}})
			server := &lonely{internet: internet, linger: linger}
			v := internet.Verifier()
			v.Dial = server.Dial
			result, err := checker(v).Verify(t.Context(), "a.example")
			if err != nil || result.Outcome != dane.OutcomeSuccess || len(result.Hosts) != 2 {
				t.Fatalf("%v\n%s", err, result)
			}
			for _, h := range result.Hosts {
				if p := h.Attempts[0]; p.Err != nil || !p.Authenticated {
					t.Errorf("linger %s: %s: %v", linger, h.Name, p.Err)
				}
			}
			if server.times != connections {
				t.Errorf("linger %s: %d connections, want %d", linger, server.times, connections)
			}
			time.Sleep(linger + time.Millisecond) // the last timer
		})
	}
}

// A server that is busy for ever is asked twice, and its own words are the reason.
func TestBusyServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
		server := &lonely{internet: internet, open: 1}
		v := internet.Verifier()
		v.Dial = server.Dial
		result, err := checker(v).Verify(t.Context(), "a.example")
		if got := fmt.Sprint(result.Failure().Code, server.times, err); got != "4.7.02 <nil>" {
			t.Errorf("%s\n%s", got, result)
		}
	})
}
