package upstream

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
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
)

// A peer is what a Client knows of its server, and shows it of itself. Cookies are in
// hexadecimal digits, as in dns.EDNS0_COOKIE. It is guarded by Client.mu.
type peer struct {
	clientCookie string     // our cookie for this server (RFC 9018 §3)
	serverCookie string     // its cookie; empty until it has shown one
	local        netip.Addr // our address, for which the cookies are
	noCookies    bool       // the option is not for this server
	changesCase  bool       // the name comes back in other case, so case shows nothing

	edns          bool // it has sent an OPT record
	missedCookies int  // replies without its cookie, or with that of another query, after it had shown one
	headersAlone  int  // queries that it answered by a header alone
}

// cookie is what to send, or "".
func (p *peer) cookie() string {
	if p.noCookies {
		return ""
	}
	return p.clientCookie + p.serverCookie
}

// rotateCookie makes a new cookie if our address is another one, so that nobody can follow
// us by it (RFC 9018 §8.1).
func (p *peer) rotateCookie(local net.Addr) {
	var host netip.Addr
	if udp, ok := local.(*net.UDPAddr); ok {
		host = udp.AddrPort().Addr()
	}
	if p.clientCookie != "" && p.local == host {
		return
	}
	var cookie [clientCookieSize / 2]byte
	rand.Read(cookie[:]) // never fails
	p.clientCookie, p.serverCookie, p.local = hex.EncodeToString(cookie[:]), "", host
}

// parseServerCookie returns the cookie of the server that follows ours in an option, or
// "" if the option is not what it should be.
func parseServerCookie(sent, got string) string {
	if len(sent) < clientCookieSize || len(got) < clientCookieSize || got[:clientCookieSize] != sent[:clientCookieSize] {
		return ""
	}
	server := got[clientCookieSize:]
	if len(server) < minServerCookieSize || len(server) > maxServerCookieSize {
		return ""
	}
	return server
}
