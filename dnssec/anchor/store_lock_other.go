//go:build !unix || solaris || illumos || aix

package anchor

import (
	"context"
	"os"
)

// lock does nothing: these systems have no flock(2), and processes must not share a file.
func lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }

// keepOwner does nothing: files here have no owner of that kind.
func keepOwner(*os.File, os.FileInfo) error { return nil }

// syncFolder does nothing: folders cannot be synced everywhere.
func syncFolder(string) error { return nil }
