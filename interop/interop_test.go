//go:build interop

package interop

import (
	"fmt"
	"os"
	"strconv"
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

// seedOf returns the seed for a test with random cases: as a rule the same one each
// time, so that a quirk of a peer that is not known yet fails no one's change.
// DANE_SEED sets another, to look for those.
func seedOf(t *testing.T, standard uint64) uint64 {
	t.Helper()
	seed := standard
	if s := os.Getenv("DANE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DANE_SEED=%d", seed)
	return seed
}
