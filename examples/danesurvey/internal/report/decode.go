package report

import (
	"iter"
	"runtime"
	"sync"
)

const (
	batchRows = 64
	batchSize = 1 << 20 // octets of text, after which a batch takes no other row
)

// A batch is some rows that are decoded together.
type batch struct {
	text    []byte
	ends    []int // of each row in the text
	failed  error // what came after them
	entries []*entry
	decoded chan struct{} // closed once entries and failed are there
}

func newBatch() *batch { return &batch{decoded: make(chan struct{})} }

func (b *batch) add(text []byte) (full bool) {
	b.text = append(b.text, text...)
	b.ends = append(b.ends, len(b.text))
	return len(b.ends) == batchRows || len(b.text) >= batchSize
}

// decode stops at the first row that is none.
func (b *batch) decode() {
	defer close(b.decoded)
	start := 0
	for _, end := range b.ends {
		e, err := newEntry(b.text[start:end])
		if err != nil {
			b.failed = err
			return
		}
		b.entries = append(b.entries, e)
		start = end
	}
}

// entries decodes rows on all processors, and yields them in order. After an error there are no
// more. Nothing goes on when it returns.
func entries(texts iter.Seq2[[]byte, error]) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		workers := runtime.GOMAXPROCS(0)
		inOrder, work, stop := make(chan *batch, workers), make(chan *batch), make(chan struct{})
		var running sync.WaitGroup
		defer running.Wait()
		defer close(stop)
		running.Go(func() {
			defer close(inOrder)
			defer close(work)
			read(texts, func(b *batch) bool {
				select {
				case inOrder <- b:
				case <-stop:
					return false
				}
				select {
				case work <- b:
				case <-stop:
					return false
				}
				return true
			})
		})
		for range workers {
			running.Go(func() {
				for b := range work {
					b.decode()
				}
			})
		}
		for b := range inOrder {
			<-b.decoded
			for _, e := range b.entries {
				if !yield(e, nil) {
					return
				}
			}
			if b.failed != nil {
				yield(nil, b.failed)
				return
			}
		}
	}
}

// read makes batches of texts, until there are no more, or send returns false.
func read(texts iter.Seq2[[]byte, error], send func(*batch) bool) {
	b := newBatch()
	for text, err := range texts {
		if err != nil {
			b.failed = err
			break
		}
		if b.add(text) {
			if !send(b) {
				return
			}
			b = newBatch()
		}
	}
	send(b)
}
