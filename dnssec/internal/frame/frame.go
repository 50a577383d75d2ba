// Package frame reads and writes DNS messages as UDP and TCP carry them, for the
// servers of test kits, whose connections are made of net.Pipe.
package frame

import (
	"encoding/binary"
	"io"
	"net"

	"github.com/miekg/dns"
)

// Read returns one message. Over "udp" that is what one Read of the connection gives;
// over anything else its length goes before it (RFC 1035 §4.2.2).
func Read(network string, conn net.Conn) ([]byte, error) {
	packet := make([]byte, dns.MaxMsgSize)
	if network == "udp" {
		n, err := conn.Read(packet)
		return packet[:n], err
	}
	if _, err := io.ReadFull(conn, packet[:2]); err != nil {
		return nil, err
	}
	packet = packet[:binary.BigEndian.Uint16(packet)]
	_, err := io.ReadFull(conn, packet)
	return packet, err
}

// Write sends one message, by one Write of the connection.
func Write(network string, conn net.Conn, packet []byte) error {
	if network != "udp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	_, err := conn.Write(packet)
	return err
}
