//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A sentQuery is a packet that went to a server.
type sentQuery struct {
	server string
	packet []byte
}

// A wiretap keeps the packets that go out.
type wiretap struct {
	mu   sync.Mutex
	sent []sentQuery
}

func (w *wiretap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil || network != "udp" {
		return conn, err
	}
	return &tappedConn{Conn: conn, wiretap: w, server: address}, nil
}

type tappedConn struct {
	net.Conn
	wiretap *wiretap
	server  string
}

func (c *tappedConn) Write(packet []byte) (int, error) {
	c.wiretap.mu.Lock()
	c.wiretap.sent = append(c.wiretap.sent, sentQuery{c.server, bytes.Clone(packet)})
	c.wiretap.mu.Unlock()
	return c.Conn.Write(packet)
}

// queried makes the lookups of plan anew, and returns the packets that they send.
func queried(ctx context.Context, hints, anchors string, concurrency int, domains []string) ([]sentQuery, error) {
	tap := new(wiretap)
	resolver, err := recursive(hints, anchors, &upstream.Recursor{Dial: tap.dial})
	if err != nil {
		return nil, err
	}
	planAll(ctx, resolver, concurrency, domains)
	return tap.sent, nil
}

// planAll makes the Plan for each domain, so many at a time.
func planAll(ctx context.Context, resolver *dnssec.Resolver, concurrency int, domains []string) {
	checker := &dane.Checker{Verifier: &dane.Verifier{Resolver: resolver, AllowAll: true}}
	var running sync.WaitGroup
	places := make(chan struct{}, concurrency)
	for _, name := range domains {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			_, _ = checker.Plan(ctx, name) // a domain may be broken on purpose
		})
	}
	running.Wait()
}

// exchangeTime bounds the wait for a reply.
const exchangeTime = 5 * time.Second

// bareExchanges returns the CPU time that it takes to send the packets again, so many at a time,
// and to read a reply to each, which nobody looks at. A socket serves as long as it can.
func bareExchanges(sent []sentQuery, concurrency int) (time.Duration, error) {
	start, err := cpuTime()
	if err != nil {
		return 0, err
	}
	next := make(chan sentQuery)
	failed := make(chan error, concurrency)
	for range concurrency {
		go func() { failed <- exchangeAll(next) }()
	}
	for _, query := range sent {
		next <- query
	}
	close(next)
	for range concurrency {
		if problem := <-failed; problem != nil {
			err = problem
		}
	}
	if err != nil {
		return 0, err
	}
	end, err := cpuTime()
	return end - start, err
}

// exchangeAll sends what comes, and waits for the reply to each. It takes all, whatever happens.
func exchangeAll(queries <-chan sentQuery) (failed error) {
	conns := make(map[string]net.Conn)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	reply := make([]byte, 4096)
	for query := range queries {
		if failed == nil {
			failed = exchangeOne(conns, query, reply)
		}
	}
	return failed
}

func exchangeOne(conns map[string]net.Conn, query sentQuery, reply []byte) error {
	conn := conns[query.server]
	if conn == nil {
		var err error
		if conn, err = net.Dial("udp", query.server); err != nil {
			return err
		}
		conns[query.server] = conn
	}
	if err := conn.SetDeadline(time.Now().Add(exchangeTime)); err != nil {
		return err
	}
	if _, err := conn.Write(query.packet); err != nil {
		return err
	}
	if n, err := conn.Read(reply); err != nil || n < 2 || !bytes.Equal(reply[:2], query.packet[:2]) {
		return fmt.Errorf("no reply of %s: %w", query.server, err)
	}
	return nil
}
