// Command lab is the laboratory that bench/peers measures in: a signed DNS, and mail
// servers with DANE, all on this machine. The scripts up and down run it; README.md
// beside it says how.
//
//	lab make [-n N] DIR
//	lab authority DIR
//	lab delay DIR
//	lab mail DIR
//	lab wait ADDRESS
//	lab control ADDRESS PATH
//
// make writes N signed zones and what goes with them. authority serves them, delay is a
// DNS proxy that adds a round trip, over TLS too, and mail is the mail server of all domains. wait
// returns when a DNS server answers, and control changes what authority and delay do, or
// prints what they counted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// Where everything is. The scripts have the same addresses.
const (
	rootAddress      = "127.0.10.1"
	tldAddress       = "127.0.10.2"
	leafAddress      = "127.0.10.3"
	authorityCtl     = "127.0.10.9:8053"
	forwarder        = "127.0.11.1:53"
	slowForwarder    = "127.0.11.2:53"
	slowForwarderTLS = "127.0.11.2:853"
	delayCtl         = "127.0.11.9:8053"
	mailServers      = 32 // from 127.0.20.1 on
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "lab: %v\n", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("want make [-n N] DIR, authority DIR, delay DIR, mail DIR, wait ADDRESS, or control ADDRESS PATH")

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	n := flags.Int("n", 2000, "number of domains")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch verb := args[0]; {
	case verb == "make" && flags.NArg() == 1 && *n > 0:
		return generate(flags.Arg(0), *n, time.Now())
	case verb == "authority" && flags.NArg() == 1:
		return serveZones(ctx, flags.Arg(0))
	case verb == "delay" && flags.NArg() == 1:
		return serveSlowly(ctx, flags.Arg(0))
	case verb == "mail" && flags.NArg() == 1:
		return serveMail(ctx, flags.Arg(0))
	case verb == "wait" && flags.NArg() == 1:
		return waitFor(ctx, flags.Arg(0))
	case verb == "control" && flags.NArg() == 2:
		return control(ctx, flags.Arg(0), flags.Arg(1), stdout)
	}
	return errUsage
}

// waitFor asks a DNS server until it answers anything at all. The question is of class
// CHAOS, which touches no cache.
func waitFor(ctx context.Context, address string) error {
	const limit, pause = time.Minute, 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	query := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	query.Question[0].Qclass = dns.ClassCHAOS
	client := &dns.Client{Timeout: time.Second}
	for {
		_, _, err := client.ExchangeContext(ctx, query, address)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("no answer from %s: %w", address, err)
		}
	}
}

// control sends a request to a traffic.Meter.
func control(ctx context.Context, address, path string, stdout io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/"+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	stdout.Write(body)
	return err
}
