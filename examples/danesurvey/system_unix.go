//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreSignals makes errors of what would end the process: that nobody reads what it says any
// more, and that a file would be larger than it may be. Who asks how far the survey is before it has
// begun, or after its end, does not end the process either.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGUSR1) }
