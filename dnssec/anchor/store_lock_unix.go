//go:build unix && !solaris && !illumos && !aix

package anchor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPoll is the time between attempts to get a lock that another process holds. It is held
// for one write.
const lockPoll = 10 * time.Millisecond

// lock takes the lock of a file among processes, and waits for it until ctx is done. The lock
// ends with the process. The lock file stays: if it were removed, two processes could lock
// two files. It gets the owner of the file, or else of the folder.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	path := file + ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return func() {}, err
	}
	for _, model := range [...]string{file, filepath.Dir(file)} {
		if info, err := os.Stat(model); err == nil {
			_ = keepOwner(f, info) // only root can, and needs to
			break
		}
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return func() {}, &os.PathError{Op: "flock", Path: path, Err: err}
		}
		select {
		case <-ctx.Done():
			f.Close()
			return func() {}, &os.PathError{Op: "flock", Path: path, Err: ctx.Err()}
		case <-time.After(lockPoll):
		}
	}
}

// keepOwner gives a new file the owner of the one that it replaces.
func keepOwner(f *os.File, old os.FileInfo) error {
	owner, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() && int(owner.Gid) == os.Getegid() {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// syncFolder makes a rename last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
