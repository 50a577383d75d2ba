package queue

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// secured starts a server with TLS and keys for two vantage points.
func secured(t *testing.T) (url string, conn *nats.Conn, roots *x509.CertPool, keys map[string]nkeys.KeyPair) {
	t.Helper()
	ca := tlsatest.NewCA(tlsatest.Authority{})
	leaf := ca.Issue(tlsatest.Leaf{Names: []string{"survey.example"}})
	e := &Embedded{TLS: &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MinVersion: tls.VersionTLS13}}
	keys = make(map[string]nkeys.KeyPair)
	for _, name := range []string{"operator", "east", "west", "stranger"} {
		key, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = key
		if public, err := key.PublicKey(); err == nil && name != "operator" && name != "stranger" {
			e.Workers = append(e.Workers, WorkerKey{public, name})
		}
	}
	e.Operator = keys["operator"]
	server, conn := embed(t, e)
	return "tls://" + server.Addr().String(), conn, ca.Pool(), keys
}

// secure is how the server of secured is connected to.
func secure(roots *x509.CertPool) nats.Option {
	return nats.Secure(&tls.Config{RootCAs: roots, ServerName: "survey.example"})
}

// TestSecuredSurvey works with the permissions that a worker has, over TLS.
func TestSecuredSurvey(t *testing.T) {
	t.Parallel()
	url, conn, roots, keys := secured(t)
	w := newWorld(t)
	f := newFolder(t, w, 300)
	st := f.create(t)
	defer st.Close()
	s := newServer(conn, st, f.dir)
	s.Vantages = []string{"east", "west"}
	var workers []*Worker
	for _, v := range []string{"east", "east", "west"} {
		one := newWorker(url, v, &dane.Checker{Verifier: w.verifier()})
		one.Options = []nats.Option{KeyOption(keys[v]), secure(roots)}
		workers = append(workers, one)
	}
	runWorkers(t, s, workers...)
	checkRows(t, st, f, w.states(t), "east", "west")
}

// TestPermissions: a worker can do nothing but its work. What it must not do is denied by the server, or
// never comes.
func TestPermissions(t *testing.T) {
	t.Parallel()
	url, conn, roots, keys := secured(t)
	secure, distrusting := secure(roots), secure(x509.NewCertPool())
	for name, options := range map[string][]nats.Option{
		"without a key":               {secure},
		"with the key of a stranger":  {secure, KeyOption(keys["stranger"])},
		"with a root that is not its": {KeyOption(keys["east"]), distrusting},
		"in clear":                    {KeyOption(keys["east"])},
	} {
		address := url
		if name == "in clear" {
			address = "nats" + strings.TrimPrefix(url, "tls")
		}
		if c, err := nats.Connect(address, options...); err == nil {
			c.Close()
			t.Errorf("a client gets in %s", name)
		}
	}
	s := &Server{Conn: conn, Name: "test", Vantages: []string{"east", "west"}, Log: testLog(), lease: time.Second,
		ackWait: time.Second}
	s.names, _ = newNames("test")
	s.leases = newLeases(time.Second, time.Now())
	if err := s.makeStream(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret := &shard{Lines: []line{{Line: 1, Domain: "secret.example"}}}
	if err := s.tryPublish(t.Context(), "west", kindNew, secret, ""); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var denied []string
	note := func(_ *nats.Conn, _ *nats.Subscription, err error) {
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, nats.ErrPermissionViolation) {
			denied = append(denied, err.Error())
		}
	}
	east, err := nats.Connect(url, secure, KeyOption(keys["east"]), nats.ErrorHandler(note))
	if err != nil {
		t.Fatal(err)
	}
	defer east.Close()
	n := s.names
	westKey, _ := keys["west"].PublicKey()
	publish := []string{
		n.shards("east", kindNew), n.shards("west", kindNew), n.server("west", opRows), n.server("west", opLease),
		n.probe("west", tierAddress, 1), inbox(westKey) + ".x", "_INBOX.x", "anything",
		"$JS.API.STREAM.PURGE." + n.stream(), "$JS.API.STREAM.DELETE." + n.stream(), "$JS.API.STREAM.MSG.GET." + n.stream(),
		"$JS.API.DIRECT.GET." + n.stream(), "$JS.API.CONSUMER.MSG.NEXT." + n.stream() + "." + consumerName("west"),
		"$JS.API.CONSUMER.CREATE." + n.stream(), "$JS.API.CONSUMER.PAUSE." + n.stream() + "." + consumerName("east"),
		"$JS.API.STREAM.CREATE.other", "$JS.ACK." + n.stream() + "." + consumerName("west") + ".1.1.1.1.1",
		"$SYS.REQ.SERVER.PING",
	}
	subscribe := []string{
		">", "danesurvey.>", n.server("east", opRows), n.shards("east", "*"), n.probe("west", tierAddress, 1),
		inbox(westKey) + ".>", "_INBOX.>", "$JS.>", "$SYS.>",
	}
	for _, subject := range publish {
		if err := east.PublishRequest(subject, east.NewInbox(), []byte("{}")); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range subscribe {
		if _, err := east.SubscribeSync(subject); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if err := east.FlushTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the handler has a goroutine of its own
	mu.Lock()
	defer mu.Unlock()
	for _, subject := range append(publish, subscribe...) {
		found := false
		for _, text := range denied {
			found = found || strings.Contains(text, `"`+subject+`"`)
		}
		if !found {
			t.Errorf("%s is not denied", subject)
		}
	}
	if info, err := s.stream.Info(t.Context()); err != nil || info.State.Msgs != 1 {
		t.Errorf("the stream has %+v, %v", info, err)
	}
	js, err := jetstream.New(east)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Consumer(t.Context(), n.stream(), consumerName("east")); err != nil {
		t.Errorf("what a worker needs: %v", err)
	}
}

// page is docs/many-machines.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestListOfWorkers: the list on the page is one, and what is wrong with a list of those who may connect is said
// with its line.
func TestListOfWorkers(t *testing.T) {
	t.Parallel()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	seed, _ := key.Seed()
	example := strings.Join(regexp.MustCompile(`(?m)^    U[A-Z2-7]{55} .*$`).FindAllString(page(t), -1), "\n")
	for _, tt := range []struct {
		name, text string
		want       int
		wrong      string
	}{
		{"that of the page", example, 2, ""},
		{"comments and blank lines", "# mine\n\n" + public + " east # Frankfurt\n" + public + "\n", 2, ""},
		{"a seed, which is secret", string(seed) + " east\n", 0, "line 1: it has no public key"},
		{"a name that is more than a token", public + " east.>\n", 0, "letters, digits"},
		{"a third word", "\n" + public + " east west\n", 0, "line 2: 3 words"},
	} {
		got, err := ReadWorkers(strings.NewReader(tt.text))
		if len(got) != tt.want || (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), string(seed)) {
			t.Errorf("%s: the error tells the seed", tt.name)
		}
	}
}
