package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/queue"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	dir, column, vantages string
	name                  string
	listen                string
	cert, key, workers    string
	maxBytes              int64 // MiB
	replicas              int
	metrics               string
	connection            connectionOptions
}

// commandServe has a list surveyed by others.
func commandServe() *cli.Command {
	return &cli.Command{
		Name: "serve", Summary: "have a list surveyed by many machines",
		Usage: []string{"-dir DIR [flags] LIST|-", "-dir DIR [flags]"},
		About: `Gives the domains of LIST to workers (danesurvey worker), and keeps what they find out in DIR, which
run makes in the same way. It has a NATS server in it, or uses one that is there. Without LIST it goes on with
the survey in DIR, as it does whatever has ended it; workers need not be started again. It ends when
each line has a row from each vantage point.

At an address that others can reach, TLS and the public keys of the workers are needed: "danesurvey worker
-new-key FILE" makes a pair. A worker can do its work with that, and read or write nothing else.`,
		Examples: []cli.Example{
			{Line: "danesurvey serve -dir names names.txt", About: "workers on this machine: danesurvey worker"},
			{Line: "danesurvey serve -dir names -vantages fra,nyc -listen 192.0.2.1:4222 " +
				"-cert cert.pem -key key.pem -workers workers names.txt"},
		},
		Exits: surveyExits,
		Begin: func(f *cli.Flags) cli.Run {
			o := new(serveOptions)
			f.Group("What is asked about")
			f.StringVar(&o.dir, "dir", "", "folder `DIR` of the survey")
			f.StringVar(&o.column, "column", "",
				"LIST is CSV: the domain is in the column with this `NAME`, or number from 1 on if no line has names")
			f.StringVar(&o.vantages, "vantages", "", "ask from each of these vantage points: `NAMES` with commas between them")
			f.Group("The queue")
			f.StringVar(&o.name, "name", "survey", "`NAME` of the survey, where a NATS server has several")
			f.StringVar(&o.listen, "listen", "127.0.0.1:4222", "`ADDRESS` of the NATS server in this process")
			f.StringVar(&o.cert, "cert", "", "certificate of the server: a `FILE` in PEM")
			f.StringVar(&o.key, "key", "", "its private key: a `FILE` in PEM")
			f.StringVar(&o.workers, "workers", "",
				"`FILE` of those who may be workers: a line each with a public key, and the vantage point if there are several")
			f.Int64Var(&o.maxBytes, "max-queue", queue.DefaultMaxBytes>>20,
				"have at most `MIB` of shards on the disk; the list waits when they are")
			f.StringVar(&o.connection.nats, "nats", "",
				"use the NATS servers at this `URL`, which have JetStream, and none of one's own")
			f.IntVar(&o.replicas, "replicas", 0,
				"with -nats: keep the queue on `N` of the servers, 1 to 5 (default: 3 where there are as many, else 1)")
			o.connection.flags(f)
			f.Group("Watching it")
			f.StringVar(&o.metrics, "metrics", "",
				"metrics for Prometheus at this `ADDRESS` of loopback, such as 127.0.0.1:9465")
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				flags, err := given(f)
				if err == nil {
					err = cmp.Or(o.wrong(args), o.unused(flags, args))
				}
				if err != nil {
					return exitUsage, err
				}
				return o.run(ctx, s, args)
			}
		},
	}
}

func (o *serveOptions) run(ctx context.Context, s cli.Streams, args []string) (status int, err error) {
	ignoreSignals()
	st, err := o.store(ctx, s, args)
	if err != nil {
		return exitUsage, err
	}
	defer func() {
		if closed := st.Close(); closed != nil && err == nil {
			status, err = exitCutShort, closed
		}
	}()
	log := daemon.Log(s.Err, slog.LevelInfo)
	conn, end, err := o.connect(log)
	if err != nil {
		return exitUsage, err
	}
	defer end()
	vantages := o.names(st)
	progress, err := o.progress(st, vantages)
	if err != nil {
		return exitUsage, err
	}
	server := &queue.Server{
		Conn: conn, Name: o.name, Vantages: vantages, Store: st, Entries: st.About().List.Entries,
		MaxBytes: o.maxBytes << 20, Replicas: o.replicas, Progress: progress, Log: log,
		List: func() (survey.Source, func() error, error) {
			list, err := work.OpenList(o.dir, st.About().List, st.About().Flags["column"])
			if err != nil {
				return nil, nil, err
			}
			return list, list.Close, nil
		},
	}
	stopMetrics, err := serveMetrics(o.metrics, server)
	if err != nil {
		return exitUsage, err
	}
	defer stopMetrics()
	watch := newWatch(progress, s.Err)
	stop := watch.begin(machine.ProgressSignals()...)
	failed := server.Run(ctx)
	stop()
	watch.say("%s", progress)
	return o.conclude(ctx, watch, st, vantages, failed)
}

// wrong returns what is wrong with the flags.
func (o *serveOptions) wrong(args []string) error {
	switch {
	case o.dir == "":
		return errors.New("-dir DIR says where the results go, and is missing")
	case len(args) > 1:
		return fmt.Errorf("want one list, and not %d arguments", len(args))
	case (o.cert == "") != (o.key == ""):
		return errors.New("-cert and -key are used together")
	case o.replicas < 0 || o.replicas > 5:
		return fmt.Errorf("-replicas %d: want 1 to 5", o.replicas)
	case o.maxBytes < 1 || o.maxBytes > 1<<20:
		return fmt.Errorf("-max-queue %d: want 1 to %d", o.maxBytes, 1<<20)
	}
	if o.metrics != "" {
		if err := daemon.CheckLocal(o.metrics, 9465); err != nil {
			return fmt.Errorf("-metrics: %w", err)
		}
	}
	if _, err := survey.NewList(nil, o.column); err != nil {
		return fmt.Errorf("-%w", err)
	}
	return queue.CheckNames(o.name, strings.Split(o.vantages, ","))
}

// unused returns which of the flags that were given would not be used.
func (o *serveOptions) unused(flags map[string]string, args []string) error {
	for _, name := range []string{"listen", "cert", "key", "workers"} {
		if o.connection.nats != "" && isOn(flags, name) {
			return fmt.Errorf("-nats uses servers that are there, and takes no -%s, which is for one of serve's own", name)
		}
	}
	for _, name := range []string{"nkey", "ca", "replicas"} {
		if o.connection.nats == "" && isOn(flags, name) {
			return fmt.Errorf("-%s is for the servers of -nats, and there is none", name)
		}
	}
	for _, name := range []string{"column", "vantages"} {
		if len(args) == 0 && isOn(flags, name) {
			return fmt.Errorf("without LIST serve goes on with a survey, which has its own -%s", name)
		}
	}
	return nil
}

// store makes the survey of a list, or opens the one that is there.
func (o *serveOptions) store(ctx context.Context, s cli.Streams, args []string) (*store.Store, error) {
	if len(args) == 0 {
		return store.Open(o.dir)
	}
	name, list, err := new(options).list(s, args)
	if err != nil {
		return nil, err
	}
	list = interruptible(ctx, list)
	defer list.Close()
	st, err := makeSurvey(ctx, o.dir, name, list, o.column, map[string]string{"column": o.column, "vantages": o.vantages})
	if errors.Is(err, store.ErrExists) {
		return nil, fmt.Errorf("%w; without LIST serve goes on with it", err)
	}
	return st, err
}

// names are the vantage points.
func (o *serveOptions) names(st *store.Store) []string {
	if all := st.About().Flags["vantages"]; all != "" {
		return strings.Split(all, ",")
	}
	return []string{st.About().Flags["vantage"]} // as of run
}

func (o *serveOptions) progress(st *store.Store, vantages []string) (*work.Progress, error) {
	sum := store.Tally{States: make(map[string]int), Findings: make(map[string]int)}
	for _, v := range vantages {
		tally, err := st.Tally(v)
		if err != nil {
			return nil, err
		}
		sum.Rows += tally.Rows
		for state, n := range tally.States {
			sum.States[state] += n
		}
		for finding, n := range tally.Findings {
			sum.Findings[finding] += n
		}
	}
	return work.NewProgress(st.About().List.Entries*len(vantages), sum, false), nil
}

// connect starts a NATS server, or uses one that is there.
func (o *serveOptions) connect(log *slog.Logger) (*nats.Conn, func(), error) {
	if o.connection.nats != "" {
		options, err := o.connection.options()
		if err != nil {
			return nil, nil, err
		}
		conn, err := nats.Connect(o.connection.nats, append(options, nats.Name("danesurvey serve"),
			nats.MaxReconnects(-1))...)
		if err != nil {
			return nil, nil, o.connection.explain(fmt.Errorf("%s: %w", o.connection.nats, err))
		}
		return conn, conn.Close, nil
	}
	e := &queue.Embedded{Listen: o.listen, Dir: filepath.Join(o.dir, "queue"), MaxBytes: o.maxBytes << 20,
		Name: o.name, Log: log}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, nil, err
		}
		e.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if o.workers != "" {
		file, err := os.Open(o.workers)
		if err != nil {
			return nil, nil, err
		}
		defer file.Close()
		if e.Workers, err = queue.ReadWorkers(file); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.workers, err)
		}
		if e.Operator, err = operatorKey(filepath.Join(o.dir, "operator.nk")); err != nil {
			return nil, nil, err
		}
	}
	server, conn, err := e.Start()
	if err != nil {
		return nil, nil, err
	}
	log.Info("workers connect to", "url", server.ClientURL(), "tls", e.TLS != nil, "keys", len(e.Workers))
	return conn, func() { conn.Close(); server.Shutdown(); server.WaitForShutdown() }, nil
}

// operatorKey is the key of who may do everything, in a file that only its owner can read.
func operatorKey(name string) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := newKey(name); err != nil {
			return nil, err
		}
		seed, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	return nkeys.ParseDecoratedUserNKey(seed)
}

// newKey makes a key in a file, which must not be there, and returns the public one.
func newKey(name string) (public string, err error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return "", err
	}
	seed, err := key.Seed()
	if err != nil {
		return "", err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.Write(append(seed, '\n'))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	return key.PublicKey()
}

// serveMetrics serves metrics until it is stopped.
func serveMetrics(address string, c prometheus.Collector) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(c); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	return func() { server.Close(); <-done }, nil
}

// conclude says what became of the survey, and what can be done now.
func (o *serveOptions) conclude(ctx context.Context, w *watch, st *store.Store, vantages []string,
	failed error) (int, error) {
	switch {
	case failed != nil && ctx.Err() != nil:
		w.say("interrupted; to go on: danesurvey serve -dir %s", o.dir)
		return exitCutShort, nil
	case failed != nil:
		w.say("%v", failed)
		w.say("what is finished is kept; when that is mended, go on: danesurvey serve -dir %s", o.dir)
		return exitCutShort, nil
	}
	none := 0
	for _, v := range vantages {
		tally, err := st.Tally(v)
		if err != nil {
			return exitCutShort, err
		}
		none += tally.NoVerdict
	}
	w.say("to see the rows: danesurvey rows %s", o.dir)
	if none > 0 {
		w.say("%d rows are no verdicts", none)
		return exitNoVerdict, nil
	}
	return exitDone, nil
}
