package dane

import (
	"context"

	"github.com/danesmtp/danesmtp/dnssec"
)

// maxLinks bounds what is kept of the evidence for one lookup. A name in a zone five labels
// deep has about a dozen links, and each alias as many again.
const maxLinks = 64

type evidenceKey struct{}

// withEvidence returns a context under which lookups keep the evidence for their answers,
// which a sender has no use for.
func withEvidence(ctx context.Context) context.Context {
	return context.WithValue(ctx, evidenceKey{}, true)
}

// evidence returns the chain of trust of an answer, if that is wanted. The records of all
// links together may be as large as all replies were, so that they are left out.
func evidence(ctx context.Context, answer *dnssec.Answer) []dnssec.Link {
	if ctx.Value(evidenceKey{}) == nil {
		return nil
	}
	chain := answer.Chain()
	chain = chain[:min(len(chain), maxLinks)]
	for i := range chain {
		chain[i].Records = nil
	}
	return chain
}
