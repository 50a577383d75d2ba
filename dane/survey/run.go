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
	next    chan task     // to a goroutine that is done with another one
	domains sync.WaitGroup
	putting sync.Mutex
}

// A task is what there is to do for one row.
type task struct {
	entry       Entry
	before, put chan struct{} // closed when the row before has been put, and when this one has
}

// read begins the domains of the source, each once there is room for it. The error is that of
// the source, unless it has come to its end.
func (r *run) read(ctx context.Context, source Source) error {
	defer close(r.next)
	before := make(chan struct{})
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
		one := task{entry, before, make(chan struct{})}
		before = one.put
		select {
		case r.next <- one:
		default:
			r.domains.Go(func() { r.work(ctx, one) })
		}
	}
	return nil
}

// work does a task, and then others as they come: the stack of its goroutine has grown by then.
func (r *run) work(ctx context.Context, one task) {
	for more := true; more; one, more = <-r.next {
		r.domain(ctx, one)
	}
}

// domain finds out about one entry, and puts its row.
func (r *run) domain(ctx context.Context, one task) {
	defer func() { <-r.held }()
	defer close(one.put)
	row := r.survey.row(ctx, one.entry, r.places)
	if finish := r.survey.Finish; finish != nil && ctx.Err() == nil {
		finish(ctx, &row)
	}
	<-r.places
	if r.survey.InOrder {
		select {
		case <-one.before:
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
