package dnssectest

import (
	"fmt"
	"net"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// maxListens bounds the attempts to find a port that is free for both UDP and TCP.
const maxListens = 10

// Listen serves the Internet over UDP and TCP at a loopback address, like a forwarder, until
// [Internet.Close]. For an address with port 0, such as "127.0.0.1:0", it chooses a port. It
// returns the address with the port.
func (i *Internet) Listen(address string) (string, error) {
	i.once.Do(i.build)
	var packets net.PacketConn
	var streams net.Listener
	var err error
	for range maxListens {
		if packets, err = net.ListenPacket("udp", address); err != nil {
			break
		}
		if streams, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			break
		}
		packets.Close()
	}
	if err != nil {
		return "", fmt.Errorf("dnssectest: %w", err)
	}
	handler := dns.HandlerFunc(i.serve)
	for _, server := range []*dns.Server{
		{PacketConn: packets, Handler: handler},
		{Listener: streams, Handler: handler},
	} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go server.ActivateAndServe() // ends with Close
		<-started
		i.mu.Lock()
		i.servers = append(i.servers, server)
		i.mu.Unlock()
	}
	return packets.LocalAddr().String(), nil
}

func (i *Internet) serve(w dns.ResponseWriter, query *dns.Msg) {
	reply := i.reply(query)
	if reply == nil {
		return
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		truncate(query, reply)
	}
	w.WriteMsg(reply) // a client that has gone is no concern of the server
}

// truncate makes a reply fit into a datagram that the query asks for.
func truncate(query, reply *dns.Msg) {
	size := dns.MinMsgSize
	if opt := query.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
	}
	reply.Truncate(min(size, wireform.UDPSize))
}

// Close closes the sockets of [Internet.Listen]. Without a call of that it does nothing.
func (i *Internet) Close() {
	i.mu.Lock()
	servers := i.servers
	i.servers = nil
	i.mu.Unlock()
	for _, server := range servers {
		server.Shutdown()
	}
}
