package upstream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Recorder passes queries on to an [Exchanger] and keeps what came back. From the
// [Recording] of it a validator can compute its verdict again, later and elsewhere. A
// Resolver does not ask for what it has in its cache, so use a new Resolver for each
// recording.
//
// A Recorder is safe for concurrent use. Exchanger must be set, and must not be changed
// after the first use.
type Recorder struct {
	// Exchanger is asked.
	Exchanger Exchanger

	// Time is the clock for Recorded.At. Nil means time.Now.
	Time func() time.Time

	mu        sync.Mutex
	exchanges []Recorded
	size      int // of all, in octets
	truncated bool
}

// Exchange returns what the Exchanger returns.
func (r *Recorder) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	reply, err := exchange(ctx, r.Exchanger, q)
	if q.Msg == nil || len(q.Msg.Question) != 1 {
		return reply, err
	}
	recorded := Recorded{
		At: r.now(), Name: dns.CanonicalName(q.Msg.Question[0].Name), Type: q.Msg.Question[0].Qtype,
		DNSSEC: isValidating(q), Avoid: slices.Clone(q.Avoid), Checked: !q.Msg.CheckingDisabled,
	}
	if err == nil {
		recorded.Server, recorded.Network, recorded.Elapsed = reply.Server, reply.Network, reply.Elapsed
		recorded.Message, err = reply.Msg.Pack()
	}
	if err != nil {
		_, recorded.Incapable = errors.AsType[*CapabilityError](err)
		recorded.Exhausted = errors.Is(err, ErrExhausted)
		recorded.Err = text(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	size := recorded.size()
	if r.truncated = r.truncated || len(r.exchanges) >= maxRecorded || r.size+size > maxRecordedSize; !r.truncated {
		r.exchanges = append(r.exchanges, recorded)
		r.size += size
	}
	return reply, err
}

// recordedOverhead is the memory that a Recorded takes beside what it refers to, in octets.
const recordedOverhead = 384

// size is the memory that an exchange takes, in octets.
func (r *Recorded) size() int {
	size := recordedOverhead + cap(r.Message) + len(r.Name) + len(r.Err)
	for _, server := range r.Avoid {
		size += 16 + len(server)
	}
	return size
}

func (r *Recorder) now() time.Time {
	if r.Time != nil {
		return r.Time()
	}
	return time.Now()
}

// Recording returns what was recorded so far. The Recorder may go on.
func (r *Recorder) Recording() *Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Recording{Exchanges: slices.Clone(r.exchanges), Truncated: r.truncated}
}
