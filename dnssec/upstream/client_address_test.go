package upstream

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	// Of nothing.
	const pin = "pin-sha256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	for address, want := range map[string]string{
		"192.0.2.1":                        "192.0.2.1:53",
		"127.0.0.1:5353":                   "127.0.0.1:5353",
		"2001:db8::1":                      "[2001:db8::1]:53",
		"[2001:db8::1]":                    "[2001:db8::1]:53",
		"[2001:db8::1]:5353":               "[2001:db8::1]:5353",
		"fe80::1%eth0":                     "[fe80::1%eth0]:53",
		"[fe80::1%eth0]:5353":              "[fe80::1%eth0]:5353",
		"tcp://192.0.2.1":                  "tcp://192.0.2.1:53",
		"tcp://[2001:db8::1]":              "tcp://[2001:db8::1]:53",
		"tcp://[::1]:5353":                 "tcp://[::1]:5353",
		"":                                 "",
		"dns.example":                      "",
		"dns.example:53":                   "",
		"localhost":                        "",
		"192.0.2.1:":                       "",
		"192.0.2.1:0":                      "",
		"192.0.2.1:65536":                  "",
		"192.0.2.1:domain":                 "",
		"[192.0.2.1]":                      "",
		"[2001:db8::1":                     "",
		"192.0.2.1,192.0.2.2":              "",
		"tls://192.0.2.1":                  "tls://192.0.2.1:853",
		"tls://[2001:db8::1]#DNS.example.": "tls://[2001:db8::1]:853#dns.example",
		"tls://192.0.2.1:8853#dns.example": "tls://192.0.2.1:8853#dns.example",
		"tls://192.0.2.1#" + pin:           "tls://192.0.2.1:853#" + pin,
		"tls://[::1]:1#" + pin + "," + pin: "tls://[::1]:1#" + pin + "," + pin,
		"tls://192.0.2.1#":                 "",
		"tls://192.0.2.1#192.0.2.1":        "",
		"tls://192.0.2.1#dns..example":     "",
		"tls://192.0.2.1#dns.example/":     "",
		"tls://192.0.2.1#pin-sha256=AAAA":  "",
		"tls://192.0.2.1#" + pin + "=":     "",
		"tls://192.0.2.1#" + pin + ",":     "",
		"tls://192.0.2.1:0":                "",
		"tls://dns.example":                "",
		"tls://":                           "",

		"https://dns.example":                    "https://dns.example/dns-query",
		"https://DNS.Example.:443/":              "https://dns.example/",
		"https://dns.example:8443/a/b":           "https://dns.example:8443/a/b",
		"https://192.0.2.1/dns-query":            "https://192.0.2.1/dns-query",
		"https://[2001:DB8::1]:443/dns-query":    "https://[2001:db8::1]/dns-query",
		"https://[2001:db8::1]:8443/%7e":         "https://[2001:db8::1]:8443/%7e",
		"https://":                               "",
		"https:///dns-query":                     "",
		"https://dns.example:/dns-query":         "",
		"https://dns.example:0/":                 "",
		"https://dns.example:65536/":             "",
		"https://user@dns.example/dns-query":     "",
		"https://dns.example/dns-query?dns=AAAA": "",
		"https://dns.example/dns-query{?dns}":    "",
		"https://dns.example/dns-query#x":        "",
		"https://[192.0.2.1]/":                   "",
		"https://2001:db8::1/":                   "",
		"https://[fe80::1%25eth0]/":              "",
		"https://192.0.2/":                       "",
		"https://dns example/":                   "",
		"http://dns.example/dns-query":           "",
		"udp://192.0.2.1":                        "",
		"quic://192.0.2.1":                       "",
		"tcp://":                                 "",
		" 192.0.2.1":                             "",
	} {
		e, err := parseAddress(address)
		if want == "" {
			_, ours := errors.AsType[*Error](err)
			_, inPool := Servers("192.0.2.9", address+"\t")
			if strings.HasPrefix(address, " ") {
				inPool = err // Servers trims
			}
			_, inClient := (&Client{Address: address}).Exchange(t.Context(), &Query{Msg: plain("a.test.", 1)})
			if !ours || !strings.Contains(err.Error(), strconv.Quote(address)) || inPool == nil || inClient == nil {
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
