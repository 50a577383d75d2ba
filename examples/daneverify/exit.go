package main

import (
	"fmt"
	"io"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// Exit statuses. Of several domains the worst decides, in the order 2, 1, 3, 0.
const (
	exitSuccess = 0
	exitFailure = 1
	exitUsage   = 2 // and no capable resolver, a lack of this machine, an interrupt, or no place for the results
	exitNoDANE  = 3
)

// status is the exit status for one result.
func status(r *dane.Result, err error) int {
	switch {
	case err != nil, r.Local:
		return exitUsage
	case r.Outcome == dane.OutcomeSuccess:
		return exitSuccess
	case r.Outcome == dane.OutcomeNone:
		return exitNoDANE
	}
	return exitFailure
}

// complain prints an error on one line. Names in it may come from anywhere.
func complain(stderr io.Writer, err error) {
	say(stderr, "daneverify: %s", err)
}

// say writes a line. What servers on the network have put into it begins no other one.
func say(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintln(w, printable.Line(fmt.Sprintf(format, args...)))
	return err
}
