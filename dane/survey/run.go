package survey

import (
	"context"
	"errors"
	"io"
	"sync"
)

// A run is the work of one Run.
type run struct {
	survey  *Survey
	sink    Sink
	end     context.CancelCauseFunc
	held    chan struct{} // has one for each domain that is begun and not put
	places  chan struct{} // has one for each domain that is worked on
	domains sync.WaitGroup
	putting sync.Mutex
}

// read begins the domains of the source, each once there is room for it. The error is that of
// the source, unless it has come to its end.
func (r *run) read(ctx context.Context, source Source) error {
	before := make(chan struct{}) // closed when the row before has been put
	close(before)
	for take(ctx, r.held) && take(ctx, r.places) {
		<-r.places // a source may be slow, and those that have waited need it
		entry, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !take(ctx, r.places) {
			break
		}
		previous, put := before, make(chan struct{})
		before = put
		r.domains.Go(func() {
			defer func() { <-r.held }()
			defer close(put)
			r.domain(ctx, entry, previous)
		})
	}
	return nil
}

// domain finds out about one entry, and puts its row.
func (r *run) domain(ctx context.Context, entry Entry, previous <-chan struct{}) {
	row := r.survey.row(ctx, entry, r.places)
	if finish := r.survey.Finish; finish != nil && ctx.Err() == nil {
		finish(ctx, &row)
	}
	<-r.places
	if r.survey.InOrder {
		select {
		case <-previous:
		case <-ctx.Done():
		}
	}
	r.putting.Lock()
	defer r.putting.Unlock()
	if ctx.Err() != nil {
		return
	}
	if err := r.sink.Put(ctx, row); err != nil {
		r.end(err)
	}
}

// take waits for room in a channel; false if ctx ends before.
func take(ctx context.Context, room chan struct{}) bool {
	select {
	case room <- struct{}{}:
		if ctx.Err() != nil {
			<-room // those that have waited need it to end
			return false
		}
		return true
	case <-ctx.Done():
		return false
	}
}
