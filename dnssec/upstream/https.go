package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/miekg/dns"
)

// mediaType of messages (RFC 8484 §6).
const mediaType = "application/dns-message"

// maxHeader bounds the header of a response. It says little; net/http's own limit
// is 10 MB.
const maxHeader = 16 << 10

// maxConns bounds the connections to one server, of which HTTP/2 needs one, and
// queries at once to one of HTTP/1.1. It is what browsers have (RFC 9112 §9.4 wants
// a limit).
const maxConns = 6

// overHTTPS sends the query by a POST request (RFC 8484 §4.1), of which no cache on
// the way makes anything.
func (c *Client) overHTTPS(caller context.Context, e endpoint, m *message) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(caller, c.timeout())
	defer cancel()
	query, err := m.padded()
	if err != nil {
		return nil, err
	}
	query.wire[0], query.wire[1] = 0, 0
	packet, age, err := c.post(ctx, e, query.wire)
	if err != nil {
		return nil, cause(caller, ctx, err, new(timeoutError))
	}
	msg, err := query.accept(packet, maxMessage)
	if err != nil {
		return nil, err
	}
	grow(msg, age)
	return msg, nil
}

// post returns the body of the response, and how many seconds old it is.
func (c *Client) post(ctx context.Context, e endpoint, body []byte) (packet []byte, age uint64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.text, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header = http.Header{
		"Content-Type": {mediaType},
		"Accept":       {mediaType},
		"User-Agent":   {""}, // none: it would be of use to trackers only (RFC 8484 §8.2)
		// Not sent. It says that the request may be sent again if an idle connection
		// turns out to be closed; see http.Transport.
		"Idempotency-Key": {},
	}
	resp, err := c.httpClient(e).Do(req)
	if err != nil {
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err // the URL stands in our error already
		}
		return nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 { // RFC 8484 §4.2.1
		return nil, 0, fmt.Errorf("HTTP status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != mediaType {
		return nil, 0, errors.New("response is not of the type " + mediaType)
	}
	packet, err = io.ReadAll(io.LimitReader(resp.Body, maxMessage+1))
	if err != nil {
		return nil, 0, err
	}
	if len(packet) > maxMessage {
		return nil, 0, fmt.Errorf("response is larger than %d octets", maxMessage)
	}
	// What is no number counts as 0, and what is too large as the largest one.
	age, _ = strconv.ParseUint(resp.Header.Get("Age"), 10, 32)
	return packet, age, nil
}

// grow takes the time that a reply has spent in caches of HTTP off the TTLs (RFC
// 8484 §5.1).
func grow(msg *dns.Msg, age uint64) {
	for _, section := range [][]dns.RR{msg.Answer, msg.Ns, msg.Extra} {
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeOPT { // where it is no time
				h.Ttl -= uint32(min(uint64(h.Ttl), age))
			}
		}
	}
}

// httpClient has the connections to the server. It keeps no cookies (RFC 8484 §8.2)
// and goes nowhere else: there is no proxy, and redirects are not followed.
func (c *Client) httpClient(e endpoint) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http == nil {
		c.http = &http.Client{
			Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					// net/http dials on when the request that was in need of it is over.
					ctx, cancel := context.WithTimeout(ctx, c.timeout())
					defer cancel()
					return c.dial(ctx, network, address)
				},
				TLSClientConfig:     tlsConfig(c.TLS, e),
				TLSHandshakeTimeout: c.timeout(),
				ForceAttemptHTTP2:   true, // RFC 8484 §5.2
				MaxConnsPerHost:     maxConns,
				MaxIdleConnsPerHost: maxConns,
				IdleConnTimeout:     idleTimeout,
				// A connection that is dead must not be the one for new queries.
				HTTP2:                  &http.HTTP2Config{SendPingTimeout: c.timeout(), PingTimeout: c.timeout()},
				MaxResponseHeaderBytes: maxHeader,
				DisableCompression:     true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return c.http
}
