// Package daemon is what the servers among the examples share: the flags that choose
// their resolver, sockets on loopback, a limit for connections, a log for the journal of
// systemd, and the protocols by which it hands over sockets and is told of a start.
package daemon
