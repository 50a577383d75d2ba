package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const demoIntroduction = `This is a demonstration: nothing outside of this machine is asked or connected to.
A DNS with a signed root of its own, and mail servers, run on sockets of the
loopback address; their keys and certificates were made this moment. There is a
domain for each thing that can happen. To check a real domain: daneverify DOMAIN`

// runDemo verifies domains of the built-in Internet: those given, or else all that
// there are, with what is special about each.
func runDemo(ctx context.Context, o options, stdout, stderr io.Writer) int {
	internet := danetest.NewInternet()
	defer internet.Close()
	v, err := o.demoVerifier(internet)
	if err != nil {
		complain(stderr, err)
		return exitFailure
	}
	if len(o.domains) > 0 || o.input != "" {
		return verifyAll(ctx, v, o, stdout, stderr)
	}
	if !o.json {
		if _, err := fmt.Fprint(stdout, o.screen.Wrap("", "", demoIntroduction)); err != nil {
			complain(stderr, err)
			return exitUsage
		}
	}
	o.pages.explain(internet.Domains)
	for _, d := range internet.Domains {
		if !o.json {
			fmt.Fprint(stdout, "\n", o.screen.Wrap("--- ", "    ", d.Name+": "+d.About))
		}
		o.domains = []string{d.Name}
		if verifyAll(ctx, v, o, stdout, stderr) == exitUsage {
			return exitUsage
		}
	}
	return exitSuccess
}

// demoVerifier lets the built-in Internet listen, and makes what the flags ask for in it.
func (o *options) demoVerifier(internet *danetest.Internet) (*dane.Verifier, error) {
	address, err := internet.Listen()
	if err != nil {
		return nil, err
	}
	servers, err := upstream.Servers(address)
	if err != nil {
		return nil, err
	}
	if o.comparison != nil {
		o.comparison.dial = internet.DNS.Dial
	}
	v := internet.Verifier()
	v.Resolver = &dnssec.Resolver{Exchanger: servers, Anchors: internet.DNS.Anchors()}
	v.Mandatory, v.Hello, v.AttemptTimeout = o.mandatory, cmp.Or(o.hello, "sender.example"), o.probeTimeout
	v.TLS, v.Network = o.tlsConfig(), o.network()
	return v, nil
}
