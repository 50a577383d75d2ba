package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
)

// verifier makes what the flags ask for.
func (o *options) verifier(stderr io.Writer) (*dane.Verifier, error) {
	resolver := new(dnssec.Resolver)
	v := &dane.Verifier{Resolver: resolver, Port: uint16(o.port), Mandatory: o.mandatory, Hello: o.hello, TLS: o.tlsConfig(), AttemptTimeout: o.probeTimeout, Network: o.network()}
	var err error
	if resolver.Anchors, err = o.anchorSource(stderr); err != nil {
		return nil, err
	}
	set, err := resolver.Anchors.Anchors(time.Now())
	if err != nil && !errors.Is(err, anchor.ErrOutdated) { // which a lookup says
		return nil, err
	}
	if resolver.Exchanger, err = o.exchanger(set); err != nil {
		return nil, err
	}
	if set.Private() {
		// A private Internet, whose servers may be on this machine.
		v.AllowAll = true
	}
	v.LocalAddr, err = machine.SourceAddr(o.local)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// network is what -4 and -6 say.
func (o *options) network() string {
	switch {
	case o.only4:
		return "tcp4"
	case o.only6:
		return "tcp6"
	}
	return ""
}

// exchanger returns what the flags say to ask. Without such flags that is an Auto,
// which is kept for what it has chosen.
func (o *options) exchanger(anchors anchor.Set) (upstream.Exchanger, error) {
	if o.recursive {
		recursor, err := o.recursor()
		// A pool of one, which finds out a network that answers in place of the servers.
		return &upstream.Pool{Exchangers: []upstream.Exchanger{recursor}}, err
	}
	if servers, err := o.servers(); servers != nil || err != nil {
		return servers, err
	}
	o.auto = &upstream.Auto{Private: anchors.Private()}
	return o.auto, nil
}

func (o *options) recursor() (*upstream.Recursor, error) {
	recursor := new(upstream.Recursor)
	if o.input != "" {
		o.survey = new(survey.Survey)
		recursor.Admit = o.survey.AdmitDNS
	}
	if o.hints == "" {
		return recursor, nil
	}
	var err error
	if recursor.Hints, err = upstream.ReadHints(o.hints); err != nil {
		return nil, fmt.Errorf("-hints: %w", err)
	}
	return recursor, nil
}

// servers returns those of -resolver, or nil.
func (o *options) servers() (*upstream.Pool, error) {
	if o.resolver == "" {
		return nil, nil
	}
	servers, err := upstream.Servers(strings.Split(o.resolver, ",")...)
	if err != nil {
		return nil, fmt.Errorf("-resolver: %w", err)
	}
	return servers, nil
}
