//go:build interop

package interop

import (
	"fmt"
	"os"
	"testing"
)

// lab is the private Internet that every test uses. TestMain builds it.
var lab *internet

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "danesmtp-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	lab = &internet{dir: dir}
	defer lab.stop()
	defer func() {
		if code != 0 {
			lab.printLogs(os.Stderr)
		}
	}()
	if err := lab.start(); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		return 1
	}
	return m.Run()
}
