//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// progressSignals ask how far a survey is.
func progressSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// ignoreSignals makes errors of what would end the process: that nobody reads what it says any
// more, and that a file would be larger than it may be. Who asks how far the survey is before it has
// begun, or after its end, does not end the process either.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGUSR1) }

// descriptorLimit returns how many files this process may have open, which the Go runtime has
// raised to what the system allows; false if it is not known.
func descriptorLimit() (int, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0, false
	}
	return int(limit.Cur), true
}
