package main

import (
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/surveyrow"
)

// spareLines are buffers of lines that have been written, for others to come. Few are in use at a
// time: a line is made and written by one goroutine, without a wait for the network.
type spareLines chan []byte

// What is kept: more buffers than processors that make lines, and none of a domain that has far more to
// be said of it than others.
const (
	maxSpareLines = 16
	maxSpareLine  = 64 << 10
)

// take returns an empty buffer, for which there may be room already.
func (s spareLines) take() []byte {
	select {
	case line := <-s:
		return line
	default:
		return nil
	}
}

// put takes back what nobody uses any more.
func (s spareLines) put(line []byte) {
	if cap(line) > maxSpareLine {
		return
	}
	select {
	case s <- line[:0]:
	default:
	}
}

// jsonLine returns the line of JSON of a domain, which print gives back once it is written. In a list
// it begins with where the domain stands, and what was found above all. What is shown is the report,
// or has it embedded.
func (p *printer) jsonLine(row *survey.Row, report *diagnosis.Report, shown any) ([]byte, error) {
	if p.list != nil {
		head := surveyrow.HeadOf(row, report)
		return head.AppendRow(p.spare.take(), row.Result, shown)
	}
	line, err := surveyrow.AppendResult(p.spare.take(), row.Result, shown)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}
