package main

import (
	"fmt"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

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
