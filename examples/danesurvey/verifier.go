package main

import (
	"cmp"
	"io"
	"log/slog"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/queue"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
)

// survey makes what the flags ask for. The internet is the one that it is in; nil means the real
// one.
func (o *options) survey(internet *danetest.Internet, stderr io.Writer) (*survey.Survey, error) {
	s := &survey.Survey{Planned: o.dnsOnly, Parallel: o.concurrency, Timeout: o.timeout, Memory: int(o.memory) << 20}
	o.polite.Set(s)
	v, err := o.verifier(internet, s, stderr)
	if err != nil {
		return nil, err
	}
	v.Port, v.AttemptTimeout, v.Network = uint16(o.port), o.probeTimeout, o.network()
	s.Checker = &dane.Checker{Verifier: v}
	return s, nil
}

func (o *options) verifier(internet *danetest.Internet, s *survey.Survey, stderr io.Writer) (*dane.Verifier, error) {
	if internet != nil {
		return o.inside(internet)
	}
	o.dns.System, o.dns.Admit = !o.recursive, s.AdmitDNS
	if o.shared {
		o.sharedDNS = queue.NewDNSLimit(s.Limits)
		o.dns.Admit = o.sharedDNS.Admit
	}
	resolver, err := o.dns.Resolver(daemon.Log(stderr, slog.LevelInfo))
	if err != nil {
		return nil, err
	}
	v := &dane.Verifier{Resolver: resolver, Hello: o.hello}
	if set, err := resolver.Anchors.Anchors(time.Now()); err == nil && set.Private() {
		v.AllowAll = true // a private Internet, whose servers may be on this machine
	}
	v.LocalAddr, err = machine.SourceAddr(o.local)
	return v, err
}

// inside is a verifier in the built-in Internet, whose DNS is asked by its socket.
func (o *options) inside(internet *danetest.Internet) (*dane.Verifier, error) {
	address, err := internet.Listen()
	if err != nil {
		return nil, err
	}
	servers, err := upstream.Servers(address)
	if err != nil {
		return nil, err
	}
	v := internet.Verifier()
	v.Resolver = &dnssec.Resolver{Exchanger: servers, Anchors: internet.DNS.Anchors()}
	v.Hello = cmp.Or(o.hello, "sender.example")
	return v, nil
}

func (o *options) network() string {
	switch {
	case o.only4:
		return "tcp4"
	case o.only6:
		return "tcp6"
	}
	return ""
}
