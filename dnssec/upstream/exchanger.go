package upstream

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// An Exchanger sends a query to the DNS and returns the reply. [Client], [Pool],
// [Recursor], [Auto], [Recorder] and [Recording] are Exchangers, so they compose.
//
// An Exchanger must be safe for concurrent use, must return when its context ends, and
// must not modify the query. The reply belongs to the caller, who may change it. Callers
// that ask the same at the same time may share one Exchange, so the values of the context
// may be those of another caller.
type Exchanger interface {
	Exchange(ctx context.Context, q *Query) (*Reply, error)
}

// A Query is one question and what its asker knows of the servers.
type Query struct {
	// Msg is the message to send, with one question. Its ID is ignored: the Exchanger
	// chooses one.
	Msg *dns.Msg

	// Avoid names servers, as in Reply.Server, whose answer to this question did not
	// validate. An Exchanger with no other server left returns ErrExhausted.
	Avoid []string

	// Anchor is the zone of the nearest trust anchor: a signed zone at which the
	// capability of a server can be judged. Empty means the root.
	Anchor string

	// KeepCase asks a Client to send the name as it stands in Msg; see
	// Client.KeepCase. A Pool passes it on to its servers. A Recursor takes no
	// notice of it.
	KeepCase bool
}

// A Reply is a message and where it came from.
type Reply struct {
	// Msg is the message. Signatures cover the octets of records. So a record is in the
	// form for unknown types (RFC 3597 §5) if the Go type for its type would not keep
	// each octet.
	Msg     *dns.Msg
	Server  string        // the server that gave the answer, as configured or as address and port
	Network string        // "udp", "tcp", "tls" or "https"
	Elapsed time.Duration // from the first packet sent to the reply

	// PassedOver has an *Error or a *CapabilityError for each server that was
	// asked before without success, or was not asked for a reason.
	PassedOver []error
}

// exchange is e.Exchange, where an Exchanger that breaks the rules may return neither a
// reply nor an error.
func exchange(ctx context.Context, e Exchanger, q *Query) (*Reply, error) {
	reply, err := e.Exchange(ctx, q)
	if err == nil && (reply == nil || reply.Msg == nil) {
		err = errNoReply
	}
	return reply, err
}

// isValidating reports whether a query asks for DNSSEC records.
func isValidating(q *Query) bool {
	opt := q.Msg.IsEdns0()
	return opt != nil && opt.Do()
}
