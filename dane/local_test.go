package dane_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// failingDial is a network on which connections fail that have this in their address.
func failingDial(internet *danetest.Internet, errnos map[string]syscall.Errno) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		for part, errno := range errnos {
			if strings.Contains(address, part) {
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
			}
		}
		return internet.Dial(ctx, network, address)
	}
}

// What this machine lacks is no verdict on somebody else's domain.
func TestLocalLack(t *testing.T) {
	t.Parallel()
	const other = otherKey
	for _, tt := range []struct {
		name    string
		hosts   []danetest.Host
		records string
		errnos  map[string]syscall.Errno
		outcome dane.Outcome
		local   bool
	}{
		{"no file descriptor", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}, "",
			map[string]syscall.Errno{"192.0.2.1": syscall.EMFILE}, dane.OutcomeFailure, true},
		{"no route to the only address", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}, "",
			map[string]syscall.Errno{"192.0.2.1": syscall.ENETUNREACH}, dane.OutcomeFailure, true},
		{"no route in the other family, and the server is good", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}, "mail AAAA 2001:db8::1",
			map[string]syscall.Errno{"2001:db8": syscall.ENETUNREACH}, dane.OutcomeSuccess, false},
		{"no route in the other family, and the server has another key", []danetest.Host{{Name: "mail", TLSA: []string{other}}}, "mail AAAA 2001:db8::1",
			map[string]syscall.Errno{"2001:db8": syscall.ENETUNREACH}, dane.OutcomeFailure, false},
		{"no buffer for one address, and another key at the other", []danetest.Host{{Name: "mail", TLSA: []string{other}}}, "mail AAAA 2001:db8::1",
			map[string]syscall.Errno{"2001:db8": syscall.ENOBUFS}, dane.OutcomeFailure, true},
		{"no descriptor for the second host", []danetest.Host{{Name: "a", TLSA: []string{other}}, {Name: "b", TLSA: []string{"3 1 1"}}}, "",
			map[string]syscall.Errno{"192.0.2.2": syscall.EMFILE}, dane.OutcomeFailure, true},
		{"the server refuses", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}, "",
			map[string]syscall.Errno{"192.0.2.1": syscall.ECONNREFUSED}, dane.OutcomeFailure, false},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: tt.hosts, Zone: dnssectest.Zone{Records: tt.records}})
		v := internet.Verifier()
		v.Dial, v.AllowAll = failingDial(internet, tt.errnos), true
		result, err := checker(v).Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != tt.outcome || result.Local != tt.local {
			t.Errorf("%s: %s, local %t, %v; want %s, %t", tt.name, result.Outcome, result.Local, err, tt.outcome, tt.local)
		}
		if verdict := strings.Contains(result.String(), "DANE FAILED"); verdict != (tt.outcome == dane.OutcomeFailure && !tt.local) {
			t.Errorf("%s: a verdict is %t in\n%s", tt.name, verdict, result)
		}
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		var again dane.Result
		if err := json.Unmarshal(text, &again); err != nil || again.Local != tt.local || again.Failure().Local != result.Failure().Local {
			t.Errorf("%s: from JSON: local %t, %v", tt.name, again.Local, err)
		}
	}
}

// A sender that connects over one family leaves the addresses of the other out, and does not
// hold it against a domain that has no others.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, network, records string
		errno                  string // what does not answer
		outcome                dane.Outcome
		local                  bool
	}{
		{"both, and IPv4 is refused", "tcp", "mail AAAA 2001:db8::1", "192.0.2.1", dane.OutcomeSuccess, false},
		{"IPv4 alone", "tcp4", "mail AAAA 2001:db8::1", "2001:db8", dane.OutcomeSuccess, false},
		{"IPv6 alone", "tcp6", "mail AAAA 2001:db8::1", "192.0.2.1", dane.OutcomeSuccess, false},
		{"IPv6 alone, and it is refused", "tcp6", "mail AAAA 2001:db8::1", "2001:db8", dane.OutcomeFailure, false},
		{"IPv6 alone, and there is none", "tcp6", "", "-", dane.OutcomeFailure, true},
		{"a network that is none", "ip", "mail AAAA 2001:db8::1", "-", dane.OutcomeFailure, true},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}},
			Zone: dnssectest.Zone{Records: tt.records}})
		v := internet.Verifier()
		v.Network, v.AllowAll = tt.network, true
		v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.Contains(address, tt.errno) {
				return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
			}
			return internet.Servers["mail.a.example"].Dial(ctx, network, address)
		}
		result, err := checker(v).Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != tt.outcome || result.Local != tt.local {
			t.Errorf("%s: %s, local %t, %v; want %s, %t\n%s", tt.name, result.Outcome, result.Local, err, tt.outcome, tt.local, result)
		}
	}
}

// A starvedExchanger has no descriptor for a socket.
type starvedExchanger struct{}

func (starvedExchanger) Exchange(context.Context, *upstream.Query) (*upstream.Reply, error) {
	return nil, &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
}

func TestLocalLackInTheDNS(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	v.Resolver = &dnssec.Resolver{Exchanger: starvedExchanger{}, Anchors: internet.DNS.Anchors()}
	result, err := checker(v).Verify(t.Context(), "good.example")
	if !result.Failure().Local || result.Outcome != dane.OutcomeFailure {
		t.Errorf("%s, %+v, %v", result.Outcome, result.Failure(), err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if result, _ := internet.Checker().Verify(cancelled, "good.example"); !result.Local || result.Outcome != dane.OutcomeFailure {
		t.Errorf("cancelled: %s, local %t, %v", result.Outcome, result.Local, result.Err)
	}
}
