package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestCause: what can be mended comes first, since Postfix logs only the beginning.
func TestCause(t *testing.T) {
	incapable := &upstream.CapabilityError{Servers: []upstream.Capability{{Server: "127.0.0.1:53", Causes: []upstream.Cause{upstream.DropsSignatures}}}}
	unreachable := errors.New("connect: network is unreachable")
	failed := func(err error) error {
		return &dnssec.Error{Status: dnssec.Indeterminate, Reason: dnssec.Reason{Code: dnssec.EDENetworkError, Text: "no answer"}, Err: err}
	}
	const rest = "no server is capable of DNSSEC: 127.0.0.1:53 drops DNSSEC records"
	for _, tt := range []struct {
		why         string
		err         error
		begins, end string
	}{
		{"neither the system's servers nor those of the zones", failed(fmt.Errorf("example. MX: %w", errors.Join(incapable, unreachable))),
			"indeterminate: resolving from the root servers: connect: network is unreachable; ", rest},
		{"the system's servers alone", failed(incapable), "indeterminate: no answer [EDE 23: Network Error]: ", rest},
		{"two others", failed(errors.Join(unreachable, incapable)), "indeterminate: no answer [EDE 23: Network Error]: connect", ""},
		{"one", failed(unreachable), "indeterminate: no answer [EDE 23: Network Error]: connect", "unreachable"},
	} {
		if got := cause(tt.err); !strings.HasPrefix(got, tt.begins) || !strings.Contains(got, tt.end) {
			t.Errorf("%s: %q, want %q … %q", tt.why, got, tt.begins, tt.end)
		}
	}
}
