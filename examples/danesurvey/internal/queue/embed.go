package queue

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// maxPayload bounds a message in octets. A row of a domain with many hosts has some hundred thousand.
const maxPayload = 8 << 20

// An Embedded is a NATS server in this process. Listen without keys is for loopback alone.
type Embedded struct {
	// Listen is its address. Port 0 means one that is free.
	Listen string
	// Dir has the stream, of at most MaxBytes, and what JetStream has besides.
	Dir      string
	MaxBytes int64
	// TLS is what it is reached by; nil means that it is in clear.
	TLS *tls.Config
	// Name of the survey. Workers may use its subjects, and no others.
	Name string
	// Workers are those who may connect, and Operator is who may do everything. Without both
	// everybody may, which is for loopback alone.
	Workers  []WorkerKey
	Operator nkeys.KeyPair
	Log      *slog.Logger
}

// A WorkerKey is who may be a worker.
type WorkerKey struct {
	// Public is the public key of an NKey of a user, and Vantage the vantage point it may work for.
	Public, Vantage string
}

// ReadWorkers reads a list of those who may be workers: lines with a public key and, where vantage points
// have names, that of one.
func ReadWorkers(r io.Reader) (all []WorkerKey, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		key := WorkerKey{Public: fields[0]}
		switch len(fields) {
		case 1:
		case 2:
			key.Vantage, err = fields[1], row.CheckVantage(fields[1])
		default:
			err = fmt.Errorf("%d words: want a public key and the name of a vantage point", len(fields))
		}
		if err == nil && !nkeys.IsValidPublicUserKey(key.Public) {
			err = errors.New("it has no public key of a user, which begins with U; is it a seed, which is secret?")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, key)
	}
	return all, lines.Err()
}

// Check returns an error unless the server is as safe as its address demands.
func (e *Embedded) Check() error {
	host, _, err := net.SplitHostPort(e.Listen)
	if err != nil {
		return err
	}
	addr := net.ParseIP(host)
	switch {
	case addr == nil:
		return fmt.Errorf("%q: want an IP address and a port", e.Listen)
	case addr.IsLoopback():
		return nil
	case e.TLS == nil:
		return fmt.Errorf("%s is not loopback: TLS is needed, a certificate and its key", e.Listen)
	case e.Operator == nil:
		return fmt.Errorf("%s is not loopback: a list of the workers' public keys is needed", e.Listen)
	}
	return nil
}

// Start starts it, and returns a connection with all permissions. Both are to be closed.
func (e *Embedded) Start() (*server.Server, *nats.Conn, error) {
	if err := e.Check(); err != nil {
		return nil, nil, err
	}
	options, err := e.options()
	if err != nil {
		return nil, nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, nil, err
	}
	if e.Log != nil {
		s.SetLoggerV2(&serverLog{e.Log.With("from", "nats")}, false, false, false)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return nil, nil, fmt.Errorf("the NATS server at %s does not start", e.Listen)
	}
	dial := []nats.Option{nats.InProcessServer(s), nats.Name("danesurvey serve"), nats.MaxReconnects(-1)}
	if e.Operator != nil {
		dial = append(dial, KeyOption(e.Operator))
	}
	conn, err := nats.Connect("", dial...)
	if err != nil {
		s.Shutdown()
		return nil, nil, err
	}
	return s, conn, nil
}

func (e *Embedded) options() (*server.Options, error) {
	addr, err := net.ResolveTCPAddr("tcp", e.Listen)
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "danesurvey", Host: addr.IP.String(), Port: addr.Port, NoSigs: true, NoLog: e.Log == nil,
		JetStream: true, StoreDir: e.Dir, JetStreamMaxStore: 2 * e.MaxBytes, JetStreamMaxMemory: 16 << 20,
		MaxPayload: maxPayload, MaxConn: 1024, TLSConfig: e.TLS, TLSTimeout: 10,
		SyncAlways: true, // a shard that got lost would be asked about again, but only in the end
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if e.TLS != nil {
		o.TLS = true
	}
	if e.Operator == nil {
		return o, nil
	}
	public, err := e.Operator.PublicKey()
	if err != nil {
		return nil, err
	}
	names, err := newNames(e.Name)
	if err != nil {
		return nil, err
	}
	o.Nkeys = []*server.NkeyUser{{Nkey: public}}
	for _, w := range e.Workers {
		o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: w.Public, Permissions: names.permissions(w)})
	}
	return o, nil
}

// permissions are what a worker needs: to ask the Server, and the owners of its own vantage point, or
// to be one; to be given shards, and acknowledge them; and an inbox of its own, since what comes
// there is for nobody else.
func (n names) permissions(w WorkerKey) *server.Permissions {
	probes := n.prefix() + "probe." + token(w.Vantage) + ".>"
	consumer := n.stream() + "." + consumerName(w.Vantage)
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			n.prefix() + "server." + token(w.Vantage) + ".*", probes,
			"$JS.API.CONSUMER.INFO." + consumer, "$JS.API.CONSUMER.MSG.NEXT." + consumer, "$JS.ACK." + consumer + ".>",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{probes, inbox(w.Public) + ".>"}},
		// An owner says every few seconds that it is at it.
		Response: &server.ResponsePermission{MaxMsgs: 5000, Expires: 4 * time.Hour},
	}
}

// inbox is where a worker gets answers.
func inbox(public string) string { return "_INBOX_" + public }

// KeyOption signs in by an NKey.
func KeyOption(key nkeys.KeyPair) nats.Option {
	return func(o *nats.Options) error {
		public, err := key.PublicKey()
		if err != nil {
			return err
		}
		if err := nats.Nkey(public, key.Sign)(o); err != nil {
			return err
		}
		return nats.CustomInboxPrefix(inbox(public))(o)
	}
}

// A serverLog is the log of a NATS server.
type serverLog struct{ log *slog.Logger }

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
