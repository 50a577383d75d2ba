package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultName is what a Server calls itself, and what its own certificate is for.
const DefaultName = "mail.example"

// A Server is a mail server. Make one with [NewServer] or [NewUnstartedServer]; the zero
// Server works, but has no certificate, so that every handshake fails. It is safe
// for concurrent use. Its fields must not be changed once it is used, and it must
// not be copied.
type Server struct {
	// Addr is where Server.Start listens, an IP address and port. If empty, that is
	// "127.0.0.1:0". Start sets it to the address with the port that was chosen.
	Addr string

	// Name in the greeting and in the reply to EHLO. If empty, it is DefaultName.
	Name string

	// Certificates of the server. It chooses by the client's server name (SNI) as
	// crypto/tls does: the first that is for the name, or else the first one.
	Certificates []tls.Certificate

	// ByName has certificates for server names in lower case, before all others.
	// Without Certificates, handshakes for other names fail.
	ByName map[string]tls.Certificate

	// TLS is the configuration to start from: versions, suites, client certificates.
	// If it has certificates of its own, those above are not used. Sessions are
	// resumed only with its SetSessionTicketKeys. It is not changed.
	TLS *tls.Config

	// Extensions are announced in EHLO besides the server's own.
	Extensions []string

	// NoStartTLS: the server does not offer STARTTLS, nor know it.
	NoStartTLS bool

	// Faults of the server at stages of a session.
	Faults map[Stage]Fault

	// Replies of one's own at stages of a session: sent verbatim, with CRLF at the end
	// if they do not end in LF, so that any reply can be made. The server goes on by
	// the first digit: after 2 or 3 as if the reply were its own, otherwise it does
	// not do what was asked.
	Replies map[Stage]string

	// Delays before what the server does at stages of a session. Close waits for them.
	Delays map[Stage]time.Duration

	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[net.Conn]bool
	sessions  []*session
	dialled   uint16 // connections made by Dial
	running   sync.WaitGroup
}

// NewServer starts a server on a loopback address. Without certificates it makes
// one of its own. It panics if it cannot listen. Close it in the end.
func NewServer(certificates ...tls.Certificate) *Server {
	s := NewUnstartedServer(certificates...)
	s.Start()
	return s
}

// NewUnstartedServer returns a server that does not listen yet, so that its fields
// can be changed. [Server.Dial] and [Server.ServeConn] need no [Server.Start].
func NewUnstartedServer(certificates ...tls.Certificate) *Server {
	if len(certificates) == 0 {
		certificates = []tls.Certificate{selfSigned(DefaultName)}
	}
	return &Server{Certificates: certificates}
}

// Start listens at Addr. It panics if it cannot, or if the server was closed.
func (s *Server) Start() {
	address := s.Addr
	if address == "" {
		address = "127.0.0.1:0"
	}
	var err error
	if s.Addr, err = s.Listen(address); err != nil {
		panic(err)
	}
}

// Listen serves at one more address until [Server.Close], and returns it with the port that
// was chosen. So a server can have several addresses, or several servers the same
// port on addresses such as 127.0.0.5.
func (s *Server) Listen(address string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errClosed
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("smtptest: %w", err)
	}
	s.listeners = append(s.listeners, listener)
	s.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			s.begin(conn)
		}
	})
	return listener.Addr().String(), nil
}

// Dial connects to the server in memory, whatever the address, which becomes the
// remote address of the connection. The network is ignored. Writes are buffered.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	remote, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("smtptest: %w", err)
	}
	client, server := newPipe(s.clientAddr(remote.Addr()), remote)
	if !s.begin(server) {
		client.Close()
		return nil, errClosed
	}
	return client, nil
}

// clientAddr returns an address for the client's end of a connection in memory.
func (s *Server) clientAddr(remote netip.Addr) netip.AddrPort {
	const firstPort = 49152 // RFC 6335 §6: dynamic ports
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	port := firstPort + s.dialled%(1<<14)
	if remote.Is4() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), port)
}

// ServeConn serves a connection, closes it, and returns when the session has ended.
func (s *Server) ServeConn(conn net.Conn) {
	if session := s.open(conn); session != nil {
		s.serve(session)
	}
}

// begin serves a connection in a goroutine that Close waits for. It reports false
// if the server is closed.
func (s *Server) begin(conn net.Conn) bool {
	session := s.open(conn)
	if session == nil {
		return false
	}
	go s.serve(session)
	return true
}

// open registers a connection. The server waits for the serve that has to follow.
func (s *Server) open(conn net.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return nil
	}
	if s.conns == nil {
		s.conns = make(map[net.Conn]bool)
	}
	s.conns[conn] = true
	session := newSession(s, conn)
	s.sessions = append(s.sessions, session)
	s.running.Add(1)
	return session
}

func (s *Server) serve(session *session) {
	defer s.running.Done()
	raw := session.conn
	session.run()
	raw.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, raw)
}

// Close ends all listeners and connections, and waits until nothing runs any more.
// Sessions and Messages can still be read.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, listener := range s.listeners {
		listener.Close()
	}
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Certificate returns the first of Certificates. It panics if there is none.
func (s *Server) Certificate() *x509.Certificate {
	if len(s.Certificates) == 0 {
		panic("smtptest: server has no certificate")
	}
	return leaf(s.Certificates[0])
}

// ClientTLS returns a new configuration for clients that asks for the server's name,
// and trusts its Certificates and what they have signed, and nothing else.
func (s *Server) ClientTLS() *tls.Config {
	roots := x509.NewCertPool()
	for _, certificate := range s.Certificates {
		roots.AddCert(leaf(certificate))
	}
	return &tls.Config{RootCAs: roots, ServerName: s.name()}
}

func (s *Server) name() string {
	if s.Name != "" {
		return s.Name
	}
	return DefaultName
}

// extensions returns what EHLO announces. STARTTLS is gone once TLS is up (RFC 3207
// §4.2).
func (s *Server) extensions(inTLS bool) []string {
	all := []string{"8BITMIME", "ENHANCEDSTATUSCODES", fmt.Sprintf("SIZE %d", maxMessage)}
	all = append(all, s.Extensions...)
	if !inTLS && !s.NoStartTLS {
		all = append(all, "STARTTLS")
	}
	return all
}

// tlsConfig returns the configuration of the server's end.
func (s *Server) tlsConfig() *tls.Config {
	config := s.TLS.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	if len(config.Certificates) == 0 && config.GetCertificate == nil {
		config.GetCertificate = s.choose
	}
	return config
}

// choose returns the certificate for a handshake; nil makes crypto/tls refuse it.
func (s *Server) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if certificate, ok := s.ByName[strings.ToLower(hello.ServerName)]; ok {
		return &certificate, nil
	}
	if len(s.Certificates) == 0 {
		return nil, nil
	}
	i := slices.IndexFunc(s.Certificates, func(c tls.Certificate) bool { return hello.SupportsCertificate(&c) == nil })
	return &s.Certificates[max(i, 0)], nil
}

// Sessions returns the sessions so far, in the order in which they began. Those
// that go on are among them, as far as they have come.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Session, 0, len(s.sessions))
	for _, session := range s.sessions {
		record := session.record
		record.Commands = slices.Clone(record.Commands)
		record.Messages = slices.Clone(record.Messages)
		all = append(all, record)
	}
	return all
}

// Messages returns the messages of all sessions so far.
func (s *Server) Messages() []Message {
	var all []Message
	for _, session := range s.Sessions() {
		all = append(all, session.Messages...)
	}
	return all
}
