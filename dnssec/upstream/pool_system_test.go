package upstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{"one server", "nameserver 192.0.2.1\n", []string{"192.0.2.1:53 5s 2"}, ""},
		{"several, in their order", "nameserver 192.0.2.2\nnameserver 192.0.2.1\n", []string{"192.0.2.2:53 5s 2", "192.0.2.1:53 5s 2"}, ""},
		{"IPv6, and with a scope", "nameserver 2001:db8::1\nnameserver fe80::1%eth0\n", []string{"[2001:db8::1]:53 5s 2", "[fe80::1%eth0]:53 5s 2"}, ""},
		{"comments, search and ndots", "# by hand\n; so\nsearch example.org\noptions ndots:5\nnameserver 127.0.0.53 # stub\n", []string{"127.0.0.53:53 5s 2"}, ""},
		{"the timeout", "options timeout:2 attempts:3\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 2s 3"}, ""},
		{"a timeout that is too long", "options timeout:9999999999\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 30s 2"}, ""},
		{"over TCP, and shared", "options use-vc\noptions rotate edns0\nnameserver 192.0.2.1\n", []string{"tcp://192.0.2.1:53 5s 2 equal"}, ""},
		{"too many attempts", "options attempts:100\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 5s 5"}, ""},
		{"a name is skipped", "nameserver dns.example\nnameserver 192.0.2.1\n", []string{"192.0.2.1:53 5s 2"}, ""},
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
			client := e.(*Client)
			got = append(got, fmt.Sprint(client, " ", client.Timeout, " ", client.Attempts))
			if p.Equal {
				got[len(got)-1] += " equal"
			}
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

func TestSystemNamesItsFile(t *testing.T) {
	t.Parallel()
	p, err := System()
	if err != nil && !strings.Contains(err.Error(), resolvConf) || err == nil && len(p.Exchangers) == 0 {
		t.Errorf("got %v, %v", p, err)
	}
}
