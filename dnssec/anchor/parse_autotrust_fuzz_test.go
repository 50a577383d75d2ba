package anchor

import (
	"bytes"
	"testing"
)

// FuzzStates reads what may be a state file: what can be read is written so that it is
// read again as the same.
func FuzzStates(f *testing.F) {
	const key = ".\t172800\tIN\tDNSKEY\t257 3 8 AwEAAQ== ;{id = 1038 (ksk)} ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1795478400 ;;Tue Nov 24 00:00:00 2026\n"
	f.Add([]byte("; autotrust trust anchor file\n;;id: . 1\n;;last_success: 1795478400 ;;Tue Nov 24 00:00:00 2026\n" + key))
	f.Add([]byte("; autotrust trust anchor file\n;;REVOKED\n;;id: example. 1\n;;query_failed: 3\n"))
	f.Add([]byte(";;id: a. 1\na. DS 1 13 2 ab\n;;id: . 1\n" + key))
	f.Fuzz(func(t *testing.T, text []byte) {
		points, line, err := parseStates(text)
		if err != nil {
			if line < 0 || line > bytes.Count(text, []byte("\n"))+1 {
				t.Fatalf("error in line %d", line)
			}
			return
		}
		written := formatAutotrust(points)
		again, line, err := parseStates(written)
		if err != nil {
			t.Fatalf("line %d of what was written: %v\n%s", line, err, written)
		}
		if second := formatAutotrust(again); !bytes.Equal(written, second) {
			t.Fatalf("written as\n%s\nand then as\n%s", written, second)
		}
	})
}
