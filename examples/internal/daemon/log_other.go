//go:build !linux

package daemon

import "io"

// isJournal is false where there is no systemd.
func isJournal(io.Writer) bool { return false }
