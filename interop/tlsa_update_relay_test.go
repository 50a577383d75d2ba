//go:build interop

package interop

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
)

// An updateRelay passes connections on to the primary, and may do something when an update
// comes by.
type updateRelay struct {
	world *updateWorld
	mu    sync.Mutex
	// before is called before an update is passed on; hold keeps the reply back.
	before func()
	hold   bool
}

func newUpdateRelay(t *testing.T, w *updateWorld) *updateRelay {
	t.Helper()
	r := &updateRelay{world: w}
	var listener net.Listener
	var err error
	w.do(func() { listener, err = net.Listen("tcp", net.JoinHostPort(updateProxy, "53")) })
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); all.Wait() })
	return r
}

// on sets what happens to updates from now on.
func (r *updateRelay) on(before func(), hold bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before, r.hold = before, hold
}

func (r *updateRelay) serve(client net.Conn) {
	defer client.Close()
	server, err := r.world.Dial(context.Background(), "tcp", net.JoinHostPort(updatePrimary, "53"))
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := readFrame(client)
		if err != nil || len(request) < 14 {
			return
		}
		const opcodeUpdate = 5
		isUpdate := request[2+2]>>3&0xF == opcodeUpdate
		r.mu.Lock()
		before, hold := r.before, r.hold
		r.mu.Unlock()
		if isUpdate && before != nil {
			before()
		}
		if _, err := server.Write(request); err != nil {
			return
		}
		reply, err := readFrame(server)
		if err != nil || isUpdate && hold {
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

// readFrame reads a message with its length before it.
func readFrame(conn net.Conn) ([]byte, error) {
	frame := make([]byte, 2)
	if _, err := io.ReadFull(conn, frame); err != nil {
		return nil, err
	}
	frame = append(frame, make([]byte, binary.BigEndian.Uint16(frame))...)
	_, err := io.ReadFull(conn, frame[2:])
	return frame, err
}
