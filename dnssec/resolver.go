package dnssec

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A Resolver looks up names and validates every answer itself, from a trust
// anchor down (RFC 4035 §5). It believes nothing that its Exchanger says.
//
// The zero Resolver is ready to use: it asks the system's DNS servers, or those of
// the zones themselves where the system's are of no use, and starts from the built-in
// root keys. A Resolver is safe for concurrent use, and must not be copied or changed
// after its first use.
type Resolver struct {
	// Exchanger moves the queries. Nil means [upstream.Auto].
	Exchanger upstream.Exchanger

	// Anchors is where validation starts: an [anchor.Set], or an [anchor.Tracker], which
	// follows the zones' keys as they change. Nil means [anchor.Root]. Names outside all
	// anchors are Insecure if the source has anchors, but not one of the root.
	Anchors AnchorSource

	// Algorithms is what a chain of trust may rest on. The zero value is everything
	// that is supported, SHA-1 included, as RFC 9905 wants it for now; its NoSHA1 leaves
	// that out.
	Algorithms Algorithms

	// MaxIterations is how many iterations NSEC3 records may have. What they deny
	// beyond that is Insecure (RFC 9276 §3.2). 0 means 150.
	MaxIterations uint16

	// NegativeAnchors are zones that are broken for a known reason and taken for
	// unsigned in the meantime (RFC 7646).
	NegativeAnchors []NegativeAnchor

	// NoAggressiveUse turns the aggressive NSEC cache off (RFC 8198): what proves one name
	// absent is then not used to deny others without asking. The cache saves queries for
	// names of signed zones that do not exist; a name that is added is not seen before the
	// denials around it expire, after three hours at most.
	NoAggressiveUse bool

	// Time is the instant at which signatures must be valid. Nil means time.Now.
	Time func() time.Time

	// ClockSkew is how far Time may be wrong, by which signatures are valid longer at
	// both ends: at most a day. 0 means that the clock is right.
	ClockSkew time.Duration

	once       sync.Once
	chosen     sync.Once
	upstream   upstream.Exchanger // once it is chosen
	source     AnchorSource
	tracker    AnchorTracker // the source, if it tracks anchors
	refreshing chan struct{} // holds one while anchors are refreshed
	anchors    anchorParser
	negative   []validate.NegativeAnchor
	cache      cache
	denials    validate.NSECCache
	signatures validate.SignatureCache
	verifying  rrsig.Queue
	inflights  inflights
	replied    replyTime
}

func (r *Resolver) setUp() {
	r.upstream, r.source, r.negative = r.Exchanger, r.Anchors, parseNegativeAnchors(r.NegativeAnchors)
	if r.source == nil {
		r.source = anchor.Root()
	}
	r.tracker, _ = r.source.(AnchorTracker)
	r.refreshing = make(chan struct{}, 1)
}

// chooseUpstream settles whom to ask, once it is known by the anchors whether this is a private
// Internet: then no server of the public one is asked.
func (r *Resolver) chooseUpstream(anchors anchor.Set) {
	r.chosen.Do(func() {
		if r.upstream == nil {
			r.upstream = &upstream.Auto{Private: anchors.Private()}
		}
	})
}

// now is a time of day, as those in signatures are. What else Go knows of an instant would count
// in their place where answers expire, and stands still while the machine sleeps
// (golang.org/issue/24595).
func (r *Resolver) now() time.Time {
	if r.Time != nil {
		return r.Time()
	}
	return time.Now().Round(0)
}

// maxClockSkew is the longest time for which unbound lets an expired signature pass
// (val-sig-skew-max in unbound.conf(5)).
const maxClockSkew = 24 * time.Hour

func (r *Resolver) clockSkew() time.Duration { return min(max(r.ClockSkew, 0), maxClockSkew) }

// Lookup asks for the RRset of a name and type, follows aliases, and validates
// every step. name may lack the final dot. See [Answer] for what a nil error
// means. Errors are of type *[Error]; the Answer that comes with one is for
// diagnosis only, and may be nil.
func (r *Resolver) Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	r.once.Do(r.setUp)
	now := r.now()
	r.refreshExpired(ctx, now)
	anchors, anchorErr := r.anchorsAt(now)
	if anchorErr == nil {
		answer := r.cache.answer(name, qtype, now, anchors.Generation)
		if answer != nil && now.Add(prefetchFrom(ctx)).Before(answer.Expires) {
			r.refreshDue(ctx, now)
			return answer, nil
		}
	}
	owner, err := canonical.ParseName(name)
	if err != nil {
		return nil, unasked(name, qtype, err)
	}
	if err = answerable(qtype); err == nil {
		err = anchorErr
	}
	if err != nil {
		return nil, unasked(owner.String(), qtype, err)
	}
	q, budget := validate.Question{Name: owner, Type: qtype}, budgetFrom(ctx)
	answer, err := r.lookupWith(ctx, q, now, anchors, budget)
	refreshed := r.refreshDue(ctx, now)
	if err == nil || r.tracker == nil {
		return answer, err
	}
	if refreshed != nil {
		select {
		case <-refreshed:
		case <-ctx.Done():
		case <-time.After(refreshPatience):
		}
	}
	switch changed, problem := r.anchorsAt(now); {
	case problem != nil: // as the tracker has found out by the keys that the lookup met
		return nil, unasked(owner.String(), qtype, problem)
	case changed.Generation != anchors.Generation:
		// It failed by keys that the zone has replaced or revoked meanwhile.
		return r.lookupWith(ctx, q, now, changed, budget)
	}
	return answer, err
}

var errNoAnchor = errors.New("no trust anchor is configured")

// anchorsAt returns the anchors at an instant. Without any, nothing is proven, not even
// insecurity.
func (r *Resolver) anchorsAt(now time.Time) (*validate.Anchors, error) {
	set, err := r.source.Anchors(now)
	if err != nil {
		return nil, err
	}
	if len(set) == 0 {
		return nil, errNoAnchor
	}
	r.chooseUpstream(set)
	return r.anchors.parse(set), nil
}
