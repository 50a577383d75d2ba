package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeAndWorkerRefuse: what is wrong is said before there is a folder, or a connection, as run says it.
func TestServeAndWorkerRefuse(t *testing.T) {
	t.Parallel()
	sheet := filepath.Join(t.TempDir(), "sheet.csv")
	if err := os.WriteFile(sheet, []byte("name;domain\nOne Ltd;one.example\nTwo Ltd;two.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, line, want string
	}{
		{"CSV without a column", "serve -dir DIR " + sheet, "-column NAME says it"},
		{"an empty list", "serve -dir DIR -", "the list is empty"},
		{"vantage points that cannot be", "serve -dir DIR -vantages a,a " + sheet, "twice"},
		{"a name that cannot be", "serve -dir DIR -name a.b " + sheet, "letters, digits"},
		{"an address of a server that is not its own", "serve -dir DIR -nats nats://127.0.0.1 -listen 127.0.0.1:0 " + sheet, "takes no -listen"},
		{"replicas in the server of its own", "serve -dir DIR -replicas 3 " + sheet, "-replicas is for the servers of -nats"},
		{"a column of what has one", "serve -dir DIR -column 2", "has its own -column"},
		{"a worker with two ways into the DNS", "worker -recursive -resolver 192.0.2.1", "-recursive asks no resolver"},
		{"a worker with a disk", "worker -sync 1s", "-sync is about the disk"},
	} {
		dir := filepath.Join(t.TempDir(), "survey")
		status, stdout, stderr := command(t, "", strings.Fields(strings.ReplaceAll(tt.line, "DIR", dir))...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit status %d, %s%s, want %q", tt.name, status, stdout, stderr, tt.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: there is a folder", tt.name)
		}
	}
}
