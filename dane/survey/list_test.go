package survey

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readAll returns the domains of a list, and what is wrong with it.
func readAll(t *testing.T, list *List, check func(Entry)) (domains, wrong []string) {
	for {
		e, err := list.Next(t.Context())
		switch {
		case err == io.EOF:
			return domains, wrong
		case err != nil:
			return domains, append(wrong, err.Error())
		case e.Err != nil:
			wrong = append(wrong, e.Err.Error())
		default:
			domains = append(domains, e.Domain)
		}
		check(e)
	}
}

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
		{"columns that nobody has named", "", "a.example,1\nx,y,z\n,\n1,a.example,de\n", nil, []string{"it has columns", "it has columns", "it has columns", "it has columns"}},
		{"a rank without a domain", "", "1,\n", nil, []string{"there is no domain"}},
		{"a column by its name", "Domain", "rank,domain,country\n1,a.example,de\n2,\"b.example\",\"fr, south\"\n", []string{"a.example", "b.example"}, nil},
		{"a column by its name, with semicolons", "mail", "name;mail\n\"Me; me\";me@a.example\n", []string{"a.example"}, nil},
		{"a column by its number", "2", "x\ta.example\ny\thttps://b.example/\n", []string{"a.example", "b.example"}, nil},
		{"tabs, with an empty cell at an end", "domain", "\trank\tdomain\tnote\n0\t1\ta.example\t\n\t2\tb.example\t\r\n\t\t\t\n", []string{"a.example", "b.example"}, nil},
		{"tabs, the first column empty, by its number", "2", "\ta.example\tb.example\n", []string{"a.example"}, nil},
		{"columns with spaces around them", "2", "  x , a.example \n x\t,\tb.example\t\n x,\"c.example\" \n", []string{"a.example", "b.example", "c.example"}, nil},
		{"comments and blank lines among columns", "1", "# list\n\na.example,1\n", []string{"a.example"}, nil},
		{"lines with too few columns, or broken quotes", "2", "x,a.example\nx\n\"x,b.example\nx,\nx,c.example\n", []string{"a.example", "c.example"}, []string{"line 2: \"x\": it has 1 columns", "line 3", "there is no domain"}},
		{"a column that is not there ends the list", "domain", "name,mail\nx,a.example\n", nil, []string{`no column is named "domain", but ["name" "mail"]`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, err := NewList(strings.NewReader(tt.list), tt.column)
			if err != nil {
				t.Fatal(err)
			}
			got, wrong := readAll(t, list, func(e Entry) {
				if e.Input != strings.TrimRight(strings.Split(tt.list, "\n")[e.Line-1], "\r") {
					t.Errorf("line %d is %q", e.Line, e.Input)
				}
				if want := len(strings.Join(strings.SplitAfter(tt.list, "\n")[:e.Line], "")); e.End != int64(want) {
					t.Errorf("line %d ends at %d, want %d", e.Line, e.End, want)
				}
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
		})
	}
}

func TestLinesThatAreLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", MaxLine)
	for _, tt := range []struct {
		name   string
		list   io.Reader
		want   []string
		errors []string
	}{
		{"nothing", strings.NewReader(""), nil, nil},
		{"blank lines, comments, spaces and a last line without an end", strings.NewReader("\n# no domain\n a.example \r\n\t\n  # none\nb.example"), []string{"a.example", "b.example"}, nil},
		{"a line at the limit", strings.NewReader(long[:MaxLine-1] + "\nb.example\n"), []string{long[:MaxLine-1], "b.example"}, nil},
		{"a line beyond the limit, and the one after it", strings.NewReader("a.example\n" + long + long + "\nb.example\n"), []string{"a.example", "b.example"}, []string{"line 2 is longer"}},
		{"a last line beyond the limit", strings.NewReader(long + "a"), nil, []string{"line 1 is longer"}},
		{"a read that fails within a line, which is no domain then", io.MultiReader(strings.NewReader("a.example\nb.ex"), errReader{errors.New("disk on fire")}), []string{"a.example"}, []string{"line 2: disk on fire"}},
		{"a read that fails", io.MultiReader(strings.NewReader("a.example\n"), errReader{errors.New("disk on fire")}), []string{"a.example"}, []string{"line 2: disk on fire"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, _ := NewList(tt.list, "")
			got, wrong := readAll(t, list, func(Entry) {})
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
		})
	}
}

// No line, whatever is in it, ends the list or is two.
func FuzzLines(f *testing.F) {
	f.Add("1,a.example", "")
	f.Add("\"a\nb", "2")
	f.Add("http://[", "x")
	f.Fuzz(func(t *testing.T, text, column string) {
		format, err := newLineReader(column)
		if err != nil {
			t.Skip()
		}
		if domain, err := format.domain([]byte(text)); domain != "" && err != nil {
			t.Errorf("%q is both %q and %v", text, domain, err)
		}
		format.domain([]byte("after it"))
	})
}

func TestColumnsAreCountedFromOne(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"0", "-1"} {
		if _, err := NewList(strings.NewReader(""), column); err == nil || !strings.Contains(err.Error(), "counted from 1") {
			t.Errorf("column %s: %v", column, err)
		}
	}
}

// TestListErrorsLast: a list that has ended, or failed, goes on saying so.
func TestListErrorsLast(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	list, _ := NewList(io.MultiReader(strings.NewReader("a.example\nb.ex"), errReader{broken}), "")
	if e, err := list.Next(t.Context()); e.Domain != "a.example" || err != nil {
		t.Errorf("%q, %v", e.Domain, err)
	}
	for range 2 {
		if e, err := list.Next(t.Context()); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "line 2: ") || e.Domain != "" {
			t.Errorf("%q, %v", e.Domain, err)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
