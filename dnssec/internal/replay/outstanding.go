package replay

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// An outstanding query is one that waits for its reply.
type outstanding struct {
	server  netip.Addr
	network string
	query   *dns.Msg

	over  bool   // a step has done away with it
	reply *Entry // by that step; nil is silence
}

// silence is what a server says that does not answer.
var silence = &Entry{Adjust: []string{"do_not_answer"}}

// entry waits for a step that has a reply to the query, and returns it. It returns nil if no
// step has one.
func (n *Network) entry(server netip.Addr, network string, query *dns.Msg) *Entry {
	q := &outstanding{server: server, network: network, query: query}
	n.waiting = append(n.waiting, q)
	defer func() { n.waiting = slices.DeleteFunc(n.waiting, func(other *outstanding) bool { return other == q }) }()
	for {
		if q.over {
			return cmp.Or(q.reply, silence)
		}
		if e := n.checked(q); e != nil {
			return e
		}
		own := n.find(n.step, server, network, query)
		if own == nil {
			if e := n.once(q); e != nil {
				return e
			}
		}
		awaited := own == nil && n.awaited(q)
		if !awaited {
			own = cmp.Or(n.entryAt(n.step, server, network, query), own)
		}
		if own != nil {
			return own
		}
		later := awaited || slices.ContainsFunc(n.script.Ranges, func(r Range) bool {
			return r.First > n.step && n.entryAt(r.First, server, network, query) != nil
		})
		if !later || n.script.Config.Dialect != Unbound || n.closed {
			return nil
		}
		n.stepped.Wait()
	}
}

// checked returns the entry of the present step if that is a CHECK_OUT_QUERY which also
// answers (copy_id), and of this query.
func (n *Network) checked(q *outstanding) *Entry {
	for i := range n.script.Steps {
		s := &n.script.Steps[i]
		if s.Number == n.step && s.Type == "CHECK_OUT_QUERY" && n.script.Config.Dialect == Unbound && s.isFor(q) {
			n.done[s.Number] = true
			if slices.Contains(s.Entry.Adjust, "copy_id") {
				return s.Entry
			}
		}
	}
	return nil
}

// once returns the entry of a REPLY step to come, which in Deckard's dialect answers
// one query.
func (n *Network) once(q *outstanding) *Entry {
	for i := range n.script.Steps {
		s := &n.script.Steps[i]
		if s.Type == "REPLY" && s.Number >= n.step && n.script.Config.Dialect == Deckard && !n.done[s.Number] && s.isFor(q) {
			n.done[s.Number] = true
			return s.Entry
		}
	}
	return nil
}

// awaited reports whether a step may answer the query before the next answer is checked.
func (n *Network) awaited(q *outstanding) bool {
	if n.script.Config.Dialect != Unbound {
		return false
	}
	for i := range n.script.Steps {
		s := &n.script.Steps[i]
		switch {
		case s.Number < n.step || n.done[s.Number]:
		case s.Type == "CHECK_ANSWER":
			return false
		case s.Type == "TIMEOUT", s.Type == "ERROR", s.Type == "REPLY" && s.answers(q),
			s.Type == "CHECK_OUT_QUERY" && slices.Contains(s.Entry.Adjust, "copy_id") && s.isFor(q):
			return true
		}
	}
	return false
}

// Serve does a step of type REPLY, TIMEOUT or ERROR in Unbound's dialect, to the query
// that came last; where it is a reply, to one for what is in it. In Deckard's it has
// nothing to do.
func (n *Network) Serve(step Step) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.script.Config.Dialect == Deckard {
		return nil
	}
	n.done[step.Number] = true
	for _, q := range slices.Backward(n.waiting) {
		if !q.over && step.at(q.server) && (step.Entry == nil || step.answers(q)) {
			q.over, q.reply = true, step.Entry
			n.stepped.Broadcast()
			return nil
		}
	}
	n.stepped.Broadcast()
	return fmt.Errorf("replay: line %d: no query is outstanding for %s", step.Line, step.Type)
}

// Asked reports whether a query was made that a CHECK_OUT_QUERY step describes.
func (n *Network) Asked(step Step) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.done[step.Number] || slices.ContainsFunc(n.waiting, step.isFor)
}

// at reports whether the step is about a server.
func (s *Step) at(server netip.Addr) bool {
	i := slices.Index(s.Args, "ADDRESS")
	return i < 0 || i+1 < len(s.Args) && s.Args[i+1] == server.String()
}

// isFor reports whether the step's entry matches the query.
func (s *Step) isFor(q *outstanding) bool { return s.at(q.server) && s.Entry.isFor(q.network, q.query) }

// answers reports whether the step's entry has the question, or that of any query.
func (s *Step) answers(q *outstanding) bool {
	return s.at(q.server) && (len(s.Entry.Msg.Question) == 0 || slices.Contains(s.Entry.Adjust, "copy_query") ||
		asked{Entry: s.Entry, query: q.query}.sameQuestion())
}
