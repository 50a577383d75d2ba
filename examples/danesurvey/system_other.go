//go:build !unix

package main

import "os"

func progressSignals() []os.Signal { return nil }

func ignoreSignals() {}

func descriptorLimit() (int, bool) { return 0, false }
