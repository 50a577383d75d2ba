package daemon

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// isJournal reports whether systemd has connected a writer to its journal: it names the
// device and inode in JOURNAL_STREAM (systemd.exec(5)). Whoever has inherited the variable
// and redirected the output is not connected.
func isJournal(w io.Writer) bool {
	file, is := w.(*os.File)
	if !is {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	stat, is := info.Sys().(*syscall.Stat_t)
	return is && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
