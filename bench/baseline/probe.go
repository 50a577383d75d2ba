//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// probe is the floor for a check of one mail server.
func probe(ctx context.Context, address, name string, n int, stdout io.Writer) error {
	for range n {
		took, err := session(ctx, address, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%.3f\n", took)
	}
	return nil
}

// probes is that of a check of many.
func probes(ctx context.Context, concurrency int, list io.Reader, stdout io.Writer) error {
	servers, err := lines(list)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	var running sync.WaitGroup
	places := make(chan struct{}, concurrency)
	for _, server := range servers {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			address, name, _ := strings.Cut(server, " ")
			took, err := session(ctx, address, name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", server, err))
				return
			}
			fmt.Fprintf(stdout, "%.3f\n", took)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// session connects up to and through STARTTLS, and returns how many milliseconds that took.
// Nothing is authenticated: what is measured is the way to a certificate.
func session(ctx context.Context, address, name string) (float64, error) {
	host := dane.Host{Name: name, Base: name, Action: dane.MustEncrypt}
	start := time.Now()
	_, err := new(smtpprobe.Prober).Probe(ctx, address, host.TLSConfig(nil))
	return float64(time.Since(start).Microseconds()) / 1000, err
}
