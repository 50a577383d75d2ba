package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLog: lines have a priority where the journal reads them, and nowhere else.
func TestLog(t *testing.T) {
	for _, tt := range []struct {
		why    string
		stream func(device, inode uint64) string
		want   []string
	}{
		{"the journal", func(d, i uint64) string { return fmt.Sprintf("%d:%d", d, i) }, []string{
			"<3>program: one", "<3>program: two", "<7>level=DEBUG msg=a", "<6>level=INFO msg=b", "<4>level=WARN msg=c zone=.", "<4>level=WARN+1 msg=d", "<3>level=ERROR msg=e g.k=1",
		}},
		{"redirected", func(d, i uint64) string { return fmt.Sprintf("%d:%d", d, i+1) }, []string{
			"program: one", "program: two", "level=DEBUG msg=a", "level=INFO msg=b", "level=WARN msg=c zone=.", "level=WARN+1 msg=d", "level=ERROR msg=e g.k=1",
		}},
		{"no systemd", func(d, i uint64) string { return "" }, []string{
			"program: one", "program: two", "level=DEBUG msg=a", "level=INFO msg=b", "level=WARN msg=c zone=.", "level=WARN+1 msg=d", "level=ERROR msg=e g.k=1",
		}},
	} {
		file, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		t.Setenv("JOURNAL_STREAM", tt.stream(stat.Dev, stat.Ino))
		Complain(file, "program", errors.Join(errors.New("one"), errors.New("two")))
		log := Log(file, slog.LevelDebug)
		log.Debug("a")
		log.Info("b")
		log.With("zone", ".").Warn("c")
		log.Log(t.Context(), slog.LevelWarn+1, "d")
		log.WithGroup("g").Error("e", "k", 1)
		Log(file, slog.LevelError).Warn("not logged")
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(text)) {
			prefix, rest, timed := strings.Cut(strings.TrimSpace(line), "time=")
			if timed {
				_, rest, _ = strings.Cut(rest, " ")
			}
			got = append(got, prefix+rest)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.why, diff)
		}
	}
}
