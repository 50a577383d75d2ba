package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesOfLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, column, list string
		want               []string
		errors             []string // in order; parts of them
	}{
		{"names, with comments behind them", "", "a.example # mine\nb.example\t#x\n#c.example\nd#e.example\n", []string{"a.example", "b.example", "d#e.example"}, nil},
		{"a byte order mark", "", "\ufeffa.example\n", []string{"a.example"}, nil},
		{"as Tranco has it", "", "1,google.com\r\n2, youtube.com\n", []string{"google.com", "youtube.com"}, nil},
		{"e-mail addresses", "", "me@a.example\n\"odd@part\"@b.example\nMe <me@c.example>\nmailto:me@d.example?subject=x\nme@[192.0.2.1]\n", []string{"a.example", "b.example", "c.example", "d.example", "[192.0.2.1]"}, nil},
		{"an e-mail address without a domain", "", "me@\n", nil, []string{"nothing stands after the @"}},
		{"URLs", "", "https://www.a.example:8443/path?q#f\nftp://b.example\nhttps://user:secret@c.example/\n", []string{"www.a.example", "b.example", "c.example"}, nil},
		{"URLs without a host", "", "https:///path\nhttp://[::1\nfile://\n", nil, []string{"no host", "it is no URL", "no host"}},
		{"columns that nobody has named", "", "a.example,1\nx,y,z\n,\n1,a.example,de\n", nil, []string{"-column", "-column", "-column", "-column"}},
		{"a rank without a domain", "", "1,\n", nil, []string{"there is no domain"}},
		{"a column by its name", "Domain", "rank,domain,country\n1,a.example,de\n2,\"b.example\",\"fr, south\"\n", []string{"a.example", "b.example"}, nil},
		{"a column by its name, with semicolons", "mail", "name;mail\n\"Me; me\";me@a.example\n", []string{"a.example"}, nil},
		{"a column by its number", "2", "x\ta.example\ny\thttps://b.example/\n", []string{"a.example", "b.example"}, nil},
		{"comments and blank lines among columns", "1", "# list\n\na.example,1\n", []string{"a.example"}, nil},
		{"lines with too few columns, or broken quotes", "2", "x,a.example\nx\n\"x,b.example\nx,\nx,c.example\n", []string{"a.example", "c.example"}, []string{"line 2: \"x\": it has 1 columns", "line 3", "there is no domain"}},
		{"a column that is not there ends the list", "domain", "name,mail\nx,a.example\n", nil, []string{`no column is named "domain", but ["name" "mail"]`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got, wrong []string
			end := int64(0)
			readLines(strings.NewReader(tt.list), newLineReader(tt.column), func(e entry) bool {
				if e.err != nil {
					wrong = append(wrong, e.err.Error())
				} else {
					got = append(got, e.domain)
				}
				if e.line > 0 && e.input != strings.TrimRight(strings.Split(tt.list, "\n")[e.line-1], "\r") {
					t.Errorf("line %d is %q", e.line, e.input)
				}
				end = max(end, e.end)
				return true
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if len(wrong) != len(tt.errors) {
				t.Fatalf("errors %q, want %q", wrong, tt.errors)
			}
			for i, want := range tt.errors {
				if !strings.Contains(wrong[i], want) {
					t.Errorf("error %q, want %q", wrong[i], want)
				}
			}
			if len(wrong) == 0 && !strings.HasSuffix(tt.list, "x\n") && end > int64(len(tt.list)) {
				t.Errorf("%d octets of %d", end, len(tt.list))
			}
		})
	}
}

// No line, whatever is in it, ends the list or is two.
func FuzzLines(f *testing.F) {
	f.Add("1,a.example", "")
	f.Add("\"a\nb", "2")
	f.Add("http://[", "x")
	f.Fuzz(func(t *testing.T, text, column string) {
		format := newLineReader(column)
		if domain, err := format.domain([]byte(text)); domain != "" && err != nil {
			t.Errorf("%q is both %q and %v", text, domain, err)
		}
		format.domain([]byte("after it"))
	})
}
