package upstream

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// Lengths of cookies in hexadecimal digits: that of a client is 8 octets, that of a
// server 8 to 32 (RFC 7873 §4).
const (
	clientCookieSize    = 2 * 8
	minServerCookieSize = 2 * 8
	maxServerCookieSize = 2 * 32
)

// What may be wrong with a reply of the right ID.
var (
	errNoCookie    = errors.New("reply has no cookie")
	errOtherCookie = errors.New("reply has the cookie of another query")
	errBadCookie   = errors.New("server does not accept the cookie that it gave")
	errOption      = errors.New("server knows no cookies")
	errCase        = errors.New("reply has the name in other case")
)

// A peer is what a Client knows of its server, and shows it of itself. Cookies are in
// hexadecimal digits, as in dns.EDNS0_COOKIE. It is guarded by Client.mu.
type peer struct {
	client      string     // our cookie for this server (RFC 9018 §3)
	server      string     // its cookie; empty until it has shown one
	local       netip.Addr // our address, for which the cookies are
	noCookies   bool       // the option is not for this server
	changesCase bool       // the name comes back in other case, so case shows nothing

	edns       bool // it has sent an OPT record
	cookieless int  // replies without its cookie, or with that of another query, after it had shown one
	headers    int  // queries that it answered by a header alone
}

// cookie is what to send, or "".
func (p *peer) cookie() string {
	if p.noCookies {
		return ""
	}
	return p.client + p.server
}

// move makes a new cookie if our address is another one, so that nobody can follow
// us by it (RFC 9018 §8.1).
func (p *peer) move(local net.Addr) {
	var host netip.Addr
	if udp, ok := local.(*net.UDPAddr); ok {
		host = udp.AddrPort().Addr()
	}
	if p.client != "" && p.local == host {
		return
	}
	var cookie [clientCookieSize / 2]byte
	rand.Read(cookie[:]) // never fails
	p.client, p.server, p.local = hex.EncodeToString(cookie[:]), "", host
}

// untried reports whether the server has shown no cookie yet, so that queries with
// one may not even reach it.
func (c *Client) untried() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.server == ""
}

// believe says what a reply over UDP is worth by its cookie (RFC 7873 §5.3); nil
// means that it is good. The cookie of the server is remembered. Who sends back ours
// alone has seen the query. A reply to a query that was sent without one at last may be
// from a server that drops others.
func (c *Client) believe(query *message, msg *dns.Msg, last bool) error {
	got := takeOptions(msg)
	badCookie := msg.Rcode == dns.RcodeBadCookie
	c.mu.Lock()
	defer c.mu.Unlock()
	server := serverCookie(query.cookie, got)
	switch {
	case query.cookie == "" && badCookie:
		return errBadCookie // was for somebody else; TCP needs no cookie
	case query.cookie == "":
		return nil
	case got == "" && (c.known.server != "" || badCookie):
		return errNoCookie // it may be from anybody
	case got == "" && msg.Rcode == dns.RcodeFormatError:
		c.known.noCookies = true
		return errOption
	case got == "":
		c.known.noCookies = c.known.noCookies || last
		return nil
	case server == "" && (badCookie || got != query.cookie[:clientCookieSize]):
		return errOtherCookie
	case server == "":
		return nil // CoreDNS 1.12 does that
	}
	c.known.server = server
	if badCookie {
		return errBadCookie
	}
	return nil
}

// learnOfCookies is for a server whose replies over UDP do not have the right cookie.
// It gets none any more if it has not shown one of its own yet, or does it over TCP, too,
// or again and again.
func (p *peer) learnOfCookies(doubt error, o *opinion, overTCP string) {
	shown := p.server != ""
	if p.cookieless++; p.cookieless >= maxDoubts || errors.Is(doubt, errOtherCookie) && !shown {
		p.noCookies = true
	}
	if o == nil || o.err != nil || o.cookie == "" {
		return
	}
	p.server = serverCookie(o.cookie, overTCP)
	if p.server == "" && overTCP != "" && overTCP != o.cookie[:clientCookieSize] {
		p.noCookies = true
	}
}

// serverCookie returns the cookie of the server that follows ours in an option, or
// "" if the option is not what it should be.
func serverCookie(sent, got string) string {
	if len(sent) < clientCookieSize || len(got) < clientCookieSize || got[:clientCookieSize] != sent[:clientCookieSize] {
		return ""
	}
	server := got[clientCookieSize:]
	if len(server) < minServerCookieSize || len(server) > maxServerCookieSize {
		return ""
	}
	return server
}

// takeOptions takes the options that are between client and server only out of a
// message: cookies and padding (RFC 7830 §3). It returns the first cookie.
func takeOptions(msg *dns.Msg) (cookie string) {
	opt := msg.IsEdns0()
	if opt == nil {
		return ""
	}
	opt.Option = slices.DeleteFunc(opt.Option, func(option dns.EDNS0) bool {
		switch o := option.(type) {
		case *dns.EDNS0_COOKIE:
			if cookie == "" {
				cookie = o.Cookie
			}
			return true
		case *dns.EDNS0_PADDING:
			return true
		}
		return false
	})
	return cookie
}
