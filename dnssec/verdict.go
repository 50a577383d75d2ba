package dnssec

import "github.com/danesmtp/danesmtp/dnssec/internal/validate"

// statusOf is the public form of how far something is proven. What is not known is a failure.
func statusOf(s validate.Status) Status {
	switch s {
	case validate.Bogus:
		return Bogus
	case validate.Insecure:
		return Insecure
	case validate.Secure:
		return Secure
	}
	return Indeterminate
}

// reasonOf is the public form of why something is not proven.
func reasonOf(r *validate.Reason) Reason {
	if r == nil {
		return Reason{}
	}
	return Reason{Code: EDE(r.Code), Zone: r.Zone, Name: r.Name, Type: r.Type, KeyTag: r.KeyTag, Text: r.Text}
}
