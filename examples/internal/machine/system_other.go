//go:build !unix

package machine

import "os"

// ProgressSignals ask how far a list is: there are none.
func ProgressSignals() []os.Signal { return nil }

func descriptorLimit() (int, bool) { return 0, false }
