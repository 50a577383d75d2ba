package upstream

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":             "192.0.2.1:53",
		"127.0.0.1:5353":        "127.0.0.1:5353",
		"2001:db8::1":           "[2001:db8::1]:53",
		"[2001:db8::1]":         "[2001:db8::1]:53",
		"[2001:db8::1]:5353":    "[2001:db8::1]:5353",
		"fe80::1%eth0":          "[fe80::1%eth0]:53",
		"[fe80::1%eth0]:5353":   "[fe80::1%eth0]:5353",
		"tcp://192.0.2.1":       "tcp://192.0.2.1:53",
		"tcp://[2001:db8::1]":   "tcp://[2001:db8::1]:53",
		"tcp://[::1]:5353":      "tcp://[::1]:5353",
		"":                      "",
		"dns.example":           "",
		"dns.example:53":        "",
		"localhost":             "",
		"192.0.2.1:":            "",
		"192.0.2.1:0":           "",
		"192.0.2.1:65536":       "",
		"192.0.2.1:domain":      "",
		"[192.0.2.1]":           "",
		"[2001:db8::1":          "",
		"192.0.2.1,192.0.2.2":   "",
		"tls://192.0.2.1":       "",
		"https://192.0.2.1/dns": "",
		"tcp://":                "",
		" 192.0.2.1":            "",
	} {
		e, err := parseAddress(address)
		if want == "" {
			_, ours := errors.AsType[*Error](err)
			_, inPool := Servers("192.0.2.9", address+"\t")
			if strings.HasPrefix(address, " ") {
				inPool = err // Servers trims
			}
			_, inClient := (&Client{Address: address}).Exchange(t.Context(), &Query{Msg: plain("a.test.", 1)})
			if !ours || !strings.Contains(err.Error(), `"`+address+`"`) || inPool == nil || inClient == nil {
				t.Errorf("%q: got %v, %v, %v, %v", address, e, err, inPool, inClient)
			}
			continue
		}
		if err != nil || e.String() != want || (&Client{Address: address}).String() != want {
			t.Errorf("%q: got %v, %v; want %s", address, e, err, want)
		}
		// What names a server is an address of it.
		if again, err := parseAddress(e.String()); err != nil || again != e {
			t.Errorf("%q: %s is read as %v, %v", address, e, again, err)
		}
	}
}

func TestServersNeedsServers(t *testing.T) {
	t.Parallel()
	if p, err := Servers(); err == nil {
		t.Errorf("got %v", p)
	}
	if _, err := new(Pool).Exchange(t.Context(), &Query{Msg: plain("a.test.", 1)}); err == nil {
		t.Error("the zero Pool answers")
	}
	p, err := Servers(" 192.0.2.1", "tcp://192.0.2.2 ")
	if err != nil || len(p.Exchangers) != 2 || p.Exchangers[1].(*Client).String() != "tcp://192.0.2.2:53" {
		t.Errorf("got %v, %v", p, err)
	}
}
