package tlsrpt_test

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A collector plays tlsrpt-reporter's.
type collector struct {
	path string
	conn *net.UnixConn
}

// newCollector listens at a path that is short enough for a socket.
func newCollector(t testing.TB) *collector {
	t.Helper()
	dir, err := os.MkdirTemp("", "tlsrpt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &collector{path: filepath.Join(dir, "socket")}
	if c.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: c.path}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// received returns what is waiting in the socket. A datagram is there when its sender is done.
func (c *collector) received(t testing.TB) (payloads []string) {
	t.Helper()
	for buf := make([]byte, 1<<20); ; {
		c.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := c.conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return payloads
		}
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, string(buf[:n]))
	}
}

// A session is a policy as the collector reads it.
type session struct {
	Type     int      `json:"policy-type"`
	Domain   string   `json:"policy-domain"`
	Strings  []string `json:"policy-string"`
	MXHosts  []string `json:"mx-host"`
	Failures []struct {
		Code                      int `json:"c"`
		Info, Reason, Hello, Host string
		A, F, H, N, R, S          string
	} `json:"failure-details"`
	Total int `json:"t"`
	Final int `json:"f"`
}

// sessions reads datagrams as the collector does, which refuses those that are not as agreed.
func sessions(t testing.TB, payloads []string) (domains []string, all []session) {
	t.Helper()
	for _, payload := range payloads {
		var d struct {
			Version  string    `json:"dpv"`
			Domain   string    `json:"d"`
			Record   string    `json:"pr"`
			Policies []session `json:"policies"`
		}
		if err := json.Unmarshal([]byte(payload), &d); err != nil {
			t.Fatalf("%v in %q", err, payload)
		}
		if d.Version != "1" || d.Domain == "" || d.Record == "" || len(d.Policies) == 0 {
			t.Fatalf("the collector refuses %q", payload)
		}
		for _, p := range d.Policies {
			if p.Total != len(p.Failures) {
				t.Errorf("t is %d, and there are %d failures", p.Total, len(p.Failures))
			}
		}
		domains, all = append(domains, d.Domain), append(all, d.Policies...)
	}
	return domains, all
}

const record = "v=TLSRPTv1; rua=mailto:tls@reports.example,https://reports.example/?a=1&b=2"

// wanted gives a domain a TLSRPT record.
func wanted(d danetest.Domain) danetest.Domain {
	d.Zone.Records += "\n_smtp._tls TXT \"" + record + "\"\n"
	return d
}

// reporting is an Internet whose domains all want reports.
func reporting(t testing.TB, more ...danetest.Domain) *danetest.Internet {
	var domains []danetest.Domain
	for _, d := range append(more, danetest.Domains()...) {
		domains = append(domains, wanted(d))
	}
	return danetest.New(t, domains...)
}

// zone makes a domain of records alone.
func zone(name, records string) danetest.Domain {
	return danetest.Domain{Name: name, Zone: dnssectest.Zone{Records: records}}
}
