package upstream

import "sync"

// bufferSize is the size of a read from UDP, unless the query asks for more. Hardly any
// query does (RFC 6891 §6.2.5). A datagram that does not fit is larger than was asked for,
// and counts as truncated.
const bufferSize = 4096

// buffers are for reads from UDP. No message refers to the packet that it was parsed from.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// A packet is a datagram, or room for one. It is of no use any more once it is released.
type packet struct {
	octets []byte
	buffer *[bufferSize]byte // of buffers; nil if it is not from there
}

// newPacket returns a packet with room for a datagram of that size, and for one octet more.
func newPacket(size int) packet {
	if size >= bufferSize {
		return packet{octets: make([]byte, size+1)}
	}
	buffer := buffers.Get().(*[bufferSize]byte)
	return packet{octets: buffer[:], buffer: buffer}
}

func (p packet) release() {
	if p.buffer != nil {
		buffers.Put(p.buffer)
	}
}

// readPacket waits for a datagram until the deadline. One that is larger than the size may be cut
// off, but is still larger.
//
// Replies take their time, and hundreds may be waited for. So it takes a buffer when there is
// something to read, where the socket allows that.
func (s *socket) readPacket(size int) (packet, error) {
	if waitsWithoutBuffer && s.own && s.raw != nil && size < bufferSize {
		return s.readWaiting()
	}
	p := newPacket(size)
	n, err := s.Read(p.octets)
	if err != nil && n == 0 { // otherwise the datagram may be cut off (Windows)
		p.release()
		return packet{}, err
	}
	p.octets = p.octets[:n]
	return p, nil
}
