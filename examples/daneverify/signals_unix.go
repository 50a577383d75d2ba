//go:build unix

package main

import (
	"os"
	"syscall"
)

// progressSignals ask how far a list is.
func progressSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }
