package tlsa_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// noon is when all certificates of these tests are made and judged.
var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

const mx = "mx.example.org" // the TLSA base domain, unless a test says otherwise

// A world is a root, an intermediate below it, and a server with a certificate by
// the intermediate.
type world struct {
	root, intermediate *tlsatest.CA
	server             *tlsatest.Certificate
	stranger           *tlsatest.CA // has nothing to do with it
}

func newWorld() world {
	var w world
	w.root = tlsatest.NewCA(tlsatest.Authority{Name: "Root", Time: noon})
	w.intermediate = w.root.NewCA(tlsatest.Authority{Name: "Intermediate"})
	w.server = w.intermediate.Issue(tlsatest.Leaf{Names: []string{mx}})
	w.stranger = tlsatest.NewCA(tlsatest.Authority{Name: "Stranger", Time: noon})
	return w
}

// A verifyCase is a chain, records, and what Verify makes of them.
type verifyCase struct {
	name, rfc   string
	chain       []*x509.Certificate
	records     []tlsa.Record
	names       []string         // nil means mx
	application tlsa.Application // zero means SMTP
	order       []tlsa.Matching
	roots       *x509.CertPool

	want   tlsa.Reason // zero means that it is accepted
	record int         // that matches
	depth  int         // at which it does
	match  string      // the name that does; "" means none for DANEEE, else mx
}

func run(t *testing.T, cases []verifyCase, complete ...func(*verifyCase)) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range cases {
		for _, f := range complete {
			f(&c)
		}
		if c.rfc == "" || seen[c.name] {
			t.Errorf("%q has no citation, or is there twice", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c verifyCase) verifier() *tlsa.Verifier {
	names := c.names
	if names == nil {
		names = []string{mx}
	}
	return &tlsa.Verifier{
		Records: c.records, Names: names, Time: atNoon,
		Application: c.application, DigestOrder: c.order, Roots: c.roots,
	}
}

func (c verifyCase) check(t *testing.T) {
	t.Helper()
	v := c.verifier()
	got, err := v.Verify(c.chain)
	if reason := reasonOf(t, err); reason != c.want {
		t.Fatalf("%s: Verify = %v, %v, want %v", c.rfc, got, err, c.want)
	}
	if satisfied := anySatisfied(v.Judge(c.chain)); satisfied != (err == nil) {
		t.Errorf("%s: Judge finds a satisfied record: %t, Verify says: %v", c.rfc, satisfied, err)
	}
	if err != nil {
		return
	}
	want := tlsa.Match{Record: c.records[c.record], Index: c.record, Depth: c.depth, Name: c.match}
	if want.Name == "" && want.Record.Usage != tlsa.DANEEE {
		want.Name = mx
	}
	if got.Index != want.Index || got.Depth != want.Depth || got.Name != want.Name || !got.Record.Equal(want.Record) {
		t.Errorf("%s: Verify = %+v, want %+v", c.rfc, got, want)
	}
}

func anySatisfied(verdicts []tlsa.Verdict) bool {
	for _, verdict := range verdicts {
		if verdict.Err == nil {
			return true
		}
	}
	return false
}

// reasonOf returns the reason of an error, which must be an *Error; 0 for nil.
func reasonOf(t *testing.T, err error) tlsa.Reason {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*tlsa.Error](err)
	if !ok || e.Reason == 0 {
		t.Fatalf("%T %v is no *tlsa.Error with a reason", err, err)
	}
	return e.Reason
}

// record is New for parameters that are known to be good.
func record(usage tlsa.Usage, selector tlsa.Selector, matching tlsa.Matching, cert *x509.Certificate) tlsa.Record {
	r, err := tlsa.New(usage, selector, matching, cert)
	if err != nil {
		panic(err)
	}
	return r
}

// damaged returns the record with the last bit of its data changed.
func damaged(r tlsa.Record) tlsa.Record {
	r.Data = append([]byte(nil), r.Data...)
	r.Data[len(r.Data)-1] ^= 1
	return r
}

func records(r ...tlsa.Record) []tlsa.Record { return r }

func certificates(c ...*x509.Certificate) []*x509.Certificate { return c }

// handshake connects the two over a pipe. The server's first octet is read, so that
// the client has received its session tickets.
func handshake(server, client *tls.Config) (tls.ConnectionState, error) {
	// Not net.Pipe, which has no buffers: a server that sends its session tickets early and a client
	// that answers would wait for each other.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return tls.ConnectionState{}, err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer near.Close()
	wg.Go(func() {
		far, err := listener.Accept()
		if err != nil {
			return
		}
		defer far.Close()
		conn := tls.Server(far, server)
		if conn.Handshake() == nil {
			conn.Write([]byte{'!'})
		}
	})
	conn := tls.Client(near, client)
	if err := conn.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.ConnectionState(), nil
}

func serverConfig(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: certificates}
}

// as returns the record with other parameters and the same data.
func as(r tlsa.Record, u tlsa.Usage, s tlsa.Selector, m tlsa.Matching) tlsa.Record {
	return tlsa.Record{Usage: u, Selector: s, Matching: m, Data: r.Data}
}

func chains(servers ...*tlsatest.Certificate) [][]*x509.Certificate {
	var all [][]*x509.Certificate
	for _, server := range servers {
		all = append(all, server.Chain())
	}
	return all
}

func mustParse(text string) tlsa.Record {
	r, err := tlsa.Parse(text)
	if err != nil {
		panic(err)
	}
	return r
}

func reversed[T any](r []T) []T {
	r = slices.Clone(r)
	slices.Reverse(r)
	return r
}
