package smtpprobe_test

import (
	"os"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func TestNameInHello(t *testing.T) {
	t.Parallel()
	hostname, _ := os.Hostname()
	for _, test := range []struct {
		name, hello, address string
		want                 string // where the machine's own name has no domain
		own                  bool   // the machine's own name comes first
	}{
		{name: "as given", hello: "client.example", address: address, want: "client.example"},
		{name: "without the final dot", hello: "client.example.", address: address, want: "client.example"},
		{name: "an IPv4 literal", address: address, want: "[127.0.0.1]", own: true},
		{name: "an IPv6 literal", address: "[2001:db8::25]:25", want: "[IPv6:::1]", own: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.own && strings.Contains(hostname, ".") {
				test.want = strings.TrimSuffix(hostname, ".")
			}
			server := smtptest.NewUnstartedServer()
			defer server.Close()
			prober := smtpprobe.Prober{Dial: server.Dial, Hello: test.hello}
			if _, err := prober.Probe(t.Context(), test.address, nil); err != nil {
				t.Fatal(err)
			}
			if got := commands(server)[0]; got != "EHLO "+test.want {
				t.Errorf("got %q, want EHLO %s", got, test.want)
			}
		})
	}
}
