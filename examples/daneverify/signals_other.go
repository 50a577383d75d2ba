//go:build !unix

package main

import "os"

// progressSignals ask how far a list is: there are none.
func progressSignals() []os.Signal { return nil }
