package upstream

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadHints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		want       []netip.AddrPort
		err        string
	}{
		{name: "as IANA has it", file: `
;       This file holds the information on root name servers
.                        3600000      NS    A.ROOT-SERVERS.NET.
A.ROOT-SERVERS.NET.      3600000      A     198.41.0.4
A.ROOT-SERVERS.NET.      3600000      AAAA  2001:503:ba3e::2:30
.                        3600000      NS    B.ROOT-SERVERS.NET.
b.root-servers.net.      3600000      A     170.247.170.2
`, want: hints("198.41.0.4", "2001:503:ba3e::2:30", "170.247.170.2")},
		{name: "addresses before the NS record", file: "ns. 60 A 192.0.2.1\n. 60 NS ns.\n", want: hints("192.0.2.1")},
		{name: "addresses of other names are none", file: ". 60 NS ns.\nns. 60 A 192.0.2.1\nother. 60 A 192.0.2.2\n", want: hints("192.0.2.1")},
		{name: "an empty file", err: "has no address of a root server"},
		{name: "name servers of another zone", file: "test. 60 NS ns.\nns. 60 A 192.0.2.1\n", err: "has no address of a root server"},
		{name: "what is no zone file", file: ". 60 NS ns.\nnonsense\n", err: "line: 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "root.hints")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadHints(path)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), path) {
					t.Errorf("got %v, want an error with %q and the file", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := ReadHints(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestBuiltInHints(t *testing.T) {
	t.Parallel()
	recursor := new(Recursor)
	recursor.once.Do(recursor.setUp)
	if n := len(recursor.hints.addresses(recursor.now())); n != 26 {
		t.Errorf("%d addresses, want two of each of the thirteen root servers", n)
	}
}

func FuzzParseHints(f *testing.F) {
	f.Add(". 60 NS ns.\nns. 60 A 192.0.2.1\n")
	f.Add("$INCLUDE /etc/passwd\n")
	f.Fuzz(func(t *testing.T, text string) {
		hints, err := parseHints(strings.NewReader(text), "file")
		if (len(hints) == 0) != (err != nil) {
			t.Errorf("got %v, %v", hints, err)
		}
	})
}
