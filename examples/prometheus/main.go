// Command prometheus verifies domains again and again by DANE (RFC 7672), and exports
// what comes of it for Prometheus, at /metrics:
//
//	prometheus [-listen ADDRESS] [-every DURATION] DOMAIN ...
//
// It shows how a program exports dane.Counters: with a trace in the context of its
// calls, and a registered metric for each counter. See register.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/danesmtp/danesmtp/dane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listen := flag.String("listen", "localhost:9765", "`ADDRESS` to serve /metrics at")
	every := flag.Duration("every", 15*time.Minute, "`DURATION` from one round to the next")
	flag.Parse()
	if flag.NArg() == 0 || *every <= 0 {
		flag.Usage()
		os.Exit(64)
	}
	if err := run(ctx, *listen, *every, new(dane.Verifier), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string, every time.Duration, v *dane.Verifier, domains []string) error {
	var counters dane.Counters
	handler, err := metrics(&counters)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	ctx = dane.WithTrace(ctx, counters.Trace())
	for {
		verify(ctx, &dane.Checker{Verifier: v}, domains)
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			server.Close()
			if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		case <-time.After(every):
		}
	}
}

// metrics serves the counters at /metrics.
func metrics(counters *dane.Counters) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	if err := register(registry, counters); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux, nil
}

// verify counts one round. The counters are fed by the trace in ctx.
func verify(ctx context.Context, c *dane.Checker, domains []string) {
	for _, domain := range domains {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		// A result without verdict is counted as a failure, too.
		c.Verify(ctx, domain)
		cancel()
	}
}
