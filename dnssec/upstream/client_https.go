package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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

// overHTTPS sends the query by a POST request (RFC 8484 §4.1), which caches on the way do not
// answer.
func (c *Client) overHTTPS(caller context.Context, e *endpoint, m *message) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(caller, c.timeout())
	defer cancel()
	query, err := m.padded()
	if err != nil {
		return nil, err
	}
	query.wire[0], query.wire[1] = 0, 0
	client := c.httpClient(*e)
	packet, age, retry, err := c.tryPost(ctx, client, *e, query.wire, c.stallTime())
	if err != nil && retry && ctx.Err() == nil {
		c.forgetHTTP(client)
		packet, age, _, err = c.tryPost(ctx, c.httpClient(*e), *e, query.wire, 0)
	}
	if err != nil {
		return nil, cause(caller, ctx, err, new(timeoutError))
	}
	msg, err := query.accept(packet, maxMessage)
	switch {
	case errors.Is(err, errNotReply):
		return nil, query.describe(packet)
	case err != nil:
		return nil, err
	}
	reduceTTLs(msg, age)
	return msg, nil
}

// tryPost is post, but gives up if it uses an open connection over which nothing comes for as long
// as stall, unless that is 0. retry reports whether a failure may be that of the connection alone:
// the server has closed it meanwhile, or it is dead, which the pings of HTTP/2 may find out first.
func (c *Client) tryPost(ctx context.Context, client *http.Client, e endpoint, body []byte, stall time.Duration) (packet []byte, age uint64, retry bool, err error) {
	try, cancel := context.WithCancel(ctx)
	defer cancel()
	var wasThere atomic.Bool
	var used atomic.Pointer[heardConn]
	asked := try
	try = httptrace.WithClientTrace(try, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		wasThere.Store(info.Reused)
		secure, ok := info.Conn.(*tls.Conn)
		if !ok {
			return
		}
		conn, ok := secure.NetConn().(*heardConn)
		if used.Store(conn); !ok || !info.Reused || stall == 0 {
			return
		}
		before := conn.heard.Load()
		timer := time.AfterFunc(stall, func() {
			if conn.heard.Load() == before {
				cancel()
			}
		})
		context.AfterFunc(asked, func() { timer.Stop() })
	}})
	packet, age, err = post(try, client, e, body)
	_, answered := errors.AsType[*responseError](err)
	silent := err != nil && !answered && used.Load().isSilent(c.stallTime())
	if silent {
		err = new(timeoutError) // whatever HTTP/2 calls it
	}
	return packet, age, silent || wasThere.Load() && !answered, err
}

// A heardConn knows when something came over it last.
type heardConn struct {
	net.Conn
	made  time.Time
	heard atomic.Int64 // nanoseconds after it was made
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.made)))
	}
	return n, err
}

// isSilent reports whether nothing has come for that long. A nil heardConn, one that was not
// made, is not silent.
func (c *heardConn) isSilent(stall time.Duration) bool {
	return c != nil && time.Since(c.made)-time.Duration(c.heard.Load()) >= stall
}

// A responseError is an HTTP response without a DNS message.
type responseError struct{ what string }

func (e *responseError) Error() string { return e.what }

// post returns the body of the response, and how many seconds old it is.
func post(ctx context.Context, client *http.Client, e endpoint, body []byte) (packet []byte, age uint64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.text, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header = http.Header{
		"Content-Type": {mediaType},
		"Accept":       {mediaType},
		"User-Agent":   {""}, // not sent, since it would be of use to trackers only (RFC 8484 §8.2)
		// Not sent. It says that the request may be sent again if an idle connection
		// turns out to be closed; see http.Transport.
		"Idempotency-Key": {},
	}
	resp, err := client.Do(req)
	if err != nil {
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err // the URL stands in our error already
		}
		return nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 { // RFC 8484 §4.2.1
		return nil, 0, &responseError{fmt.Sprintf("HTTP status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))}
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != mediaType {
		return nil, 0, &responseError{"response is not of the type " + mediaType + typeText(resp.Header)}
	}
	packet, err = io.ReadAll(io.LimitReader(resp.Body, maxMessage+1))
	if err != nil {
		return nil, 0, err
	}
	if len(packet) > maxMessage {
		return nil, 0, &responseError{fmt.Sprintf("response is larger than %d octets", maxMessage)}
	}
	// Without a number it is 0, and a number that is too large counts as the largest one.
	age, _ = strconv.ParseUint(resp.Header.Get("Age"), 10, 32)
	return packet, age, nil
}

// typeText describes the type that a response has instead, quoted and short.
func typeText(header http.Header) string {
	const most = 40
	got := header.Get("Content-Type")
	if got == "" {
		return ", and of no other"
	}
	return fmt.Sprintf(", but of %q", got[:min(len(got), most)])
}

// forgetHTTP drops the connections, so that new queries make new ones.
func (c *Client) forgetHTTP(client *http.Client) {
	c.mu.Lock()
	if c.http == client {
		c.http = nil
	}
	c.mu.Unlock()
	client.CloseIdleConnections()
}

// reduceTTLs reduces the TTLs by the time that the reply has spent in HTTP caches (RFC 8484
// §5.1).
func reduceTTLs(msg *dns.Msg, age uint64) {
	for _, section := range [][]dns.RR{msg.Answer, msg.Ns, msg.Extra} {
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeOPT { // whose TTL is not a time
				h.Ttl -= uint32(min(uint64(h.Ttl), age))
			}
		}
	}
}

// httpClient returns the client with the connections to the server. It keeps no cookies of
// HTTP (RFC 8484 §8.2), uses no proxy, and follows no redirects.
func (c *Client) httpClient(e endpoint) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http == nil {
		config := tlsConfig(c.TLS, e)
		var first sync.Once
		c.http = &http.Client{
			Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					// net/http goes on dialling when the request that needed it is over.
					ctx, cancel := context.WithTimeout(ctx, c.timeout())
					defer cancel()
					wait := func() {}
					first.Do(func() { wait = readSystemRoots(config) })
					defer wait()
					conn, err := c.dial(ctx, network, address)
					if err != nil {
						return nil, err
					}
					return &heardConn{Conn: conn, made: time.Now()}, nil
				},
				TLSClientConfig:     config,
				TLSHandshakeTimeout: c.timeout(),
				ForceAttemptHTTP2:   true, // RFC 8484 §5.2
				MaxConnsPerHost:     maxConns,
				MaxIdleConnsPerHost: maxConns,
				IdleConnTimeout:     idleTimeout,
				// A dead connection must not be used for new queries.
				HTTP2:                  &http.HTTP2Config{SendPingTimeout: 2 * c.stallTime(), PingTimeout: c.stallTime()},
				MaxResponseHeaderBytes: maxHeader,
				DisableCompression:     true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return c.http
}
