package dane

import (
	"context"

	"github.com/danesmtp/danesmtp/dnssec"
)

// maxLinks bounds what is kept of the evidence for one lookup. A name in a zone five labels
// deep has about a dozen links, and each alias as many again.
const maxLinks = 64

// An evidenceKey is the key of how much evidence lookups keep.
type evidenceKey struct{}

// withEvidence returns a context under which lookups keep the evidence for their answers,
// which a sender has no use for: with the records, or without.
func withEvidence(ctx context.Context, records bool) context.Context {
	return context.WithValue(ctx, evidenceKey{}, records)
}

// evidence returns the chain of trust of an answer, if that is wanted. The records of all
// links together may be as large as all replies were, so that they are left out unless
// somebody asks for them, and so is what is said of them.
func evidence(ctx context.Context, answer *dnssec.Answer) []dnssec.Link {
	records, wanted := ctx.Value(evidenceKey{}).(bool)
	if !wanted {
		return nil
	}
	list := answer.Outline
	if records {
		list = answer.Chain
	}
	chain := list()
	return chain[:min(len(chain), maxLinks)]
}
