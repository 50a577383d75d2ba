package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/queue"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// localServer is where serve listens unless it is told otherwise.
const localServer = "nats://127.0.0.1:4222"

// connectionOptions are how a NATS server is connected to.
type connectionOptions struct{ nats, nkey, ca string }

func (o *connectionOptions) flags(f *cli.Flags) {
	f.StringVar(&o.nkey, "nkey", "", "sign in to NATS by the key in `FILE`")
	f.StringVar(&o.ca, "ca", "",
		"trust the certificates in `FILE` for the connection to NATS, and not those of the system")
}

func (o *connectionOptions) options() (all []nats.Option, err error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.ca != "" {
		text, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: there is no certificate in it", o.ca)
		}
		all = append(all, nats.Secure(config)) // a server without TLS is refused
	}
	if o.nkey != "" {
		seed, err := os.ReadFile(o.nkey)
		if err != nil {
			return nil, err
		}
		key, err := nkeys.ParseDecoratedUserNKey(seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.nkey, err)
		}
		all = append(all, queue.KeyOption(key))
	}
	return all, nil
}

// explain says what can be done about an error of a connection.
func (o *connectionOptions) explain(err error) error {
	switch {
	case !errors.Is(err, nats.ErrAuthorization):
		return err
	case o.nkey == "":
		return fmt.Errorf("%w; the server wants a key: -nkey FILE", err)
	}
	return fmt.Errorf("%w; the server does not know the key in %s", err, o.nkey)
}

// commandWorker works for a server.
func commandWorker() *cli.Command {
	return &cli.Command{
		Name: "worker", Summary: "work on a survey that another machine serves",
		Usage: []string{"[flags] [URL]", "-new-key FILE", "-try"},
		About: `Takes domains from "danesurvey serve" at URL, or on this machine, and sends back what it finds out, until all
is done. Any number of workers can come and go. The limits are those of all workers of a vantage point
together, for which their flags must be the same.`,
		Examples: []cli.Example{
			{Line: "danesurvey worker", About: "for serve on this machine"},
			{Line: "danesurvey worker -vantage fra -helo fra.example.org -nkey fra.nk tls://survey.example.org:4222"},
		},
		Exits: []cli.Exit{
			{Status: exitDone, Means: "the survey is done"},
			{Status: exitCutShort, Means: "it was interrupted: others go on with what it had"},
			{Status: exitUsage, Means: "a mistake in the command line, or the server does not want it"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o, connection := new(options), new(connectionOptions)
			f.Group("The queue")
			name := f.String("name", "survey", "`NAME` of the survey")
			connection.flags(f)
			fresh := f.String("new-key", "", "make a key in `FILE`, print the public one, and do nothing else")
			try := f.Bool("try", false,
				"make one connection that standard input asks for: worker starts this for servers on which one may have died")
			o.fixed(f)
			o.changing(f)
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				if *fresh != "" {
					public, err := newKey(*fresh)
					if err == nil {
						fmt.Fprintln(s.Out, public)
					}
					return exitDone, err
				}
				if *try {
					from, err := machine.SourceAddr(o.local)
					if err != nil {
						return exitUsage, err
					}
					return exitDone, queue.Try(ctx, smtpprobe.Prober{LocalAddr: from}, s.In, s.Out)
				}
				switch {
				case len(args) > 1:
					return exitUsage, fmt.Errorf("want one URL, and not %d arguments", len(args))
				case o.demo:
					return exitUsage, errors.New("-demo is an Internet in one process, which no other can see")
				case o.column != "":
					return exitUsage, errors.New("-column is for who has the list: serve")
				case len(args) == 0:
					args = []string{localServer}
				}
				flags, err := o.understood(f)
				if err == nil && isOn(flags, "sync") {
					err = errors.New("-sync is about the disk of who has the results: serve")
				}
				if err != nil {
					return exitUsage, err
				}
				return o.workFor(ctx, s, args[0], *name, connection)
			}
		},
	}
}

func (o *options) workFor(ctx context.Context, s cli.Streams, url, name string,
	connection *connectionOptions) (int, error) {
	dial, err := connection.options()
	if err != nil {
		return exitUsage, err
	}
	o.shared = true
	w, end, err := o.worker(s.Err)
	if err != nil {
		return exitUsage, err
	}
	defer end()
	ignoreSignals()
	worker := &queue.Worker{
		URL: url, Options: dial, Name: name, Row: w.Row, Survey: w.Survey, DNS: o.sharedDNS, Try: o.tryApart,
		Log: daemon.Log(s.Err, slog.LevelInfo),
	}
	err = worker.Run(ctx)
	if ctx.Err() != nil {
		return exitCutShort, nil
	}
	return exitDone, connection.explain(err)
}

// tryApart runs this program once more, for one connection.
func (o *options) tryApart(ctx context.Context, question []byte) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, "worker", "-try", "-local", o.local)
	c.Stdin = bytes.NewReader(question)
	return c.Output()
}

// commandPause has no more work given out, and commandGoOn has it go on.
func commandPause(name string, pause bool) *cli.Command {
	summary, done := "have a served survey paused", "paused: workers finish what they have\n"
	if !pause {
		summary, done = "have a served survey go on after a pause", "goes on\n"
	}
	return &cli.Command{
		Name: name, Summary: summary,
		Usage: []string{"[flags] [URL]"},
		About: `Tells the NATS server at URL, or on this machine, so that it holds for all workers, and over a restart. Where
workers have keys, it needs that of the operator, which serve has put into the folder of the survey.`,
		Examples: []cli.Example{
			{Line: "danesurvey " + name},
			{Line: "danesurvey " + name + " -nkey names/operator.nk -ca ca.pem tls://192.0.2.1:4222"},
		},
		Exits: []cli.Exit{
			{Status: exitDone, Means: "done"},
			{Status: exitUsage, Means: "a mistake in the command line, or the server is not there, or has no such survey"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			connection := new(connectionOptions)
			survey := f.String("name", "survey", "`NAME` of the survey")
			connection.flags(f)
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				if len(args) > 1 {
					return exitUsage, fmt.Errorf("want one URL, and not %d arguments", len(args))
				}
				url := localServer
				if len(args) == 1 {
					url = args[0]
				}
				dial, err := connection.options()
				if err != nil {
					return exitUsage, err
				}
				conn, err := nats.Connect(url, dial...)
				if err != nil {
					return exitUsage, connection.explain(fmt.Errorf("%s: %w", url, err))
				}
				defer conn.Close()
				ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				if _, err = queue.Pause(ctx, conn, *survey, pause); err == nil {
					fmt.Fprint(s.Out, done)
				}
				return exitDone, err
			}
		},
	}
}
