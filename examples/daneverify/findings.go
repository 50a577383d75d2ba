package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/findingdocs"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/monitor"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// diagnose says what is wrong. What was not known when the time was over is not called broken.
func (p *printer) diagnose(r *dane.Result, o diagnosis.Options) diagnosis.Report {
	report, late := monitor.ForgiveLateness(r, diagnosis.Diagnose(r, o), p.timeout, r.Elapsed)
	if late {
		report.Findings = append(report.Findings, diagnosis.Finding{
			Code: diagnosis.CodeNotProbed, Severity: diagnosis.Unknown, Actor: diagnosis.Sender, Link: diagnosis.CodeNotProbed.Link(),
			Text: "The time was over before all was found out, so that what had not answered by then may be slow, and not broken.", Fix: "Allow more time by -timeout."})
		monitor.SortFindings(report.Findings)
	}
	return report
}

// writeFindings writes what is wrong with the domain, at all its hosts and addresses,
// below the verdict of a sender, which may have found one that is good.
func (p *printer) writeFindings(w io.Writer, report diagnosis.Report) error {
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	write := report.WriteText
	if p.verbose {
		write = report.WriteLongText
	}
	if !p.screen.Terminal {
		return write(w)
	}
	var text strings.Builder
	if err := write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(w, fitted(p.screen, text.String()))
	return err
}

// fitted returns findings in lines that fit a terminal, but for the records, which are to be
// copied.
func fitted(s cli.Screen, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		said := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(said)]
		if strings.HasPrefix(said, "publish: ") || strings.HasPrefix(said, "remove: ") {
			b.WriteString(line)
		} else {
			b.WriteString(s.Wrap(indent, indent+"  ", said))
		}
	}
	return b.String()
}

// failedLine is the line that mail gateways print for a domain without DANE, too.
const failedLine = "DANE FAILED for "

// consoled returns a transcript with a line after that of failedLine, where that is no more
// than that there is no DANE.
func consoled(transcript []byte, report diagnosis.Report) []byte {
	at := bytes.LastIndex(transcript, []byte(failedLine))
	if report.State != diagnosis.StateNone || at < 0 {
		return transcript
	}
	after := at + bytes.IndexByte(transcript[at:], '\n') + 1
	return slices.Insert(transcript, after, []byte("Nothing is broken: the domain is not protected by DANE, that is all.\n")...)
}

// helpOnFinding is what "help" says of the code of a finding.
func helpOnFinding(word string, s cli.Screen) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(findingdocs.Section(diagnosis.Code(word)), "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s.Wrap("", "", paragraph))
	}
	return b.String()
}
