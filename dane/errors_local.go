package dane

import "github.com/danesmtp/danesmtp/internal/localfault"

// Local reports whether the cause is a lack of the sender's own machine, so that it says
// nothing about the destination: no file descriptor, buffer or memory, no route or no address
// of the family, or the context was cancelled. See [Failure.Local].
func (e *Error) Local() bool { return classify(e, nil, false).Local }

// local reports whether the lookup failed for a lack of this machine.
func (l *Lookup) local() bool { return l.Err != nil && classify(l.Err, nil, false).Local }

// lack returns the error for which it is not known if the host can be delivered to, if that
// is a lack of this machine: no lookup or connection could have succeeded, or each was of a
// kind that this machine cannot make. Otherwise it returns nil.
func (h *HostResult) lack() error {
	if h.Err != nil {
		if classify(h.Err, h.Host, false).Local {
			return h.Err
		}
		return nil
	}
	var first error
	local := 0
	for _, a := range h.Attempts {
		switch {
		case a.Err == nil:
			return nil
		case localfault.IsExhausted(a.Err):
			return &Error{Domain: h.Domain, Host: h.Name, Err: a.Err}
		case classify(a.Err, h.Host, false).Local:
			local++
			if first == nil {
				first = &Error{Domain: h.Domain, Host: h.Name, Err: a.Err}
			}
		}
	}
	if local == len(h.Attempts) {
		return first
	}
	return nil
}

// lack returns the error for which the outcome might be another one on a machine that lacks
// nothing; nil if it would not.
func (r *Result) lack() error {
	if r.Outcome != OutcomeFailure || r.Unresolved {
		return nil
	}
	for i := range r.Hosts {
		if err := r.Hosts[i].lack(); err != nil {
			return err
		}
	}
	if len(r.Hosts) == 0 && r.Err != nil && classify(r.Err, nil, false).Local {
		return r.Err
	}
	return nil
}
