package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

const want = `# HELP dane_attempts_total Connections to mail servers.
# TYPE dane_attempts_total counter
dane_attempts_total 4
# HELP dane_authenticate_hosts_total Mail servers that must match their TLSA records.
# TYPE dane_authenticate_hosts_total counter
dane_authenticate_hosts_total 4
# HELP dane_authenticated_attempts_total Connections to mail servers that matched their TLSA records.
# TYPE dane_authenticated_attempts_total counter
dane_authenticated_attempts_total 2
# HELP dane_failed_attempts_total Connections that could not have a message.
# TYPE dane_failed_attempts_total counter
dane_failed_attempts_total 2
# HELP dane_failed_lookups_total Lookups that failed: bogus, SERVFAIL or no answer.
# TYPE dane_failed_lookups_total counter
dane_failed_lookups_total 2
# HELP dane_hosts_total Mail servers that were looked up.
# TYPE dane_hosts_total counter
dane_hosts_total 6
# HELP dane_lookups_total Questions that were asked.
# TYPE dane_lookups_total counter
dane_lookups_total 24
# HELP dane_results_total Results of Verify, by outcome.
# TYPE dane_results_total counter
dane_results_total{outcome="failure"} 3
dane_results_total{outcome="none"} 1
dane_results_total{outcome="success"} 2
# HELP dane_skipped_hosts_total Mail servers that must not be delivered to.
# TYPE dane_skipped_hosts_total counter
dane_skipped_hosts_total 1
`

var domains = []string{"good.example", "backup.example", "nodane.example", "mismatch.example", "bogus.example", "bogustlsa.example"}

func scrape(t *testing.T, url string) (string, error) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", response.Status, err)
	}
	return string(text), nil
}

// What was counted can be scraped, and after another round it is twice as much.
func TestScrape(t *testing.T) {
	t.Parallel()
	var counters dane.Counters
	handler, err := metrics(&counters)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	internet := danetest.New(t)
	ctx := dane.WithTrace(t.Context(), counters.Trace())
	verify(ctx, internet.Checker(), domains)
	got, err := scrape(t, server.URL+"/metrics")
	if err != nil || got != want {
		t.Errorf("%v, got:\n%s\nwant:\n%s", err, got, want)
	}
	verify(ctx, internet.Checker(), domains)
	got, err = scrape(t, server.URL+"/metrics")
	if twice := `dane_results_total{outcome="failure"} 6`; err != nil || !strings.Contains(got, twice) {
		t.Errorf("%v, no %s in:\n%s", err, twice, got)
	}
}

// The command serves until it is told to end.
func TestRun(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close() // free for the command
	internet := danetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, address, time.Hour, internet.Verifier(), domains) }()
	var got string
	for range 200 {
		if got, err = scrape(t, "http://"+address+"/metrics"); err == nil && got == want {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got != want {
		t.Errorf("%v, got:\n%s", err, got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), "no address", time.Hour, internet.Verifier(), nil); err == nil {
		t.Error("no error for an address that is none")
	}
}
