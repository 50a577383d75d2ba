package validate

import (
	"context"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A Validator says what replies prove. It sees one instant, one set of anchors, and one
// budget. Now, Anchors, Budget and Source must be set. It is used by one goroutine at a time.
type Validator struct {
	Now           time.Time        // when signatures must be valid
	Skew          time.Duration    // by which Now may be wrong
	Anchors       *Anchors         // where validation starts
	Negative      []NegativeAnchor // zones that are not validated
	Algorithms    rrsig.Algorithms // what a chain of trust may rest on
	MaxIterations uint16           // of NSEC3 records that prove something; 0 means 150
	Budget        *Budget          // what may still be done
	Signatures    *SignatureCache  // what was verified before; nil if that is not remembered
	Verifying     *rrsig.Queue     // of signatures; nil if each question verifies its own
	Denials       *NSECCache       // for Deny; nil if denials are not used for other names

	// Source is where the verdicts on other questions come from.
	Source Source

	// Observe is shown the keys of a trust anchor's zone before they are judged, unless it is
	// nil.
	Observe func(context.Context, *RRset)
}

// A Source has what a verdict rests on: DS records and keys on the way to an anchor.
type Source interface {
	// Ask gives the verdict on another question. It is the only door to the network. For a
	// question that leads back to itself it gives Circle.
	Ask(ctx context.Context, q Question) *Verdict

	// Recall returns what is known of a question without asking, and nil if nothing is. If the
	// question is on its way, it waits, but no longer than for the answer to the one beside
	// it, which is needed in any case.
	Recall(ctx context.Context, q, beside Question) *Verdict
}

// Circle is the verdict on a question that is asked again to prove the answer to it. Whatever
// rests on it fails: a zone whose replies lead back to the question proves nothing.
func (val *Validator) Circle(q Question) *Verdict {
	v := val.bogus(q.Reason(CodeBogus, "the chain of trust goes in a circle: to prove these records, they would have to be proven already"))
	v.circle = true
	return v
}

// bogus returns a failed verdict, remembered for a short time. It is the fault of the data, so that an error for
// which a verdict that it rests on is Indeterminate is not its own.
func (val *Validator) bogus(reason Reason) *Verdict {
	reason.Err = nil
	return &Verdict{Status: Bogus, Reason: &reason, Made: val.Now, Expires: val.Now.Add(bogusTTL)}
}

// bogusOn returns one that fails in spite of what another verdict, which may be nil, proves.
func (val *Validator) bogusOn(on *Verdict, reason Reason) *Verdict {
	v := val.bogus(reason)
	v.RestsOn = on.unlessAnchor()
	return v
}

// insecure returns a verdict that rests on the one that proves as much.
func insecure(reason *Reason, expires time.Time, on *Verdict) *Verdict {
	return &Verdict{Status: Insecure, Reason: reason, Expires: expires, RestsOn: on}
}
