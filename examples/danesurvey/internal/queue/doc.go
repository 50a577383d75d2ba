// Package queue makes one survey of many machines, over NATS JetStream.
//
// A [Server] has the list and the store; it puts the list into a stream, some hundred lines a
// shard. A [Worker] takes shards, finds out about their domains, and sends the rows to the Server.
//
// # Nothing is lost, and nothing is there twice
//
// The store is the truth, and the stream only a way to the workers. A worker sends the rows of a shard as
// they are ready, and the Server answers when they are on its disk; the store takes one row for each line
// and vantage point. Once all rows of a shard have been answered the worker acknowledges it. A shard that
// is not acknowledged comes again, to another worker, who is told which of its lines are done. When
// the stream is empty the Server looks which lines of the list have no row, and puts them into it again.
// So a worker, the Server, or the disk of the stream may end at any moment.
//
// # One worker connects to an address
//
// DNS is asked by whoever has the shard. A mail server is connected to by one worker at a time:
// addresses are divided into [partitions] by a hash of their network, a /24 or /56, and each
// partition has one owner, who has the limits for it and remembers what its servers showed.
// Who wants to know what a server shows asks the owner of its provider's partition, by a subject
// that has the partition's number; that one has the limits for the provider, and asks the
// owner of the address. What comes back is the replies, the certificates and the
// version of a handshake in which nobody was verified, and the asker judges it.
//
// The Server leases partitions to workers, an equal part to each. A worker that has not heard from the
// Server for the time of its lease lets go of all, by its own clock and before the Server gives them to
// others; so at no time have two workers the same one. A new owner waits for a second, so that the
// rates hold over the change.
//
// # What ends workers
//
// A shard whose worker has died comes again in smaller parts, each of which its next worker takes with nothing
// beside it, and then line by line. A line that has ended three workers is set aside: its row has no verdict, and what
// DNS said about the domain if that was found out.
//
// Before a worker connects to an address it tells the Server. So if it dies it is known which
// addresses that may have been for; from then on they are connected to by a process apart, until one of those has lived
// through it. A worker with a shard of which another one has died has all connections made so; if it dies,
// it is not for somebody else's question. An address of which three processes have died is not connected to any
// more, and the rows that need it have no verdict.
package queue
