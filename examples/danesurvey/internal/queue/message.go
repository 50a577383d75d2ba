package queue

import (
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/dane/survey"
)

// A shard is some lines of the list.
type shard struct {
	Lines []line `json:"lines"`
	// Ends are the workers that died while they had these lines.
	Ends []end `json:"ends,omitempty"`
}

// A line has a domain.
type line struct {
	Line   int    `json:"line"`
	Input  string `json:"input,omitempty"` // if it is not the domain itself
	Domain string `json:"domain"`
}

func lineOf(e survey.Entry) line {
	l := line{Line: e.Line, Input: e.Input, Domain: e.Domain}
	if l.Input == l.Domain {
		l.Input = ""
	}
	return l
}

func (l line) entry() survey.Entry {
	e := survey.Entry{Line: l.Line, Input: l.Input, Domain: l.Domain}
	if e.Input == "" {
		e.Input = e.Domain
	}
	return e
}

// An end is that of a worker.
type end struct {
	Worker string    `json:"worker"`
	At     time.Time `json:"at"` // when it was heard of for the last time
}

// suspect reports whether a worker has died of the shard, or while it had it. Then nothing else
// should be worked on beside it.
func (s *shard) suspect() bool { return len(s.Ends) > 0 }

// A beginRequest says that a worker has been given a shard.
type beginRequest struct {
	Worker string `json:"worker"`
	// Sequence of the message in the stream, and how often it was delivered.
	Sequence  uint64 `json:"sequence"`
	Delivered uint64 `json:"delivered"`
}

// A beginReply says what the worker has to do with it.
type beginReply struct {
	// Drop: nothing but to acknowledge it.
	Drop bool `json:"drop,omitempty"`
	// Done are the lines that have a row.
	Done []int `json:"done,omitempty"`
	// Error is why the Server cannot say now.
	Error string `json:"error,omitempty"`
}

// A connectRequest says that a worker is about to connect to an address, so that it is known of what it has
// died if it does.
type connectRequest struct {
	Worker string         `json:"worker"`
	Addr   netip.AddrPort `json:"addr"`
	// Died: a process has, that the worker had connect to the address. It is about to have another one do it.
	Died bool `json:"died,omitempty"`
	// Done: the connection is over. There is no answer to that. Apart: it was made by a process that lives.
	Done  bool `json:"done,omitempty"`
	Apart bool `json:"apart,omitempty"`
}

// A connectReply says what is known of an address.
type connectReply struct {
	// Ends are the processes that died while they connected to it.
	Ends []end `json:"ends,omitempty"`
}

// A rowsReply answers rows, which are lines of JSON. Without an error they are on the disk.
type rowsReply struct {
	Error string `json:"error,omitempty"`
}

// A leaseRequest says which partitions a worker has. It is sent every quarter of the lease.
type leaseRequest struct {
	Worker string `json:"worker"`
	Holds  []int  `json:"holds,omitempty"`
	// Leaving: it works no more, and what it has not acknowledged was not its end.
	Leaving bool `json:"leaving,omitempty"`
	// Deaf: it takes no shards, as no DNS server answers it.
	Deaf bool `json:"deaf,omitempty"`
}

// A leaseReply says which partitions a worker may have, from when it has sent the request.
type leaseReply struct {
	Grant []int         `json:"grant,omitempty"`
	Lease time.Duration `json:"lease"`
	// Fresh: those that are granted for the first time have had no owner before.
	Fresh bool `json:"fresh,omitempty"`
	// Workers are how many there are of the vantage point, this one included.
	Workers int `json:"workers,omitempty"`
	// Finished: there is nothing to be done any more.
	Finished bool `json:"finished,omitempty"`
}
