// Package noresolver makes a Verifier that needs no DNS server.
package noresolver

import (
	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// NewVerifier returns a Verifier that asks the servers of the zones themselves, from the root
// down, and keeps its trust anchors in a file, so that it follows the root when that changes its
// key.
func NewVerifier(file string) *dane.Verifier {
	tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: file}}
	return &dane.Verifier{Resolver: &dnssec.Resolver{Exchanger: new(upstream.Recursor), Anchors: tracker}}
}
