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

// What may be wrong with the cookie of a reply.
var (
	errNoCookie    = errors.New("reply has no cookie")
	errOtherCookie = errors.New("reply has the cookie of another query")
	errBadCookie   = errors.New("server does not accept the cookie that it gave")
	errOption      = errors.New("server knows no cookies")
)

// A peer is what a Client knows of its server, with the cookies of both (RFC 7873). Cookies
// are in hexadecimal digits, as in dns.EDNS0_COOKIE. It is guarded by Client.mu.
type peer struct {
	clientCookie string     // our cookie for this server (RFC 9018 §3)
	serverCookie string     // its cookie; empty until it has shown one
	local        netip.Addr // our address, for which the cookies are
	noCookies    bool       // it is sent no cookies
	changesCase  bool       // it changes the case of names, so random case is of no use

	edns          bool // it has sent an OPT record
	missedCookies int  // replies without its cookie, or with that of another query, after it had shown one
	headersAlone  int  // queries that it answered by a header alone

	rtt rttEstimator // over UDP
}

// cookie returns the cookie to send, or "".
func (p *peer) cookie() string {
	if p.noCookies {
		return ""
	}
	return p.clientCookie + p.serverCookie
}

// rotateCookie makes a new cookie if our address has changed, so that we cannot be tracked
// by it (RFC 9018 §8.1).
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

// parseServerCookie returns the server's part of the cookie in a reply, or "" if the option
// is malformed or does not begin with the cookie that was sent.
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
