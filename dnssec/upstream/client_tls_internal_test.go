package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
)

// The system's roots are in memory after the first connection, and are not copied for each further one.
func TestSystemRootsAreReadOnce(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
	for address, connect := range map[string]func(*Client, endpoint){
		"tls://192.0.2.1": func(c *Client, e endpoint) { c.dialTLS(t.Context(), e) },
		"https://192.0.2.1/dns-query": func(c *Client, e endpoint) {
			c.httpClient(e).Transport.(*http.Transport).DialContext(t.Context(), "tcp", "192.0.2.1:443")
		},
	} {
		e, err := parseAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		c := &Client{Address: address, Dial: dial}
		// The first run is not counted.
		if n := testing.AllocsPerRun(5, func() { connect(c, e) }); n > 40 {
			t.Errorf("%s: %v allocations for a further connection", address, n)
		}
	}
}
