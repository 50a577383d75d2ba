package upstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func resolvConfOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResolvConf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string // addresses and timeouts
		err        string
	}{
		{"one server", "nameserver 192.0.2.1\n", []string{"192.0.2.1:53 5s"}, ""},
		{"several, in their order", "nameserver 192.0.2.2\nnameserver 192.0.2.1\n", []string{"192.0.2.2:53 5s", "192.0.2.1:53 5s"}, ""},
		{"IPv6, and with a scope", "nameserver 2001:db8::1\nnameserver fe80::1%eth0\n", []string{"[2001:db8::1]:53 5s", "[fe80::1%eth0]:53 5s"}, ""},
		{"comments, search and ndots", "# by hand\n; so\nsearch example.org\noptions ndots:5\nnameserver 127.0.0.53 # stub\n", []string{"127.0.0.53:53 5s"}, ""},
		{"the timeout", "options timeout:2 attempts:3\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 2s"}, ""},
		{"a timeout that is too long", "options timeout:9999999999\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 30s"}, ""},
		{"a name is skipped", "nameserver dns.example\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 5s"}, ""},
		{"only a name", "nameserver dns.example\n", nil, `address "dns.example"`},
		{"no server", "search example.org\n", nil, errNoServers.Error()},
		{"an empty file", "", nil, errNoServers.Error()},
	} {
		path := resolvConfOf(t, tt.text)
		p, err := fromFile(path)
		if tt.err != "" {
			e, ok := errors.AsType[*Error](err)
			if !ok || !strings.Contains(e.Error(), tt.err) || !strings.HasPrefix(e.Error(), "upstream: "+path+": ") {
				t.Errorf("%s: got %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, e := range p.Exchangers {
			got = append(got, fmt.Sprint(e, " ", e.(*Client).Timeout))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	missing := filepath.Join(t.TempDir(), "resolv.conf")
	if _, err := fromFile(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file: %v", err)
	}
}

// A mail server may start before the network has brought the file.
func TestAutoWaitsForTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	auto := &Auto{path: path}
	q := &Query{Msg: plain("signed.test.", dns.TypeA)}
	if _, err := auto.Exchange(t.Context(), q); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte("options timeout:1\nnameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pool, err := auto.servers()
	if err != nil || fmt.Sprint(pool.Exchangers[0]) != "127.0.0.1:53" || pool.Exchangers[0].(*Client).Timeout != time.Second {
		t.Errorf("got %v, %v", pool, err)
	}
	if again, _ := auto.servers(); again != pool {
		t.Error("the servers are not kept, nor what is known of them")
	}
	q.Avoid = []string{"127.0.0.1:53"} // so that nobody is asked
	if _, err := auto.Exchange(t.Context(), q); !errors.Is(err, ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

func TestSystemNamesItsFile(t *testing.T) {
	t.Parallel()
	p, err := System()
	if err != nil && !strings.Contains(err.Error(), resolvConf) || err == nil && len(p.Exchangers) == 0 {
		t.Errorf("got %v, %v", p, err)
	}
}
