package main

import (
	"fmt"
	"io"
)

// What this process may have open at a time.
const (
	// A domain's hosts and addresses are worked on eight at a time, each with a connection to
	// a mail server, or with a lookup that asks several DNS servers.
	descriptorsEach = 24
	// Standard streams, files, and connections to DNS servers that all domains share.
	descriptorsKept = 40
)

// fitConcurrency lowers the number of domains at a time to what the system allows the process
// to have open, and says so: without descriptors nothing can be found out.
func (o *options) fitConcurrency(stderr io.Writer) {
	limit, known := descriptorLimit()
	if !known {
		return
	}
	if fit := max(1, (limit-descriptorsKept)/descriptorsEach); fit < o.concurrency {
		fmt.Fprintf(stderr, "danesurvey: -concurrency is lowered from %d to %d, since this process may have %d files open (ulimit -n)\n", o.concurrency, fit, limit)
		o.concurrency = fit
	}
}
