package onepacket

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// firstMessage is the length of what a client says first.
func firstMessage(t *testing.T, v *dane.Verifier) int {
	t.Helper()
	d, err := dane.NewDomain("[192.0.2.1]", 0)
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		defer client.Close()
		tls.Client(client, v.LookupHost(t.Context(), d, d.MX[0]).TLSConfig(nil)).HandshakeContext(t.Context())
	}()
	header := make([]byte, 5)
	if _, err := io.ReadFull(server, header); err != nil {
		t.Fatal(err)
	}
	return int(header[3])<<8 + int(header[4])
}

func TestOnePacket(t *testing.T) {
	t.Parallel()
	const payload = 1220 // octets of TCP that every path for IPv6 has room for
	if n := firstMessage(t, NewVerifier()); n > payload {
		t.Errorf("%d octets", n)
	}
	if n := firstMessage(t, new(dane.Verifier)); n <= payload {
		t.Errorf("%d octets without the setting, which is of no use then", n)
	}
}
