package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
)

// drainTimeout is how long the requests that have come may take when the program is to end.
const drainTimeout = 5 * time.Second

// A program is the server with all that it has.
type program struct {
	*options
	log      *slog.Logger
	resolver *dnssec.Resolver
	service  *service
	server   *server
	recheck  chan struct{}
}

// program makes what the flags ask for.
func (o *options) program(log *slog.Logger) (*program, error) {
	resolver, err := o.resolver.Resolver(log)
	if err != nil {
		return nil, err
	}
	p := &program{options: o, log: log, resolver: resolver, recheck: make(chan struct{}, 1)}
	p.service = &service{mixed: o.mixed, timeout: o.timeout, log: log, metrics: new(metrics)}
	if o.resolvConf != "" {
		p.service.check = &check{file: o.resolvConf, log: log}
	}
	p.server = &server{service: p.service, connections: o.connections, log: log}
	return p, p.readPolicy()
}

// begin makes the finder, whose lookups end with the context.
func (p *program) begin(ctx context.Context) {
	p.service.finder = newFinder(ctx, p.cache<<20, p.log, p.service.metrics, func(ctx context.Context, t target, now time.Time) found {
		return lookUp(ctx, p.resolver, t, now)
	})
}

func (p *program) readPolicy() error {
	if p.policy == "" {
		return nil
	}
	policy, err := readPolicy(p.policy)
	if err == nil {
		p.service.policy.Store(policy)
	}
	return err
}

// query prints the answer to one key.
func (p *program) query(ctx context.Context, w io.Writer) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.begin(ctx)
	if p.service.check != nil {
		p.service.check.now(ctx)
	}
	answer, why := p.service.answer(ctx, p.options.query)
	text := answer.String()
	fmt.Fprintln(w, text)
	if !strings.HasSuffix(text, why) { // it may have been cut off
		fmt.Fprintln(w, why)
	}
	if answer.status == temp {
		return exitFailure
	}
	return exitOK
}

// serve serves until the context ends.
func (p *program) serve(ctx context.Context, hangup <-chan os.Signal) int {
	lookups, cancelLookups := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelLookups()
	p.begin(lookups)
	listeners, err := p.listeners()
	if err != nil {
		p.log.Error("no socket", "err", err)
		return exitFailure
	}
	web, err := p.serveMetrics()
	if err != nil {
		closeAll(listeners)
		p.log.Error("no metrics", "err", err)
		return exitFailure
	}
	defer web.Close()
	if p.service.check != nil {
		p.service.check.now(ctx) // before the first answer
		go p.service.check.run(lookups, p.recheck)
	}
	go p.maintain(lookups)
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- p.server.serve(lookups, l) }()
	}
	p.ready(listeners, web)
	err = p.wait(ctx, hangup, failed)
	daemon.Notify("STOPPING=1")
	end, cancel := context.WithTimeout(lookups, drainTimeout)
	defer cancel()
	p.server.stop(end)
	if err != nil {
		p.log.Error("ended", "err", err)
		return exitFailure
	}
	p.log.Info("ended")
	return exitOK
}

// wait returns when the program is to end. Meanwhile it reloads when it is told to.
func (p *program) wait(ctx context.Context, hangup <-chan os.Signal, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-hangup:
			p.reload()
		}
	}
}

// reload reads the policy again. If it is wrong, the one before stays.
func (p *program) reload() {
	daemon.Notify("RELOADING=1")
	if err := p.readPolicy(); err != nil {
		p.log.Error("not reloaded: the policy before stays", "err", err)
	} else {
		p.service.finder.cache.clear()
		p.log.Info("reloaded")
	}
	select {
	case p.recheck <- struct{}{}:
	default: // it is about to be done
	}
	daemon.Notify("READY=1")
}

// listeners returns the sockets: those of the flags, of systemd, or the default.
func (p *program) listeners() ([]net.Listener, error) {
	all, err := daemon.Activated()
	if err != nil {
		return nil, err
	}
	addresses := p.listen
	if len(all) == 0 && len(addresses) == 0 {
		addresses = []string{defaultListen}
	}
	for _, address := range addresses {
		l, err := daemon.Listen(address, p.mode)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func closeAll(all []net.Listener) {
	for _, l := range all {
		l.Close()
	}
}

// serveMetrics serves the metrics, if an address for them is given.
func (p *program) serveMetrics() (*http.Server, error) {
	web := metricsServer(p.service, p.server.openConnections)
	if p.metrics == "" {
		return web, nil
	}
	l, err := daemon.Listen(p.metrics, p.mode)
	if err != nil {
		return nil, err
	}
	web.Addr = l.Addr().String()
	go func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("metrics", "err", err)
		}
	}()
	return web, nil
}

// ready tells everybody who wants to know.
func (p *program) ready(listeners []net.Listener, web *http.Server) {
	var addresses []string
	for _, l := range listeners {
		addresses = append(addresses, l.Addr().String())
	}
	p.log.Info("ready", "listen", addresses, "metrics", web.Addr)
	daemon.Notify("READY=1")
	if p.started != nil {
		p.started(append(addresses, web.Addr))
	}
}

// maintain keeps the trust anchors up to date, where they are tracked.
func (p *program) maintain(ctx context.Context) {
	err := p.resolver.MaintainAnchors(ctx, func(err error) { p.log.Warn("trust anchors", "err", err) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, dnssec.ErrNotTracked) {
		p.log.Error("trust anchors are not maintained", "err", err)
	}
}
