package main

import (
	"fmt"
	"io"
	"time"

	"github.com/danesmtp/danesmtp/dane"
)

// queries counts those that the resolver sent for a result.
func queries(r *dane.Result) int {
	n := 0
	for _, l := range r.Lookups() {
		n += len(l.Exchanges)
	}
	return n
}

// writePlanJSON writes the object that dane has for a result, with what the DNS took
// before the rest.
func writePlanJSON(w io.Writer, r *dane.Result) error {
	text, err := r.MarshalJSON() // json.Marshal would go through all of it once more
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "{\"dns_ms\":%.3f,\"queries\":%d,", float64(r.Elapsed)/float64(time.Millisecond), queries(r)); err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n')[1:])
	return err
}
