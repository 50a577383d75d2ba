package upstream

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// An Exchanger moves one query to the DNS and brings the reply back. Everything
// that moves queries is one, so they compose. An Exchanger must be safe for
// concurrent use, must heed its context, must not modify the query, and hands the reply
// over to the caller, who may change it. The context may be that of another caller who
// asks the same, as far as its values go.
type Exchanger interface {
	Exchange(ctx context.Context, q *Query) (*Reply, error)
}

// A Query is one question and what its asker knows of the servers.
type Query struct {
	// Msg is the message to send. Its ID is ignored: the Exchanger chooses one.
	Msg *dns.Msg

	// Avoid names servers (as in Reply.Server) whose answer to this question did
	// not validate. An Exchanger with no other server left returns ErrExhausted.
	Avoid []string

	// Anchor is the zone of the nearest trust anchor: a signed zone at which the
	// capability of a server can be judged. Empty means the root.
	Anchor string

	// KeepCase asks a [Client] to send the name as it stands in Msg; see
	// [Client.KeepCase]. A [Pool] passes it on to its servers. A [Recursor] takes no
	// notice of it.
	KeepCase bool
}

// A Reply is a message and where it came from.
type Reply struct {
	// Msg is the message. A record whose RDATA the Go type for its type cannot hold, octet
	// for octet, has the one for records of unknown form (RFC 3597 §5): signatures cover
	// the octets.
	Msg     *dns.Msg
	Server  string        // the server that gave the answer, as configured or as address and port
	Network string        // "udp", "tcp", "tls" or "https"
	Elapsed time.Duration // from the first packet sent to the reply

	// PassedOver says of each server that was asked in vain before, or not asked for
	// a reason, what was wrong: an *Error or a *CapabilityError.
	PassedOver []error
}

// exchange is e.Exchange for an Exchanger that may be broken.
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
