package report

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
)

// rowsUpTo has a row for each line, in one piece of memory, as that of a store; then perhaps an error.
func rowsUpTo(n int, failed error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var text []byte
		for line := range n {
			text = fmt.Appendf(text[:0], `{"line":%d,"domain":"d%d.example"}`, line+1, line+1)
			if !yield(text, nil) {
				return
			}
		}
		if failed != nil {
			yield(nil, failed)
		}
	}
}

// Rows come in order, all of them until an error, and when it is over, whoever has ended it,
// nothing goes on.
func TestEntries(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	noRow := func(yield func([]byte, error) bool) {
		for text, err := range rowsUpTo(batchRows+3, nil) {
			if !yield(text, err) {
				return
			}
		}
		for yield([]byte(`{"line":"one"}`), nil) {
		}
	}
	for _, tt := range []struct {
		name   string
		texts  iter.Seq2[[]byte, error]
		stop   int // after so many
		want   int
		failed bool
	}{
		{"no row", rowsUpTo(0, nil), -1, 0, false},
		{"one", rowsUpTo(1, nil), -1, 1, false},
		{"a batch", rowsUpTo(batchRows, nil), -1, batchRows, false},
		{"many", rowsUpTo(100*batchRows+1, nil), -1, 100*batchRows + 1, false},
		{"an error at once", rowsUpTo(0, broken), -1, 0, true},
		{"an error after some", rowsUpTo(2*batchRows+5, broken), -1, 2*batchRows + 5, true},
		{"what is no row, without end", noRow, -1, batchRows + 3, true},
		{"whoever reads has enough", rowsUpTo(100*batchRows, nil), 7, 7, false},
	} {
		synctest.Test(t, func(t *testing.T) { // it fails if a goroutine is left
			got, failed := 0, error(nil)
			for e, err := range entries(tt.texts) {
				if failed = err; err != nil {
					continue
				}
				if got++; e.Line != got || e.Domain != fmt.Sprintf("d%d.example", got) {
					t.Fatalf("%s: row %d is %d, %s", tt.name, got, e.Line, e.Domain)
				}
				if got == tt.stop {
					break
				}
			}
			if got != tt.want || (failed != nil) != tt.failed {
				t.Errorf("%s: %d rows, want %d, error %v", tt.name, got, tt.want, failed)
			}
		})
	}
}
