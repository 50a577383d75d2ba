package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/authority"
	"github.com/danesmtp/danesmtp/bench/lab/internal/traffic"
)

// serveZones serves the zones of a folder.
func serveZones(ctx context.Context, dir string) error {
	servers, err := readServers(dir)
	if err != nil {
		return err
	}
	meter := new(traffic.Meter)
	parts := []func(context.Context) error{controlled(meter, authorityCtl)}
	for address, zones := range servers {
		server := &traffic.Server{Respond: zones.Respond, Meter: meter}
		parts = append(parts, served(server, net.JoinHostPort(address, "53")))
	}
	return together(ctx, parts...)
}

// readServers reads the zones of a folder. The root, the top-level domain and the domains
// each have an address of their own.
func readServers(dir string) (map[string]*authority.Server, error) {
	paths, err := filepath.Glob(filepath.Join(dir, zoneFiles, "*.zone"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no zones in %s", dir)
	}
	addresses := []string{rootAddress, tldAddress, leafAddress}
	var mu sync.Mutex
	zones := map[string][]*authority.Zone{}
	err = parallel(slices.Values(paths), func(path string) error {
		records, err := readZone(path)
		if err != nil {
			return err
		}
		address := addresses[min(dns.CountLabel(records[0].Header().Name), 2)]
		zone := authority.NewZone(records)
		mu.Lock()
		defer mu.Unlock()
		zones[address] = append(zones[address], zone)
		return nil
	})
	if err != nil {
		return nil, err
	}
	servers := map[string]*authority.Server{}
	for address, zones := range zones {
		servers[address] = authority.NewServer(zones...)
	}
	return servers, nil
}

func readZone(path string) ([]dns.RR, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var records []dns.RR
	parser := dns.NewZoneParser(file, ".", path)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	if err := parser.Err(); err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return records, nil
}

// serveSlowly passes queries on to the forwarder, which then is as far away as the
// meter says, and speaks TLS, too. The certificate is that of the name that a client sends.
func serveSlowly(ctx context.Context, dir string) error {
	issuer, err := readIssuer(dir)
	if err != nil {
		return err
	}
	meter := new(traffic.Meter)
	server := &traffic.Server{Respond: passOn(forwarder), Waits: true, Meter: meter}
	overTLS := func(ctx context.Context) error {
		listener, err := net.Listen("tcp", slowForwarderTLS)
		if err != nil {
			return err
		}
		return server.ServeTLS(ctx, listener, &tls.Config{GetCertificate: issuer.certificate})
	}
	return together(ctx, controlled(meter, delayCtl), served(server, slowForwarder), overTLS)
}

// passOn returns a function that asks the server at an address.
func passOn(address string) func(query []byte, network string) []byte {
	const limit = 10 * time.Second
	return func(query []byte, network string) []byte {
		conn, err := net.DialTimeout(network, address, limit)
		if err != nil {
			return nil
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(limit))
		if network == "tcp" {
			if traffic.WriteMessage(conn, query) != nil {
				return nil
			}
			reply, err := traffic.ReadMessage(conn)
			if err != nil {
				return nil
			}
			return reply
		}
		conn.Write(query) // without an answer the client asks again
		reply := make([]byte, 1<<16)
		n, err := conn.Read(reply)
		if err != nil {
			return nil
		}
		return reply[:n]
	}
}

// served returns the work of a DNS server.
func served(server *traffic.Server, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, listener, err := traffic.Listen(address)
		if err != nil {
			return err
		}
		return server.Serve(ctx, conn, listener)
	}
}

// controlled returns the work of the HTTP server that a meter is read and set by.
func controlled(meter *traffic.Meter, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		server := &http.Server{Addr: address, Handler: meter, ReadHeaderTimeout: time.Second}
		defer context.AfterFunc(ctx, func() { server.Close() })()
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// together runs functions until the context ends or the first one fails, and then ends
// the others.
func together(ctx context.Context, functions ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(functions))
	var running sync.WaitGroup
	for i, f := range functions {
		running.Go(func() {
			defer cancel()
			errs[i] = f(ctx)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
