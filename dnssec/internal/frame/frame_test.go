package frame_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/internal/frame"
)

// What is written is read again, and on the wire it is what the network carries.
func TestFrames(t *testing.T) {
	t.Parallel()
	message := bytes.Repeat([]byte("message"), 100)
	for network, wire := range map[string][]byte{
		"udp": message,
		"tcp": append([]byte{700 >> 8, 700 & 255}, message...),
	} {
		client, server := net.Pipe()
		go frame.Write(network, client, message)
		if got, err := frame.Read(network, server); err != nil || !bytes.Equal(got, message) {
			t.Errorf("%s: read %d octets, %v", network, len(got), err)
		}
		go frame.Write(network, client, message)
		buffer := make([]byte, 1000)
		if n, err := server.Read(buffer); err != nil || !bytes.Equal(buffer[:n], wire) {
			t.Errorf("%s: %d octets on the wire, want %d: %v", network, n, len(wire), err)
		}
		client.Close()
		if _, err := frame.Read(network, server); err == nil {
			t.Errorf("%s: no error from a closed connection", network)
		}
	}
}
