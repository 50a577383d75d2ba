// World is an Internet for a network namespace that has nothing else: a signed DNS with a root of
// its own, and mail servers at the addresses that it has for them. So programs run there as their
// units have them.
//
//	world -dns 127.0.0.53:53 FILE    # writes the root's trust anchors into FILE, and serves until it is ended
//
// Its domains are those of package danetest, such as good.example and mismatch.example. All its
// addresses, those of 192.0.2.0/24 for mail, must be the machine's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/danesmtp/danesmtp/dane/danetest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("world", flag.ContinueOnError)
	address := flags.String("dns", "127.0.0.53:53", "serve DNS at `ADDR`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("usage: world [-dns ADDR] FILE")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	internet := danetest.NewInternet()
	defer internet.Close()
	if _, err := internet.DNS.Listen(*address); err != nil {
		return err
	}
	// danetest gives its hosts addresses of TEST-NET-1, from 1 on.
	for n := range len(internet.Servers) {
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n + 1)}), 25)
		listener, err := net.Listen("tcp", address.String())
		if err != nil {
			return err
		}
		go serve(ctx, listener, internet)
	}
	var anchors strings.Builder
	for _, anchor := range internet.DNS.Anchors() {
		fmt.Fprintln(&anchors, anchor.DS)
	}
	if err := os.WriteFile(flags.Arg(0), []byte(anchors.String()), 0o644); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// serve passes connections on to the mail server that has the address, until the process ends.
func serve(ctx context.Context, listener net.Listener, internet *danetest.Internet) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := internet.Dial(ctx, "tcp", listener.Addr().String())
			if err != nil {
				return
			}
			defer server.Close()
			go func() {
				io.Copy(server, client)
				server.Close()
			}()
			io.Copy(client, server)
		}()
	}
}
