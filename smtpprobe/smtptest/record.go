package smtptest

import (
	"crypto/tls"
	"net"
)

// A Session is what a server saw of one connection: see [Server.Sessions].
type Session struct {
	// RemoteAddr is the client's, LocalAddr the server's end.
	RemoteAddr, LocalAddr net.Addr
	// Commands of the client, as they came, without line ends and without messages.
	Commands []string
	// ServerName that the client asked for in the handshake (SNI), even if that
	// failed.
	ServerName string
	// TLS as the server sees it; nil until the handshake is complete.
	TLS *tls.ConnectionState
	// Messages that the server took.
	Messages []Message
	// Ended: the session is over. Err then says how: nil after QUIT.
	Ended bool
	Err   error
}

// A Message is mail that the server took: see [Server.Messages].
type Message struct {
	From string   // of MAIL, without brackets; empty for bounces
	To   []string // of RCPT, without brackets
	Data []byte   // as sent, lines with CRLF, without the dots that were added
	TLS  bool     // it came over TLS
}
