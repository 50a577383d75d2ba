package dnssec

import (
	"context"
	"time"
)

// A validator says what replies prove. It sees one instant, one set of anchors, and one
// budget, and sends nothing: for what a verdict rests on it asks.
type validator struct {
	now           time.Time
	skew          time.Duration
	trusted       *trusted
	negative      []NegativeAnchor
	algorithms    Algorithms
	maxIterations uint16
	budget        *budget
	signatures    *verified
	denials       *spans // nil if denials are not used for other names

	// ask gives the verdict on another question: DS records and keys on the way to an
	// anchor. It is the only door to the network.
	ask func(context.Context, question) *verdict
	// recall returns what is known of a question without asking, nil for nothing. If it is
	// being asked, it waits, but no longer than for the answer to the other question.
	recall func(ctx context.Context, q, beside question) *verdict
	// observe is shown the keys of an anchor's zone, unless it is nil.
	observe func(context.Context, *rrset)
}

// insecure returns a verdict that rests on the one that proves as much.
func (val *validator) insecure(reason Reason, expires time.Time, on *verdict) *verdict {
	return &verdict{status: Insecure, reason: reason, expires: expires, on: on}
}

// bogus returns a failed verdict, remembered for a short time.
func (val *validator) bogus(reason Reason) *verdict {
	return &verdict{status: Bogus, reason: reason, made: val.now, expires: val.now.Add(bogusTTL)}
}

// bogusOn returns one that fails in spite of what another proves, nil for nothing.
func (val *validator) bogusOn(on *verdict, reason Reason) *verdict {
	v := val.bogus(reason)
	v.on = on.unlessAnchor()
	return v
}
