//go:build unix

package machine

import (
	"os"
	"syscall"
)

// ProgressSignals ask how far a list is.
func ProgressSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// descriptorLimit returns how many files this process may have open, which the Go runtime has
// raised to what the system allows; false if it is not known.
func descriptorLimit() (int, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0, false
	}
	return int(limit.Cur), true
}
